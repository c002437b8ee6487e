package merge

import (
	"fmt"

	"xtest/reports"
	"xtest/runner/event"
)

// run is one of the records, taken apart.
type run struct {
	dir      string
	start    *event.Run
	end      *event.Event
	warnings []event.Event // about the run as a whole
	names    []string      // of targets, as they came
	targets  map[string]*target
}

// target is what one run says of one target.
type target struct {
	heads  []event.Event // planned, missed
	listed []event.Event
	body   []event.Event
	end    *event.Event
	judged map[string]event.Verdict
}

func newRun(rec *reports.Record) (*run, error) {
	r := &run{dir: rec.Dir, targets: map[string]*target{}}
	for _, e := range rec.Entries {
		r.take(e.Event)
	}
	if r.start == nil {
		return nil, fmt.Errorf("%s: the record's beginning is lost: nobody can tell what it belongs to", rec.Dir)
	}
	for _, w := range rec.Warnings.List {
		r.warnings = append(r.warnings, event.Event{Kind: event.Warned, Reason: fmt.Sprintf("line %d: %s", w.Line, w.Text)})
	}
	// The whole model knows the verdicts of specs that were cut off, too.
	for _, t := range reports.Fold(rec).Targets {
		if mine := r.targets[t.Name]; mine != nil {
			for _, s := range t.Specs {
				mine.judged[s.ID] = s.Verdict()
			}
		}
	}
	return r, nil
}

func (r *run) take(e event.Event) {
	switch {
	case e.Kind == event.RunStarted:
		if r.start == nil {
			r.start = e.Run
		}
		return
	case e.Kind == event.RunEnded:
		r.end = &e
		return
	case e.Target == "":
		r.warnings = append(r.warnings, e)
		return
	}
	t := r.targets[e.Target]
	if t == nil {
		t = &target{judged: map[string]event.Verdict{}}
		r.targets[e.Target] = t
		r.names = append(r.names, e.Target)
	}
	switch e.Kind {
	case event.TargetPlanned, event.TargetMissed:
		t.heads = append(t.heads, e)
	case event.SpecListed:
		t.listed = append(t.listed, e)
	case event.TargetEnded:
		t.end = &e
	default:
		t.body = append(t.body, e)
	}
}

// index is the run's place among the parts; a whole run comes first.
func (r *run) index() int {
	if r.start.Shard == nil {
		return 0
	}
	return r.start.Shard.Index
}

func (r *run) plan(name string) *event.Plan {
	t := r.targets[name]
	if t == nil {
		return nil
	}
	for _, h := range t.heads {
		if h.Plan != nil {
			return h.Plan
		}
	}
	return nil
}
