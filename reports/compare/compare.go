// Package compare finds what differs in behaviour between two runs: verdicts, what failing specs got,
// and the raw answers that specs kept. It is for two versions of one thing; many targets side by side
// are what reports.Diff is for.
//
// Beware: a raw answer may differ from boot to boot by nature (an address, a counter). Two runs of the
// same version show which do; a difference is a fact, and not yet a regression.
package compare

import (
	"fmt"
	"slices"
	"strings"

	"xtest/internal/facts"
	"xtest/reports"
	"xtest/runner/event"
)

// Kind is what differs.
type Kind string

// The kinds, in the order in which they are shown.
const (
	Verdict Kind = "verdict" // the spec's verdict
	Got     Kind = "got"     // it fails in both, and got something else
	Answer  Kind = "answer"  // a raw answer
)

// Change is one difference. Was and Now are empty where the side has nothing to show: the spec was not
// listed there, or did not ask the question.
type Change struct {
	Kind  Kind   `json:"kind"`
	Suite string `json:"suite"`
	Spec  string `json:"spec"`
	Call  string `json:"call,omitempty"` // of an answer, and of what a failing spec got
	Was   string `json:"was"`
	Now   string `json:"now"`
}

// Pair is one target of the base and what it is compared with.
type Pair struct {
	Base *reports.Target `json:"-"`
	New  *reports.Target `json:"-"`
	// Of and With are their names.
	Of      string   `json:"base"`
	With    string   `json:"new"`
	Changes []Change `json:"changes"`
	// Specs and Answers count what both sides have.
	Specs   int `json:"specs"`
	Answers int `json:"answers"`
	// Alone are the suites that were judged on one side only; their specs are not compared.
	Alone []string `json:"alone,omitempty"`
	// Offers is what the root file systems offer to programs, nil where that is not known of both.
	Offers *facts.Difference `json:"offers,omitempty"`
}

// Count is how many changes of a kind there are.
func (p *Pair) Count(k Kind) (n int) {
	for _, c := range p.Changes {
		if c.Kind == k {
			n++
		}
	}
	return n
}

// Differs says whether anything does, a suite that only one side has included.
func (p *Pair) Differs() bool {
	return len(p.Changes) > 0 || len(p.Alone) > 0 || p.Offers != nil && p.Offers.Differs()
}

// Targets compares two targets, spec by spec, in the order of the base's specs.
func Targets(base, now *reports.Target) *Pair {
	p := &Pair{Base: base, New: now, Of: base.Name, With: now.Name}
	p.alone()
	was, is := specs(base), specs(now)
	for _, s := range base.Specs {
		if n := is[s.ID]; n != nil || p.both(s.Suite) {
			p.spec(s, n)
		}
	}
	for _, n := range now.Specs {
		if was[n.ID] == nil && p.both(n.Suite) {
			p.spec(nil, n)
		}
	}
	order := []Kind{Verdict, Got, Answer}
	slices.SortStableFunc(p.Changes, func(a, b Change) int {
		return slices.Index(order, a.Kind) - slices.Index(order, b.Kind)
	})
	return p
}

func specs(t *reports.Target) map[string]*reports.Spec {
	m := make(map[string]*reports.Spec, len(t.Specs))
	for _, s := range t.Specs {
		m[s.ID] = s
	}
	return m
}

// alone finds the suites of one side, so that a whole suite is one line and not hundreds.
func (p *Pair) alone() {
	for _, side := range []struct {
		has, lacks *reports.Target
		where      string
	}{{p.Base, p.New, "base"}, {p.New, p.Base, "new"}} {
		for _, s := range side.has.Suites {
			if !judges(side.lacks, s.Name) {
				p.Alone = append(p.Alone, fmt.Sprintf("%s: only in the %s", s.Name, side.where))
			}
		}
	}
}

func judges(t *reports.Target, suite string) bool {
	return slices.ContainsFunc(t.Suites, func(s *reports.Suite) bool { return s.Name == suite })
}

func (p *Pair) both(suite string) bool { return judges(p.Base, suite) && judges(p.New, suite) }

