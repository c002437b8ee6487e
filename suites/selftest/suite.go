// Package selftest is a suite that misbehaves on purpose: each of its specs is one way in which a
// spec, an agent or a machine can go wrong. The tests of the harness run it on real machines and
// check every verdict, and that whatever one spec does, the rest is still judged.
//
// Beware: it is about xtest, not about the target. It is never part of a run unless it is asked for.
package selftest

import "xtest/suites/spec"

var suite = spec.NewSuite("selftest")

// clause is the same for all: they judge the harness.
const clause = "docs/verdicts.md: "

func meta(id, says string) spec.Meta {
	return spec.Meta{ID: "selftest/" + id, Clause: clause + says, Level: spec.Must}
}

func guest(m spec.Meta) spec.Meta {
	m.Grade = spec.Guest
	return m
}
