// Package runner carries a run out: plan, boot, run, record. It brings targets up through their
// backends, gives the agents inside their orders, watches the machines, and keeps the record.
//
// Beware: the record is the only result. Nothing is judged here that is not an event first, and what
// a machine sends is checked against what it was asked before it is believed.
package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/record"
	"xtest/runner/schedule"
)

// Target is what is under test.
type Target struct {
	Name    string // backend:what
	Backend machine.Backend
	What    string
	Suites  []string
	// Leaves says which of the suites' specs to judge; nil leaves all.
	Leaves func(Spec) bool
	// Memory of the machine in bytes; 0 leaves it to Plan.Supplies.
	Memory int64
	// Options are what the user asks of its machine.
	Options machine.Options
	// Alone has its machine run while no other does: what it measures is wall time.
	Alone bool
	// Scale multiplies time limits beyond what the backend asks for; 0 is 1. They never become
	// shorter than on hardware.
	Scale float64
}

// takes says whether the spec is judged on the target.
func (t Target) takes(s Spec) bool {
	return slices.Contains(t.Suites, s.Meta.Suite) && (t.Leaves == nil || t.Leaves(s))
}

// Spec is a check that can be chosen, as the suites declare it.
type Spec struct {
	ID   string
	Meta event.Meta
}

// Plan is what is to be done.
type Plan struct {
	Targets []Target
	// Specs are those to judge, on each target whose suites they belong to.
	Specs    []Spec
	Supplies *machine.Supplies
	Seed     uint64
	// Trace has benchmarks traced and not measured: what the kernel did goes to the run's folder.
	Trace bool
	// Known gives what is known of a spec that fails or passes on a target with this result, or nil; it
	// may be nil.
	Known func(target, spec string, r *event.Result) *event.Known

	patience patience // with machines; zero means the usual
}

// Run carries the plan out, with as many machines up at once as the supplies' gate admits; without a
// gate, as this host has cores and memory for. What could not be done is on the record, in whatever
// order the targets got to it; the error is about the run as a whole: it was interrupted, or its
// record could not be kept.
func Run(ctx context.Context, plan Plan, rec *record.Writer) error {
	gate := plan.Supplies.Gate
	if gate == nil {
		gate = schedule.NewGate(schedule.Host(0))
	}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// Preparing waits for the network as much as it works, so a second one always pays.
	preparing := make(chan struct{}, max(runtime.GOMAXPROCS(0), 2))
	var all sync.WaitGroup
	for _, t := range plan.Targets {
		select {
		case preparing <- struct{}{}:
		case <-working.Done():
		}
		if working.Err() != nil {
			break
		}
		all.Go(func() {
			work := &work{plan: plan, target: t, rec: rec, gate: gate}
			work.run(working, func() { <-preparing })
			if err := rec.Err(); err != nil {
				stop(err) // what the others do would go unrecorded
			}
		})
	}
	all.Wait()
	return errors.Join(context.Cause(ctx), rec.Err())
}

// work is what there is to do for one target.
type work struct {
	plan   Plan
	target Target
	rec    *record.Writer
	gate   *schedule.Gate
	took   time.Duration // waiting for a turn left out
}

// run calls prepared when the target is prepared, or cannot be.
func (w *work) run(ctx context.Context, prepared func()) {
	start := time.Now()
	img := w.prepare(ctx)
	w.took = time.Since(start)
	prepared()
	if img != nil {
		w.judge(ctx, img)
	}
	if ctx.Err() == nil { // what was cut off is not done
		w.rec.Add(event.Event{Kind: event.TargetEnded, Target: w.target.Name, Duration: w.took})
	}
}

func (w *work) prepare(ctx context.Context) *machine.Image {
	t := w.target
	supplies := *w.plan.Supplies
	supplies.Options = t.Options
	if t.Memory > 0 {
		supplies.Memory = t.Memory
	}
	img, err := t.Backend.Prepare(ctx, t.What, &supplies)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		miss := event.Event{Kind: event.TargetMissed, Target: t.Name, Reason: err.Error()}
		var u *machine.Unavailable
		if errors.As(err, &u) {
			miss.Reason, miss.Fix = u.Reason, u.Fix
		}
		w.rec.Add(miss)
		return nil
	}
	if t.Scale > 0 {
		img.Scale = max(img.Scale*t.Scale, 1)
		img.BootLimit = time.Duration(float64(img.BootLimit) * t.Scale)
	}
	img.Plan.Suites, img.Plan.Target = t.Suites, t.Backend.Name()
	if t.What != "" {
		img.Plan.Target += ":" + t.What
	}
	return img
}

func (w *work) judge(ctx context.Context, img *machine.Image) {
	j := w.judging(img)
	leave, err := w.enter(ctx, img)
	if err != nil {
		return
	}
	defer leave()
	start := time.Now()
	j.run(ctx)
	w.took += time.Since(start)
}

// enter waits until the image may be booted.
func (w *work) enter(ctx context.Context, img *machine.Image) (leave func(), err error) {
	return w.gate.Enter(ctx, schedule.Need{Cores: img.Cores, Memory: img.Memory, Folder: img.Folder, Alone: w.target.Alone})
}

// judging puts on the record what is to be judged on the target, and gives the work that it is.
func (w *work) judging(img *machine.Image) *judging {
	t, plan := w.target, w.plan
	w.rec.Add(event.Event{Kind: event.TargetPlanned, Target: t.Name, Plan: &img.Plan})
	j := &judging{target: t.Name, image: img, rec: w.rec, seed: plan.Seed, trace: plan.Trace, specs: map[string]Spec{}, known: plan.Known, patience: plan.patience}
	if j.patience == (patience{}) {
		j.patience = usual
	}
	for _, s := range plan.Specs {
		// What ends its caller is for machines that have callers to spare.
		if !t.takes(s) || len(s.Meta.Ends) > 0 && !img.Nests {
			continue
		}
		s.Meta.Limit = time.Duration(float64(s.Meta.Limit) * max(img.Scale, 1))
		j.specs[s.ID] = s
		j.order = append(j.order, s.ID)
		w.rec.Add(event.Event{Kind: event.SpecListed, Target: t.Name, Suite: s.Meta.Suite, Spec: s.ID, Meta: &s.Meta})
	}
	return j
}

// Fingerprint describes the machine that xtest runs on.
func Fingerprint() event.Host { return fingerprint(os.ReadFile) }

func fingerprint(read func(string) ([]byte, error)) event.Host {
	var h event.Host
	if text, err := read("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = strings.TrimSpace(string(text))
	}
	if text, err := read("/proc/cpuinfo"); err == nil {
		for line := range strings.SplitSeq(string(text), "\n") {
			key, value, _ := strings.Cut(line, ":")
			switch strings.TrimSpace(key) {
			case "processor":
				h.Cores++
			case "model name":
				h.CPU = strings.TrimSpace(value)
			}
		}
	}
	if text, err := read("/proc/meminfo"); err == nil {
		var kb int64
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kb); err == nil {
			h.Memory = kb << 10
		}
	}
	return h
}
