package event

import "time"

// Verdict is what came of judging a spec. The four are never blurred.
type Verdict string

const (
	// Pass: the target did what the clause asks for.
	Pass Verdict = "pass"
	// Fail: the target did something else.
	Fail Verdict = "fail"
	// NotApplicable: a probe proved that the clause cannot apply here.
	NotApplicable Verdict = "not-applicable"
	// Broken: the spec could not be judged: set-up failed, the machine crashed or hung, time ran out.
	Broken Verdict = "broken"
)

// Valid says whether v is one of the four verdicts.
func (v Verdict) Valid() bool {
	switch v {
	case Pass, Fail, NotApplicable, Broken:
		return true
	}
	return false
}

// Result is how a spec ended.
type Result struct {
	Verdict  Verdict       `json:"verdict"`
	Reason   string        `json:"reason,omitempty"` // for not-applicable and broken; for fail a sentence beside Failure
	Failure  *Failure      `json:"failure,omitempty"`
	Duration time.Duration `json:"duration"`
	Notes    []string      `json:"notes,omitempty"`
	Answers  []Answer      `json:"answers,omitempty"`
	// Deviations are the items that are not as the clause asks, where it speaks of many.
	Deviations []Deviation `json:"deviations,omitempty"`
	// Known is set by the runner alone, on a spec that failed or passed and is a known failure.
	Known *Known `json:"known,omitempty"`
}

// Known is what was known of a failure before the run.
type Known struct {
	Entry   string `json:"entry"` // names the user's entry and where it stands
	Reason  string `json:"reason"`
	Link    string `json:"link,omitempty"`
	Expires string `json:"expires,omitempty"` // the last day on which it is excused, as 2026-12-31
	Expired bool   `json:"expired,omitempty"` // at the time of the run: the failure counts
}

// Excused says whether r is a failure that is known and does not count.
func (r *Result) Excused() bool {
	return r != nil && r.Verdict == Fail && r.Known != nil && !r.Known.Expired
}

// Failure is the observation that made a spec fail.
type Failure struct {
	Call     string `json:"call"` // what was done, as a C programmer would write it
	Got      string `json:"got"`
	Expected string `json:"expected"`
}

// Answer is a raw answer of the target, kept so that two versions can be compared beyond verdicts.
type Answer struct {
	Call  string `json:"call"`
	Value string `json:"value"` // as people read it
	// Register is what the result register held, in hexadecimal, and Errno the error that it stands for;
	// both are empty for what was not a call's result.
	Register string `json:"register,omitempty"`
	Errno    string `json:"errno,omitempty"`
	// New marks an answer that the expectations do not know; it is no failure. Known are those that
	// they do know, in words.
	New   bool   `json:"new,omitempty"`
	Known string `json:"known,omitempty"`
}

// Deviation is one of the many items a clause speaks of, and how it is not as that asks.
type Deviation struct {
	Kind   string `json:"kind"`             // missing, moved, other-version, other-size, ...
	Item   string `json:"item"`             // a symbol, a path, a name
	Detail string `json:"detail,omitempty"` // what is there instead
}

func (d Deviation) String() string {
	if d.Detail == "" {
		return d.Item
	}
	return d.Item + " (" + d.Detail + ")"
}
