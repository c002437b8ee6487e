package reports

import (
	"time"

	"xtest/runner/event"
)

// Model is what a record tells, sorted for being shown. Its JSON form is the document that [JSON]
// writes; durations are in nanoseconds there, times in RFC 3339.
type Model struct {
	// Dir is the run's folder, empty when unknown. It is not part of the document, which is to be
	// the same wherever the folder lies.
	Dir string     `json:"-"`
	Run *event.Run `json:"run,omitempty"` // nil when the record has lost its beginning
	// Started and Ended are the times of the first and the last event, by the host's clock.
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// Whole is true when the run's end is on the record: xtest was not killed.
	Whole bool `json:"whole"`
	// EndReason is why the run ended, where it said so.
	EndReason string    `json:"end_reason,omitempty"`
	Counts    Counts    `json:"counts"`
	Targets   []*Target `json:"targets,omitempty"` // in the order in which they were named
	// Known are the entries on known failures that a spec of the run fell under.
	Known []*KnownEntry `json:"known,omitempty"`
	// Warnings are about the record itself; a target's own are with the target.
	Warnings Warnings `json:"warnings,omitzero"`

	consoles []string
}

// Counts are numbers of specs, but for the last two. Only Pass and Fail are judgements.
type Counts struct {
	Pass          int `json:"pass"`
	Fail          int `json:"fail"`
	NotApplicable int `json:"not_applicable"`
	Broken        int `json:"broken"`
	// NotJudged are specs that were listed and never started.
	NotJudged int `json:"not_judged"`
	// Known are those of Fail that were known before and are excused.
	Known int `json:"known,omitempty"`
	// Answers are the calls' results that are on the record, New those of them that the expectations
	// do not know. Neither is a number of specs.
	Answers int `json:"answers,omitempty"`
	New     int `json:"new_answers,omitempty"`
}

// Judged is the number of specs with a judgement.
func (c Counts) Judged() int { return c.Pass + c.Fail }

// Total is the number of all specs.
func (c Counts) Total() int { return c.Judged() + c.NotApplicable + c.Broken + c.NotJudged }

// count adds n to where a result belongs.
func (c *Counts) count(r *event.Result, n int) {
	var v event.Verdict
	if r != nil {
		v = r.Verdict
	}
	*c.of(v) += n
	if r.Excused() {
		c.Known += n
	}
	if r == nil {
		return
	}
	for _, a := range r.Answers {
		if a.Register != "" {
			c.Answers += n
		}
		if a.New {
			c.New += n
		}
	}
}

func (c *Counts) of(v event.Verdict) *int {
	switch v {
	case event.Pass:
		return &c.Pass
	case event.Fail:
		return &c.Fail
	case event.NotApplicable:
		return &c.NotApplicable
	case event.Broken:
		return &c.Broken
	}
	return &c.NotJudged
}

// Target is what the record tells of one target.
type Target struct {
	Name string      `json:"name"`
	Plan *event.Plan `json:"plan,omitempty"`
	// Missed is set when the target cannot be brought up on this host.
	Missed *Missed `json:"missed,omitempty"`
	Boots  []*Boot `json:"boots,omitempty"`
	// Crashes are all of them, those charged to a spec included.
	Crashes  []Crash  `json:"crashes,omitempty"`
	Warnings Warnings `json:"warnings,omitzero"`
	Probes   []Probe  `json:"probes,omitempty"`
	// Ended is true when the record says that nothing more was to be judged on the target.
	Ended    bool          `json:"ended"`
	Duration time.Duration `json:"duration,omitempty"`
	Counts   Counts        `json:"counts"`
	Suites   []*Suite      `json:"suites,omitempty"` // in the order in which their specs were listed
	Specs    []*Spec       `json:"specs,omitempty"`  // in the order in which they were listed
	// Doubts are what keeps the target from counting as judged apart from its specs' verdicts.
	Doubts []string `json:"doubts,omitempty"`

	specs  map[string]*Spec
	probes map[string]int
	open   []*Spec // started and not ended, in the order of their starts
}

// Machine is what the last machine that came up on the target said of itself, or nil.
func (t *Target) Machine() *event.Machine {
	for i := len(t.Boots) - 1; i >= 0; i-- {
		if m := t.Boots[i].Machine; m != nil {
			return m
		}
	}
	return nil
}

// What is what came up on the target, in a few words that are not cleaned: "Xen 4.17.7, Linux 6.1".
func (t *Target) What() string {
	m := t.Machine()
	if offline(t) {
		return t.Plan.Why
	}
	if m == nil {
		return "did not come up"
	}
	return What(m)
}

// Missed is why a target cannot be brought up, and the command that mends it.
type Missed struct {
	Reason string `json:"reason"`
	Fix    string `json:"fix,omitempty"`
}

// Boot is one start of a target's machine.
type Boot struct {
	Number  int            `json:"number"`
	Salt    int            `json:"salt,omitempty"` // the number of its dummy boot parameter
	Machine *event.Machine `json:"machine,omitempty"`
	Booted  bool           `json:"booted"`            // the agent became ready
	Done    bool           `json:"done"`              // the agent's done marker is on the record
	Took    time.Duration  `json:"took,omitempty"`    // from the start to the agent being ready
	End     string         `json:"end,omitempty"`     // how the machine went down
	Started time.Time      `json:"started,omitzero"`  // by the host's clock
	Finish  time.Time      `json:"finished,omitzero"` // when the machine's end was seen
}

// Crash is a crash and where it was seen.
type Crash struct {
	Boot int    `json:"boot,omitempty"`
	Spec string `json:"spec,omitempty"` // the spec it is charged to, or empty
	event.Crash
}

// Probe is a probe's answer: Reason is empty where the capability is there.
type Probe struct {
	Name   string `json:"name"`
	Reason string `json:"reason,omitempty"`
}

// Suite sums up a suite's specs on one target.
type Suite struct {
	Name     string        `json:"name"`
	Counts   Counts        `json:"counts"`
	Duration time.Duration `json:"duration"` // the sum over its specs
}

// Spec is one spec on one target.
type Spec struct {
	ID      string      `json:"id"`
	Suite   string      `json:"suite"`
	Meta    *event.Meta `json:"meta,omitempty"` // nil when the spec was never listed
	Boot    int         `json:"boot,omitempty"` // the boot it ran in last
	Started bool        `json:"started"`
	// Result is nil for a spec that was listed and never started. A spec that started and did not
	// end has a result made from what the record says of its machine's end.
	Result *event.Result `json:"result,omitempty"`
	// Crash is the one that is charged to the spec.
	Crash *event.Crash `json:"crash,omitempty"`
	// Samples is the number of its raw measurements on the record.
	Samples int `json:"samples,omitempty"`

	inferred bool // Result was made here, not by the agent
	started  time.Time
	open     bool // it is in its target's list of open specs
}

// Verdict is the spec's, or empty when it was not judged.
func (s *Spec) Verdict() event.Verdict {
	if s.Result == nil {
		return ""
	}
	return s.Result.Verdict
}

func (s *Spec) clause() string {
	if s.Meta == nil {
		return ""
	}
	return s.Meta.Clause
}
