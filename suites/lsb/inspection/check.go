// Package inspection judges a root file system against the Linux Standard Base 5.0 and the
// Filesystem Hierarchy Standard 3.0 without executing anything in it: program interpreter, libraries,
// symbols, commands, file system hierarchy, users, init scripts, packaging. The suite lsb runs the
// same checks inside machines.
//
// The verdicts are strict: what the text asks for and the root lacks is a fail, also where no
// distribution of today provides it. Package waiver holds the reading by effect.
//
// Beware: nothing that is read of a root is believed or without bound; see package root.
package inspection

import (
	"fmt"

	"xtest/internal/linkage"
	"xtest/internal/root"
	"xtest/runner/event"
	"xtest/suites/spec"
)

// System is a root file system under inspection.
type System struct{ *linkage.Linker }

// NewSystem makes one. What is read of its libraries is kept: they must not change.
func NewSystem(r *root.FS) *System { return &System{linkage.NewLinker(r)} }

// Check is one clause that files alone decide.
type Check struct {
	Meta  spec.Meta // its Needs are empty: see needs
	Needs []Need
	// Outside says that inside a machine another spec judges the clause under the same ID, by what the
	// machine's own commands answer.
	Outside bool

	judge func(*System) (Finding, error)
}

// Need is what a root must be for a clause to apply. The error is the reason that users read.
type Need struct {
	Name  string
	Check func(*System) error
}

// Judge judges the clause. The error tells that it could not be judged, which is not the root's fault.
func (c Check) Judge(s *System) (f Finding, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = Finding{}, fmt.Errorf("reading the root file system: %v", r)
		}
	}()
	s.Denied()
	f, err = c.judge(s)
	if denied := s.Denied(); err == nil && !f.Holds() && len(denied) > 0 {
		return Finding{}, fmt.Errorf("permission to read is missing, run xtest as a user who may: %s", First(denied, 3))
	}
	if len(f.Deviations) > maxDeviations {
		more := len(f.Deviations) - maxDeviations
		f.Deviations = append(f.Deviations[:maxDeviations:maxDeviations], event.Deviation{Kind: "more", Item: fmt.Sprintf("%d more", more)})
	}
	return f, err
}

// maxDeviations bounds those of one result. The largest table has 2,962 symbols.
const maxDeviations = 500

// Result is the check's result over a root as it stands on the record; what it needs is asked first.
func (c Check) Result(s *System) event.Result {
	for _, n := range c.Needs {
		if err := n.Check(s); err != nil {
			return event.Result{Verdict: event.NotApplicable, Reason: Clip(n.Name + ": " + err.Error())}
		}
	}
	f, err := c.Judge(s)
	r := event.Result{Verdict: event.Pass, Deviations: f.Deviations, Answers: f.Answers, Notes: f.AllNotes()}
	switch {
	case err != nil:
		r.Verdict, r.Reason = event.Broken, Clip("examining the root file system: "+err.Error())
	case f.Inapplicable != "":
		r.Verdict, r.Reason = event.NotApplicable, Clip(f.Inapplicable)
	case f.Call != "":
		r.Verdict = event.Fail
		r.Failure = &event.Failure{Call: Clip(f.Call), Got: Clip(f.Got), Expected: Clip(f.Expected)}
	}
	return r
}
