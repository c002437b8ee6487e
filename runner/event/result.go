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
	Value string `json:"value"`
}
