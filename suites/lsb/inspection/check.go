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
	"strings"

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

// Finding is what a check saw.
type Finding struct {
	// Call, Got and Expected describe what is not as the clause asks; Call is "" when everything is.
	Call, Got, Expected string
	// Inapplicable says why the clause says nothing about this root; it is "" where it does.
	Inapplicable string
	// Deviations are the items that are not as the clause asks, Answers what is there.
	Deviations []event.Deviation
	Answers    []event.Answer
	Notes      []string
	Facts      int // that were examined
}

// Holds says whether the clause was judged and everything is as it asks.
func (f Finding) Holds() bool { return f.Call == "" && f.Inapplicable == "" }

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
		return Finding{}, fmt.Errorf("permission to read is missing, run xtest as a user who may: %s", first(denied, 3))
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
	r := event.Result{Verdict: event.Pass, Deviations: f.Deviations, Answers: f.Answers, Notes: f.Notes}
	if f.Facts > 0 {
		r.Notes = append([]string{fmt.Sprintf("%d facts examined", f.Facts)}, r.Notes...)
	}
	switch {
	case err != nil:
		r.Verdict, r.Reason = event.Broken, Clip("examining the root file system: "+err.Error())
	case f.Inapplicable != "":
		r.Verdict, r.Reason = event.NotApplicable, Clip(f.Inapplicable)
	case f.Call != "":
		r.Verdict = event.Fail
		r.Failure = &event.Failure{Call: Clip(f.Call), Got: Clip(f.Got), Expected: Clip(f.Expected)}
	}
	for i, n := range r.Notes {
		r.Notes[i] = Clip(n)
	}
	return r
}

// maxVerdict bounds each text of a result, in bytes: names in it are the root's own.
const maxVerdict = 2000

// Clip shortens a text of a verdict and keeps of it what is UTF-8.
func Clip(s string) string {
	if len(s) > maxVerdict {
		s = s[:maxVerdict] + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// good is the finding of a check that saw nothing wrong among so many facts.
func good(facts int) Finding { return Finding{Facts: facts} }

func bad(call, got, expected string) Finding {
	return Finding{Call: call, Got: got, Expected: expected}
}

// faulty is [bad] for one item.
func faulty(call string, d event.Deviation, expected string) Finding {
	got := d.String()
	if d.Kind == "missing" && d.Detail == "" {
		got = "no " + got
	}
	f := bad(call, got, expected)
	f.Deviations = []event.Deviation{d}
	return f
}

// none judges a list of deviations: it must be empty. Without facts nothing is judged.
func none(call string, facts int, wrong []event.Deviation, expected string) Finding {
	if facts == 0 {
		return Finding{Inapplicable: call + ": there is nothing that the clause speaks of"}
	}
	f := good(facts)
	if len(wrong) > 0 {
		f.Call, f.Expected, f.Deviations = call, expected, wrong
		f.Got = fmt.Sprintf("%d of %d not: %s", len(wrong), facts, first(wrong, 8))
	}
	return f
}

// first writes the first n of a list and how many more there are.
func first[T any](list []T, n int) string {
	var text []string
	for _, x := range list[:min(n, len(list))] {
		text = append(text, fmt.Sprint(x))
	}
	s := strings.Join(text, ", ")
	if len(list) > n {
		s += fmt.Sprintf(" and %d more", len(list)-n)
	}
	return s
}

func missing(item string) event.Deviation { return event.Deviation{Kind: "missing", Item: item} }

func deviant(kind, item, format string, args ...any) event.Deviation {
	return event.Deviation{Kind: kind, Item: item, Detail: fmt.Sprintf(format, args...)}
}