// spec compares one spec; either side may be nil.
func (p *Pair) spec(was, now *reports.Spec) {
	either := was
	if either == nil {
		either = now
	}
	add := func(k Kind, call, a, b string) {
		p.Changes = append(p.Changes, Change{Kind: k, Suite: either.Suite, Spec: either.ID, Call: call, Was: a, Now: b})
	}
	if a, b := verdict(was), verdict(now); a != b {
		add(Verdict, "", a, b)
	}
	if was == nil || now == nil {
		return
	}
	p.Specs++
	if a, b := failure(was), failure(now); a != nil && b != nil && a.Call == b.Call && a.Got != b.Got {
		add(Got, a.Call, a.Got, b.Got)
	}
	old, fresh := answers(was), answers(now)
	byCall := make(map[string]string, len(fresh))
	for _, a := range fresh {
		byCall[a.Call] = a.Value
	}
	for _, a := range old {
		value, asked := byCall[a.Call]
		delete(byCall, a.Call)
		if asked {
			p.Answers++
		}
		if value != a.Value || !asked {
			add(Answer, a.Call, a.Value, value)
		}
	}
	for _, a := range fresh {
		if value, left := byCall[a.Call]; left {
			add(Answer, a.Call, "", value)
		}
	}
}

func verdict(s *reports.Spec) string {
	switch {
	case s == nil:
		return ""
	case s.Verdict() == "":
		return "not run"
	}
	return string(s.Verdict())
}

func failure(s *reports.Spec) *event.Failure {
	if s.Verdict() != event.Fail {
		return nil
	}
	return s.Result.Failure
}

// answers are a spec's, each under a name of its own: a call that was made several times is numbered.
func answers(s *reports.Spec) []event.Answer {
	if s.Result == nil {
		return nil
	}
	all := slices.Clone(s.Result.Answers)
	times := map[string]int{}
	for i, a := range all {
		if times[a.Call]++; times[a.Call] > 1 {
			all[i].Call = fmt.Sprintf("%s (%d)", a.Call, times[a.Call])
		}
	}
	return all
}

// Runs pairs the targets of two runs and compares them: those of the same name, else the only one of
// each. With names given, each "BASE=NEW", only those are. It is an error when nothing can be paired.
func Runs(base, now *reports.Model, names []string) ([]*Pair, error) {
	var pairs []*Pair
	for _, name := range names {
		of, with, ok := strings.Cut(name, "=")
		a, b := find(base, of), find(now, with)
		switch {
		case !ok:
			return nil, fmt.Errorf("%q is no pair of targets; write BASE=NEW", name)
		case a == nil:
			return nil, fmt.Errorf("the base has no target %s; it has %s", of, list(base))
		case b == nil:
			return nil, fmt.Errorf("the new run has no target %s; it has %s", with, list(now))
		}
		pairs = append(pairs, Targets(a, b))
	}
	if len(names) > 0 {
		return pairs, nil
	}
	for _, a := range judged(base) {
		if b := find(now, a.Name); b != nil {
			pairs = append(pairs, Targets(a, b))
		}
	}
	if a, b := judged(base), judged(now); len(pairs) == 0 && len(a) == 1 && len(b) == 1 {
		pairs = append(pairs, Targets(a[0], b[0]))
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("the runs have no target in common (%s; %s); say which belong together: --pair BASE=NEW", list(base), list(now))
	}
	return pairs, nil
}

// Within compares the first target of a run with each other, or the pairs that are named.
func Within(run *reports.Model, names []string) ([]*Pair, error) {
	if len(names) > 0 {
		return Runs(run, run, names)
	}
	all := judged(run)
	if len(all) < 2 {
		return nil, fmt.Errorf("the run has %d target with specs; name a second run to compare it with", len(all))
	}
	var pairs []*Pair
	for _, t := range all[1:] {
		pairs = append(pairs, Targets(all[0], t))
	}
	return pairs, nil
}

func judged(m *reports.Model) (all []*reports.Target) {
	for _, t := range m.Targets {
		if len(t.Specs) > 0 {
			all = append(all, t)
		}
	}
	return all
}

func find(m *reports.Model, name string) *reports.Target {
	for _, t := range judged(m) {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func list(m *reports.Model) string {
	var names []string
	for _, t := range judged(m) {
		names = append(names, reports.Clean(t.Name))
	}
	if len(names) == 0 {
		return "none with specs"
	}
	return strings.Join(names, ", ")
}
