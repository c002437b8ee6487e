package reports

import (
	"fmt"
	"slices"
	"time"

	"xtest/runner/event"
)

// spec takes an event that is about one spec.
func (f *Folder) spec(t *Target, e event.Event) {
	if e.Spec == "" {
		t.Warnings.add(f.line, "%s without a spec; it was skipped", e.Kind)
		return
	}
	if e.Kind == event.Sampled {
		if s := t.specs[e.Spec]; s != nil && e.Sample != nil {
			s.Samples += len(e.Sample.All())
		}
		return
	}
	s := f.known(t, e)
	if s == nil {
		return
	}
	switch e.Kind {
	case event.SpecListed:
		if e.Meta != nil {
			s.Meta = e.Meta
			s.suite(e.Meta.Suite)
		}
	case event.SpecStarted:
		s.Started, s.Boot, s.started = true, e.Boot, e.Time
		if s.Result != nil && !f.bench() {
			t.Warnings.add(f.line, "%s started again; the worse of its verdicts stands", s.ID)
		}
		if !s.open {
			s.open = true
			t.open = append(t.open, s)
		}
	case event.SpecMoved:
		t.close(s)
	case event.SpecEnded:
		if !s.Started {
			// The runner itself calls specs broken that no machine ever came to.
			if e.Result == nil || e.Result.Verdict != event.Broken {
				t.Warnings.add(f.line, "%s ended and had not started", s.ID)
			}
			s.Started, s.Boot = true, e.Boot
		}
		f.judge(t, s, believable(e.Result), false)
	}
}

// known gives the spec that an event names, making it if need be, or nil when there are too many.
func (f *Folder) known(t *Target, e event.Event) *Spec {
	s, ok := t.specs[e.Spec]
	if !ok {
		if len(t.Specs) >= maxSpecs {
			t.Warnings.add(f.line, "more than %d specs; %s was skipped", maxSpecs, e.Spec)
			return nil
		}
		s = &Spec{ID: e.Spec}
		t.specs[e.Spec] = s
		t.Specs = append(t.Specs, s)
		f.m.Counts.NotJudged++
		t.Counts.NotJudged++
	}
	s.suite(e.Suite)
	return s
}

func (s *Spec) suite(name string) {
	if s.Suite == "" {
		s.Suite = name
	}
}

func (s *Spec) since(t time.Time) time.Duration {
	if s.started.IsZero() || t.IsZero() {
		return 0
	}
	return credible(t.Sub(s.started))
}

// believable gives a result that is within its bounds: one of the four verdicts, a duration that a
// run can have.
func believable(r *event.Result) *event.Result {
	if r == nil {
		return &event.Result{Verdict: event.Broken, Reason: "the agent gave no result"}
	}
	c := *r
	c.Duration = credible(c.Duration)
	if !c.Verdict.Valid() {
		c.Reason = fmt.Sprintf("the agent gave %q as the verdict, which is none", c.Verdict)
		c.Verdict = event.Broken
	}
	return &c
}

// close takes a spec from those that run.
func (t *Target) close(s *Spec) {
	if s.open {
		if i := slices.Index(t.open, s); i >= 0 { // cut has taken it out already
			t.open = slices.Delete(t.open, i, i+1)
		}
	}
	s.open = false
}

// weight orders verdicts by how bad they are.
func weight(v event.Verdict) int {
	return slices.Index([]event.Verdict{"", event.NotApplicable, event.Pass, event.Broken, event.Fail}, v)
}

// judge gives a spec a verdict, unless it has a worse one. Inferred results are this package's own:
// the agent's word for the same verdict takes their place.
func (f *Folder) judge(t *Target, s *Spec, r *event.Result, inferred bool) {
	t.close(s)
	old := s.Verdict()
	same := old == r.Verdict && (s.inferred != inferred)
	if s.Result != nil && !same && !(f.bench() && old == r.Verdict) {
		if weight(r.Verdict) <= weight(old) {
			t.Warnings.add(f.line, "%s ended as %s and then as %s; it stays %s", s.ID, old, r.Verdict, old)
			return
		}
		t.Warnings.add(f.line, "%s ended as %s and then as %s; it is %s", s.ID, old, r.Verdict, r.Verdict)
	}
	if same && inferred || f.bench() && old == r.Verdict {
		return
	}
	for _, c := range []*Counts{&f.m.Counts, &t.Counts} {
		c.count(s.Result, -1)
		c.count(r, 1)
	}
	s.Result, s.inferred = r, inferred
	if f.settled != nil && !same {
		f.settled(t, s)
	}
}
