// Package merge puts the records of several runs together into one: those of the parts that a run was
// split into, or of targets that were judged apart.
//
// Beware: the runs may come from machines whose clocks differ, so their events are not sorted by time.
// They stand target by target, and within a target run by run, which keeps each boot in one piece.
package merge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"xtest/reports"
	"xtest/runner/event"
)

// Options say how strict a merge is.
type Options struct {
	// Order are specs' IDs in the order in which a whole run lists them; others come behind them.
	Order []string
	// Force merges also what does not belong together. Of two verdicts the worse will stand.
	Force bool
}

// Merged is a record that was put together.
type Merged struct {
	// Run describes it; its ID and Command are left to the caller.
	Run event.Run
	// Events are all but the first, run-started, and the last, run-ended.
	Events []event.Event
	// Consoles are the boots whose logs go with them.
	Consoles []Console
	// Whole is true when each of the runs came to its end; Reason is why one ended early.
	Whole  bool
	Reason string
}

// Console is the log of one boot, which has a new number.
type Console struct {
	Dir      string // of the run it comes from
	Target   string
	From, To int // boots
}

// Records merges the records. The error names all that keeps them from belonging together.
func Records(records []*reports.Record, o Options) (*Merged, error) {
	var runs []*run
	for _, rec := range records {
		r, err := newRun(rec)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	slices.SortStableFunc(runs, func(a, b *run) int { return cmp.Compare(a.index(), b.index()) })
	if err := check(runs, o.Force); err != nil {
		return nil, err
	}
	m := &Merged{Whole: true}
	m.describe(runs)
	for _, r := range runs {
		m.Whole = m.Whole && r.end != nil
		if r.end != nil && r.end.Reason != "" && m.Reason == "" {
			m.Reason = fmt.Sprintf("run %s: %s", r.start.ID, r.end.Reason)
		}
		for _, w := range r.warnings {
			w.Reason = fmt.Sprintf("run %s: %s", r.start.ID, w.Reason)
			m.Events = append(m.Events, w)
		}
	}
	place := map[string]int{}
	for i, id := range o.Order {
		place[id] = i - len(o.Order) // before all that are not in it, which get 0
	}
	for _, name := range m.Run.Targets {
		m.target(name, runs, place)
	}
	return m, nil
}

func (m *Merged) describe(runs []*run) {
	first := runs[0].start
	m.Run = event.Run{Version: first.Version, Seed: first.Seed, Flags: first.Flags, Host: first.Host}
	for _, r := range runs {
		if r.start.Host != m.Run.Host {
			m.Run.Host = event.Host{} // there is no such machine; each run has its own
		}
		one := *r.start
		one.Targets = nil
		m.Run.Merged = append(m.Run.Merged, one)
		for _, name := range r.start.Targets {
			if !slices.Contains(m.Run.Targets, name) {
				m.Run.Targets = append(m.Run.Targets, name)
			}
		}
	}
	// What the runs say beside their list, as records of older versions do.
	for _, r := range runs {
		for _, name := range r.names {
			if !slices.Contains(m.Run.Targets, name) {
				m.Run.Targets = append(m.Run.Targets, name)
			}
		}
	}
}

// target appends what the runs say of one target: once what it is and what is judged, then the boots
// of one run after the other, and its end when it came to an end in all of them.
func (m *Merged) target(name string, runs []*run, place map[string]int) {
	end := event.Event{Kind: event.TargetEnded, Target: name}
	ended := true
	var heads, body []event.Event
	listed := map[string]event.Event{}
	boots := 0
	for _, r := range runs {
		t := r.targets[name]
		if t == nil {
			ended = ended && !slices.Contains(r.start.Targets, name) // it never came to it
			continue
		}
		if t.end == nil {
			ended = false
		} else {
			end.Duration += t.end.Duration
			end.Time = later(end, *t.end).Time
		}
		for _, h := range t.heads {
			if !slices.ContainsFunc(heads, func(o event.Event) bool { return o.Kind == h.Kind }) {
				heads = append(heads, h)
			}
		}
		for _, e := range t.listed {
			if _, ok := listed[e.Spec]; !ok {
				listed[e.Spec] = e
			}
		}
		last := 0
		for _, e := range t.body {
			if e.Boot > 0 {
				last = max(last, e.Boot)
				if e.Kind == event.BootStarted {
					m.Consoles = append(m.Consoles, Console{r.dir, name, e.Boot, boots + e.Boot})
				}
				e.Boot += boots
			}
			body = append(body, e)
		}
		boots += last
	}
	m.Events = append(m.Events, heads...)
	specs := slices.Collect(maps.Values(listed))
	slices.SortFunc(specs, func(a, b event.Event) int {
		return cmp.Or(cmp.Compare(place[a.Spec], place[b.Spec]), cmp.Compare(a.Spec, b.Spec))
	})
	m.Events = append(append(m.Events, specs...), body...)
	if ended {
		m.Events = append(m.Events, end)
	}
}

func later(a, b event.Event) event.Event {
	if a.Time.After(b.Time) {
		return a
	}
	return b
}
