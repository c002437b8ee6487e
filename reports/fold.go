package reports

import (
	"slices"
	"time"

	"xtest/runner/event"
)

// maxSpecs bounds the specs of a target: names come from the guest, which may invent them for ever.
const maxSpecs = 100_000

// maxTargets bounds the targets that a run announces.
const maxTargets = 10_000

// longest is the longest duration that is believed of a guest.
const longest = 30 * 24 * time.Hour

// Folder makes a model of events that come one after the other, from a record or from a run that is
// under way. It is not safe for concurrent use.
//
// It never lets a later event better a verdict: when a spec has ends that disagree the worse stands
// (fail, then broken, pass, not-applicable) and the disagreement becomes a warning, so that neither
// a crash nor a forged second end hides what was seen first. A spec that started without an end is
// broken: by the crash of its machine if there was one, else by what cut it off.
type Folder struct {
	m       *Model
	targets map[string]*Target
	line    int
	// settled is called when a spec gets a verdict or a worse one. It may be nil.
	settled func(*Target, *Spec)
}

// NewFolder gives one that has seen nothing.
func NewFolder() *Folder {
	return &Folder{m: &Model{Targets: []*Target{}}, targets: map[string]*Target{}}
}

// Fold makes a model of a whole record.
func Fold(rec *Record) *Model {
	f := NewFolder()
	for _, e := range rec.Entries {
		f.add(e.Line, e.Event)
	}
	return f.finish(rec)
}

// finish closes the folder and adds what the record knows beside its events.
func (f *Folder) finish(rec *Record) *Model {
	m := f.Close()
	m.Dir, m.consoles = rec.Dir, rec.Consoles
	folded := m.Warnings
	m.Warnings = Warnings{More: rec.Warnings.More + folded.More}
	for _, w := range slices.Concat(rec.Warnings.List, folded.List) {
		m.Warnings.add(w.Line, "%s", w.Text)
	}
	return m
}

// Add takes the next event. Kinds it does not know are skipped.
func (f *Folder) Add(e event.Event) { f.add(f.line+1, e) }

func (f *Folder) add(line int, e event.Event) {
	f.line = line
	if !e.Time.IsZero() {
		if f.m.Started.IsZero() {
			f.m.Started = e.Time
		}
		if e.Time.After(f.m.Ended) {
			f.m.Ended = e.Time
		}
	}
	switch e.Kind {
	case event.RunStarted:
		if f.m.Run != nil {
			f.m.Warnings.add(line, "a second run starts in the same record; its events are counted with the first")
			return
		}
		if f.m.Run = e.Run; e.Run != nil {
			// Also those that it never came to, and in the order in which they were named: several
			// are prepared at once, and which is done first is chance.
			for _, name := range e.Run.Targets[:min(maxTargets, len(e.Run.Targets))] {
				f.find(name)
			}
		}
		return
	case event.RunEnded:
		f.m.Whole, f.m.EndReason = true, e.Reason
		return
	case event.Warned:
		if e.Target == "" {
			f.m.Warnings.add(line, "%s", e.Reason)
			return
		}
	case event.TargetPlanned, event.TargetMissed, event.BootStarted, event.Booted, event.SpecListed,
		event.Probed, event.SpecStarted, event.SpecMoved, event.SpecEnded, event.Sampled, event.Crashed,
		event.Finished, event.MachineEnded, event.TargetEnded:
		if e.Target == "" {
			f.m.Warnings.add(line, "%s without a target; it was skipped", e.Kind)
			return
		}
	default:
		return
	}
	f.target(f.find(e.Target), e)
}

func (f *Folder) find(name string) *Target {
	t, ok := f.targets[name]
	if !ok {
		t = &Target{Name: name, specs: map[string]*Spec{}, probes: map[string]int{}}
		f.targets[name] = t
		f.m.Targets = append(f.m.Targets, t)
	}
	return t
}

// Close settles what is still open, as when xtest was killed, and gives the model. The folder must
// not be used after it.
func (f *Folder) Close() *Model {
	if f.m.Run == nil {
		f.m.Warnings.add(0, "the record's beginning is lost: nothing is known of xtest's version, the seed and the host")
	}
	why := "xtest ended before the spec did"
	if f.m.Whole {
		why = "the run ended before the spec did"
	}
	for _, t := range f.m.Targets {
		f.cut(t, -1, why)
		t.Suites = suites(t)
		t.Doubts = doubts(t)
	}
	f.m.Known = knownEntries(f.m)
	return f.m
}

// suites sums up a target's specs by suite. A suite that was planned and listed nothing is there
// with zeros, so that it is missed by nobody's eye.
func suites(t *Target) []*Suite {
	var list []*Suite
	byName := map[string]*Suite{}
	get := func(name string) *Suite {
		s, ok := byName[name]
		if !ok {
			s = &Suite{Name: name}
			byName[name] = s
			list = append(list, s)
		}
		return s
	}
	if t.Plan != nil && len(t.Boots) > 0 {
		for _, name := range t.Plan.Suites {
			get(name)
		}
	}
	for _, s := range t.Specs {
		sum := get(s.Suite)
		sum.Counts.count(s.Result, 1)
		if s.Result != nil {
			sum.Duration = min(sum.Duration+s.Result.Duration, longest)
		}
	}
	return list
}
