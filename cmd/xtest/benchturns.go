package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"xtest/reports"
	"xtest/reports/bench"
	"xtest/runner"
	"xtest/runner/record"
)

// measure boots the targets in turns.
func (f *measureFlags) measure(ctx context.Context, plan runner.Plan, rec *record.Writer, progress *reports.Progress) error {
	t := &taking{measureFlags: f, targets: plan.Targets, dir: rec.Dir, say: func(format string, args ...any) { progress.Say(fmt.Sprintf(format, args...)) }}
	err := runner.Measure(ctx, plan, rec, t.next)
	if t.err != nil {
		return t.err
	}
	return err
}

// taking is who takes turns: each target once, then each once the other way round, and so on, so that what
// becomes slower with time does so for all.
type taking struct {
	*measureFlags
	targets []runner.Target
	dir     string
	say     func(format string, args ...any)
	start   time.Time
	begun   int // turns
	enough  int // boots of each target until the next look
	err     error
}

func (t *taking) next(s runner.Stage) (runner.Turn, bool) {
	if t.begun == 0 {
		t.start, t.enough = time.Now(), t.boots
		t.targets = slices.DeleteFunc(slices.Clone(t.targets), func(target runner.Target) bool { return !slices.Contains(s.Up, target.Name) })
		if t.adaptive && len(t.targets) < 2 {
			return runner.Turn{}, false // the run says what was missed
		}
	}
	if t.adaptive && t.begun == t.enough*len(t.targets) {
		var more int
		if more, t.err = t.look(s.Settle()); more == 0 {
			return runner.Turn{}, false
		}
		t.enough += more
	}
	if t.begun == t.enough*len(t.targets) {
		return runner.Turn{}, false
	}
	turn := t.turn(t.begun)
	t.begun++
	left := ""
	if n := t.enough*len(t.targets) - s.Ended; s.Ended > 0 {
		left = ", " + reports.Span(time.Since(t.start)/time.Duration(s.Ended)*time.Duration(n)) + " left"
	}
	salt := ""
	if turn.Salt > 0 {
		salt = fmt.Sprintf("  salt %d", turn.Salt)
	}
	t.say("boot    %d of %d  %s%s%s", t.begun, t.enough*len(t.targets), turn.Target, salt, left)
	return turn, true
}

// turn gives the n-th turn, from 0.
func (t *taking) turn(n int) runner.Turn {
	round, at := n/len(t.targets), n%len(t.targets)
	if round%2 == 1 {
		at = len(t.targets) - 1 - at
	}
	turn := runner.Turn{Target: t.targets[at].Name}
	if saltable(t.targets[at].Backend) {
		salt := round
		if t.salts > 0 {
			salt %= t.salts
		}
		turn.Salt = t.first + salt
	}
	return turn
}

// look gives how many more boots of each target there are to be, 0 when all is known that the budget allows.
func (t *taking) look(ended int) (more int, err error) {
	budget := maxBoots
	if ended > 0 {
		each := time.Since(t.start) / time.Duration(ended) * time.Duration(len(t.targets))
		budget = min(t.enough+int((t.budget-time.Since(t.start))/each), maxBoots)
	}
	comparisons, err := t.compared(t.dir)
	if err != nil {
		return 0, err
	}
	judged, unknown := 0, 0
	for _, c := range comparisons {
		for _, r := range c.Rows {
			if !r.Counter && r.Only == "" {
				judged++
			}
		}
	}
	for _, c := range comparisons {
		for _, r := range c.Rows {
			if r.Counter || r.Only != "" || r.Note != "" {
				continue
			}
			base, now := c.Base.Find(r.Name, r.Unit), c.New.Find(r.Name, r.Unit)
			if n, f := bench.Next(base.Values, now.Values, t.judging.Settings, judged, budget); f.Verdict == bench.Unknown {
				unknown++
				more = max(more, n)
			}
		}
	}
	if judged == 0 && ended == 0 {
		return min(firstBoots, budget), nil
	}
	next := ""
	switch {
	case more > 0:
		next = fmt.Sprintf("; %d more", more)
	case unknown > 0:
		next = fmt.Sprintf("; --budget %v ends here", t.budget)
	}
	t.say("look    %d of %d benchmarks are known after %d boots of each target%s", judged-unknown, judged, t.enough, next)
	return more, nil
}

// firstBoots are those of each target before the first look.
const firstBoots = 5

// compared compares the run's targets with its first one.
func (f *measureFlags) compared(dir string) ([]*bench.Comparison, error) {
	r, err := bench.Load(dir)
	if err != nil || len(r.Sides) < 2 {
		return nil, err
	}
	var sides []*bench.Side
	for _, name := range f.names {
		if s := r.Find(name); s != nil {
			sides = append(sides, s)
		}
	}
	var pairs [][2]*bench.Side
	for _, s := range sides[1:] {
		pairs = append(pairs, [2]*bench.Side{sides[0], s})
	}
	return bench.Compare(pairs, f.judging), nil
}

// show writes what was measured: of one target the benchmarks, of several how they differ from the first.
func (f *measureFlags) show(w io.Writer, s screen, m *reports.Model) error {
	if err := reports.Table(w, m, s.options()); err != nil {
		return err
	}
	r, err := bench.Load(m.Dir)
	if err != nil {
		return err
	}
	if len(r.Sides) == 1 {
		fmt.Fprintln(w)
		return bench.List(w, r.Sides[0])
	}
	if f.compares, err = f.compared(m.Dir); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return benchTables(w, f.compares, false)
}
