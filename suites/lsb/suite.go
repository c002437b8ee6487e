// Package lsb judges a machine's userland against the Linux Standard Base 5.0: how it identifies
// itself, its program interpreter, libraries, symbols, commands, file system hierarchy, users, shell
// and init script functions.
//
// The verdicts are strict: what the text asks for and the machine lacks is a fail, also where no
// distribution of today provides it; package waiver holds the reading by effect. What files alone decide
// is judged by package inspection, also outside of any machine; what takes running commands is here.
// Each check is a function over a [machine], so that tests can hand it a root they made.
//
// Beware: the specs run in the root file system of the machine under test and execute its commands.
// Everything that comes back from there, files and output alike, is bounded and not believed.
package lsb

import (
	"context"
	"fmt"
	"strings"

	"xtest/runner/event"
	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

var suite = spec.NewSuite("lsb")

// here is the machine under test. Nothing a spec does changes its libraries, so what was read of
// them is kept for the whole boot.
var here = newMachine("/")

// check examines a machine. The error tells that it could not be examined, which is not its fault.
type check func(ctx context.Context, m *machine) (finding, error)

// finding is what a check saw.
type finding struct {
	// call, got and expected describe the first thing that is not as the clause asks; call is "" when
	// everything is.
	call, got, expected string
	// inapplicable says why the clause says nothing about this machine; it is "" where it does.
	inapplicable string
	// notes are kept with the result, whatever the verdict.
	notes []string
	// deviations are the items that are not as the clause asks, where package waiver knows of any.
	deviations []event.Deviation
}

func (f finding) holds() bool { return f.call == "" && f.inapplicable == "" }

// good is the finding of a check that saw nothing wrong among so many facts.
func good(facts int) finding {
	return finding{notes: []string{fmt.Sprintf("%d facts examined", facts)}}
}

func bad(call, got, expected string) finding {
	return finding{call: call, got: got, expected: expected}
}

// none judges a list of what is missing or wrong: it must be empty. Without facts nothing is judged.
func none(call string, facts int, wrong []string, expected string) finding {
	if facts == 0 {
		return finding{inapplicable: call + ": there is nothing that the clause speaks of"}
	}
	f := good(facts)
	if len(wrong) > 0 {
		f.call, f.expected = call, expected
		f.got = fmt.Sprintf("%d of %d not: %s", len(wrong), facts, first(wrong, 8))
	}
	return f
}

// first writes the first n of a list and how many more there are.
func first(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}

// maxVerdict bounds each text of a result, in bytes: names and output in it are the machine's own.
const maxVerdict = 2000

// it declares a spec that runs a check on this machine. All of them ask for a userland first.
func it(meta spec.Meta, c check) {
	meta.Needs = append([]spec.Probe{userland}, meta.Needs...)
	suite.It(meta, func(t *spec.T) {
		f, err := c(t, here)
		for _, n := range f.notes {
			t.Note("%s", shorten(n, maxVerdict))
		}
		t.Deviates(f.deviations)
		t.Setup("examining the machine", err)
		if f.inapplicable != "" {
			t.NotApplicable("%s", shorten(f.inapplicable, maxVerdict))
		}
		t.True(f.call, f.holds(), shorten(f.got, maxVerdict), shorten(f.expected, maxVerdict))
	})
}

// inspect declares the specs of a kind that files alone decide, and leaves out those that are judged
// here by what commands answer.
func inspect(kind string) {
	for _, c := range inspection.Checks(kind) {
		if c.Outside {
			continue
		}
		meta := c.Meta
		for _, n := range c.Needs {
			meta.Needs = append(meta.Needs, needed(n))
		}
		suite.It(meta, func(t *spec.T) {
			f, err := c.Judge(here.System)
			if f.Facts > 0 {
				t.Note("%d facts examined", f.Facts)
			}
			for _, n := range f.Notes {
				t.Note("%s", inspection.Clip(n))
			}
			for _, a := range f.Answers {
				t.Answer(a.Call, a.Value)
			}
			t.Deviates(f.Deviations)
			t.Setup("examining the machine", err)
			if f.Inapplicable != "" {
				t.NotApplicable("%s", inspection.Clip(f.Inapplicable))
			}
			t.True(inspection.Clip(f.Call), f.Holds(), inspection.Clip(f.Got), inspection.Clip(f.Expected))
		})
	}
}

// needed asks this machine.
func needed(n inspection.Need) spec.Probe {
	return spec.Probe{Name: n.Name, Check: func() error { return n.Check(here.System) }}
}
