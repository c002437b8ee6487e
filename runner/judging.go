package runner

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/record"
	"xtest/runner/wire"
)

// judging is the work on one target: boots until every spec has a verdict.
type judging struct {
	target string
	image  *machine.Image
	rec    *record.Writer
	seed   uint64
	trace  bool
	specs  map[string]Spec // all, by ID
	known  func(target, spec string, r *event.Result) *event.Known
	order  []string // those still without a verdict
	boots  int
	salt   int           // of its boots, or 0
	count  *atomic.Int32 // of the target's boots, when several work on it; may be nil
	up     bool          // it came up once
	moving moving

	patience patience
}

const destructive = "destructive"

func (j *judging) run(ctx context.Context) {
	if err := j.pack(); err != nil {
		for _, id := range j.moving.specs {
			j.ended(id, event.Result{Verdict: event.Broken, Reason: err.Error()})
		}
	}
	defer j.moving.unpack()
	idle := 0 // boots in a row that judged nothing
	for len(j.order) > 0 && ctx.Err() == nil && j.rec.Err() == nil {
		before, left := len(j.order), len(j.moving.gone)
		end := j.boot(ctx, j.batch())
		j.up = j.up || end.booted
		if len(j.order) < before || len(j.moving.gone) > left {
			idle = 0
			continue
		}
		if ctx.Err() != nil {
			return // cut off is not judged: those that never started stay so
		}
		idle++
		// A machine that never came up will not come up, and one that twice dies before its first
		// spec does not stay up.
		if !j.up || idle == 2 {
			for _, id := range j.order {
				j.ended(id, event.Result{Verdict: event.Broken, Reason: end.why})
			}
			return
		}
	}
}

// batch chooses what the next boot judges: all that may share a machine, else those that come from
// another one, else one destructive spec.
func (j *judging) batch() []string {
	if j.image.Nests {
		return slices.Clone(j.order)
	}
	var shared, moved []string
	for _, id := range j.order {
		switch {
		case j.moving.gone[id]:
			moved = append(moved, id)
		case j.specs[id].Meta.Grade != destructive:
			shared = append(shared, id)
		}
	}
	for _, together := range [][]string{shared, moved} {
		if len(together) > 0 {
			return together
		}
	}
	return j.order[:1]
}

func (j *judging) boot(ctx context.Context, batch []string) ending {
	if j.boots++; j.count != nil {
		j.boots = int(j.count.Add(1))
	}
	j.rec.Add(event.Event{Kind: event.BootStarted, Target: j.target, Boot: j.boots, Salt: j.salt})
	order := wire.Order{Seed: j.seed, Trace: j.trace, Specs: batch, Luggage: j.moving.luggage(batch)}
	for _, id := range batch {
		if s := j.specs[id].Meta.Suite; !slices.Contains(order.Suites, s) {
			order.Suites = append(order.Suites, s)
		}
	}
	if j.image.Nests {
		order.Tasks = j.tasks(batch)
	}
	m, err := j.image.Start(order, j.rec.ConsoleLog(j.target, j.boots))
	if err != nil {
		why := fmt.Sprintf("the machine could not be started: %v", err)
		j.rec.Add(event.Event{Kind: event.MachineEnded, Target: j.target, Boot: j.boots, Reason: why})
		return ending{why: why}
	}
	v := &vigil{judging: j, m: m, batch: map[string]bool{}}
	for _, id := range batch {
		v.batch[id] = true
	}
	return v.keep(ctx)
}

// tasks are what a machine has to know of the specs that it gives to guests of its own.
func (j *judging) tasks(ids []string) map[string]wire.Task {
	tasks := map[string]wire.Task{}
	for _, id := range ids {
		m := j.specs[id].Meta
		tasks[id] = wire.Task{Limit: m.Limit, Alone: m.Grade == destructive, Ends: m.Ends}
	}
	return tasks
}

// ended puts a spec's verdict on the record.
func (j *judging) ended(id string, r event.Result) {
	for i, o := range j.order {
		if o == id {
			j.order = append(append([]string{}, j.order[:i]...), j.order[i+1:]...)
			break
		}
	}
	r.Known = nil // a machine cannot excuse itself
	if j.known != nil && (r.Verdict == event.Fail || r.Verdict == event.Pass) {
		r.Known = j.known(j.target, id, &r)
	}
	j.rec.Add(event.Event{
		Kind: event.SpecEnded, Target: j.target, Boot: j.boots,
		Suite: j.specs[id].Meta.Suite, Spec: id, Result: &r,
	})
}
