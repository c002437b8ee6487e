package runner

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/record"
	"xtest/runner/schedule"
)

// Turn is a boot of a target in which all its specs are judged anew.
type Turn struct {
	Target string
	// Salt is the number of a boot parameter that nothing reads, xtest.salt=N; 0 leaves it out.
	Salt int
}

// SaltParam is the boot parameter that a salt is the value of.
const SaltParam = "xtest.salt"

// Stage is how far a measurement is.
type Stage struct {
	Up    []string // the targets that can be booted, in the plan's order
	Ended int      // turns
	// Settle waits until the turns that have begun have ended, and gives their number.
	Settle func() int
}

// Measure carries the plan out in the turns that next gives until it has none, in their order: a turn
// begins when the one before has begun and the gate has room for both. Next is called by one goroutine,
// when the turn before has begun; its turn's target is one that is up. The error is that of [Run].
func Measure(ctx context.Context, plan Plan, rec *record.Writer, next func(Stage) (Turn, bool)) error {
	gate := plan.Supplies.Gate
	if gate == nil {
		gate = schedule.NewGate(schedule.Host(0))
	}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	all := map[string]*measuring{}
	var preparing sync.WaitGroup
	for _, t := range plan.Targets {
		m := &measuring{work: work{plan: plan, target: t, rec: rec, gate: gate}}
		all[t.Name] = m
		preparing.Go(func() { m.prepare(working) })
	}
	preparing.Wait()
	var up []string
	for _, t := range plan.Targets {
		if all[t.Name].img != nil {
			up = append(up, t.Name)
		}
	}
	var turns sync.WaitGroup
	var ended atomic.Int32
	for len(up) > 0 && working.Err() == nil {
		turn, ok := next(Stage{Up: up, Ended: int(ended.Load()), Settle: func() int {
			turns.Wait()
			return int(ended.Load())
		}})
		if !ok {
			break
		}
		m := all[turn.Target]
		leave, err := m.enter(working, m.img)
		if err != nil {
			break
		}
		turns.Go(func() {
			defer leave()
			defer ended.Add(1)
			m.boot(working, turn.Salt)
			if err := rec.Err(); err != nil {
				stop(err)
			}
		})
	}
	turns.Wait()
	for _, t := range plan.Targets {
		if ctx.Err() == nil {
			rec.Add(event.Event{Kind: event.TargetEnded, Target: t.Name, Duration: all[t.Name].took})
		}
	}
	return errors.Join(context.Cause(ctx), rec.Err())
}

// measuring is the work on one target that is booted again and again.
type measuring struct {
	work
	img   *machine.Image
	whole *judging     // all specs; each boot works on a copy
	boots atomic.Int32 // so far
	mu    sync.Mutex   // of took
}

func (m *measuring) prepare(ctx context.Context) {
	if m.img = m.work.prepare(ctx); m.img != nil {
		m.whole = m.judging(m.img)
		m.whole.count = &m.boots
	}
}

func (m *measuring) boot(ctx context.Context, salt int) {
	start := time.Now()
	j, img := *m.whole, *m.img
	j.order = slices.Clone(j.order)
	if j.image, j.salt = &img, salt; salt != 0 {
		img.Params = append(slices.Clone(img.Params), SaltParam+"="+strconv.Itoa(salt))
	}
	j.run(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took += time.Since(start)
}
