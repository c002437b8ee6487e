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
type finding = inspection.Finding

// it declares a spec that runs a check on this machine. All of them ask for a userland first.
func it(meta spec.Meta, c check) {
	meta.Needs = append([]spec.Probe{userland}, meta.Needs...)
	suite.It(meta, func(t *spec.T) {
		f, err := c(t, here)
		report(t, f, err)
	})
}

// report makes a finding the verdict of a spec.
func report(t *spec.T, f finding, err error) {
	for _, n := range f.AllNotes() {
		t.Note("%s", n)
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
			report(t, f, err)
		})
	}
}

// needed asks this machine.
func needed(n inspection.Need) spec.Probe {
	return spec.Probe{Name: n.Name, Check: func() error { return n.Check(here.System) }}
}
