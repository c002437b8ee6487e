// Package expect judges a call's answer by data: which answers the clause allows, which of them are
// known, and why a known one differs between builds. Suites of hypercalls keep their expectations as
// [Want] values and hand each answer to [Judge], which puts the raw answer on the record.
//
// Beware: three things can be said of an answer, and they are not the same. It is wrong when the
// clause forbids it: the spec fails. It is known when the data lists it: the spec passes. It is new
// when the clause allows it and the data does not list it: the spec passes, and the answer is flagged.
package expect

import (
	"slices"
	"strings"

	"xtest/runner/event"
	"xtest/suites/spec"
)

// Class is what a clause says of an answer when it leaves the exact value open.
type Class int

const (
	// Exact: nothing but the known answers is right.
	Exact Class = iota
	// Refused: an error of whichever number.
	Refused
	// Succeeds: no error, whatever the value.
	Succeeds
	// Open: the clause lets the target choose; the answer is kept to be compared.
	Open
)

// Known is an answer that the expectations list.
type Known struct {
	Text string // as [Got.Text]
	// Source says where an answer comes from that the clause itself does not give: the source file, the
	// change, the build option. Empty: the clause.
	Source string
	// When must hold for the answer to be expected; nil: always. Versions are no condition: they prove
	// nothing where changes are ported back.
	When *spec.Probe
}

// Want is the expectation of one call with one input.
type Want struct {
	Class Class
	Known []Known
}

// Exactly expects one of the answers and nothing else.
func Exactly(texts ...string) Want { return want(Exact, texts) }

// Refusal expects an error; those given are known.
func Refusal(texts ...string) Want { return want(Refused, texts) }

// Success expects no error; the values given are known, and any is if none is given.
func Success(texts ...string) Want { return want(Succeeds, texts) }

// Any expects nothing; the answers given are known.
func Any(texts ...string) Want { return want(Open, texts) }

func want(c Class, texts []string) Want {
	w := Want{Class: c}
	for _, t := range texts {
		w.Known = append(w.Known, Known{Text: t})
	}
	return w
}

// Also adds a known answer, with its source.
func (w Want) Also(text, source string) Want { return w.With(Known{Text: text, Source: source}) }

// If adds an answer that is right where the probe holds, with its source.
func (w Want) If(p spec.Probe, text, source string) Want {
	return w.With(Known{Text: text, Source: source, When: &p})
}

// With adds known answers.
func (w Want) With(known ...Known) Want {
	w.Known = append(slices.Clip(w.Known), known...)
	return w
}

// Got is an answer as it came.
type Got struct {
	Text     string // as people read it: 0, -EINVAL, HV_STATUS_INVALID_ALIGNMENT
	Refused  bool   // it says no
	Register string // what the result register held, in hexadecimal
	Errno    string // the error that the register stands for, by name
}

// Judgement is what the data says of an answer.
type Judgement int

// The judgements.
const (
	Right Judgement = iota
	New
	Wrong
)

// Of judges an answer; has asks a probe. Why is the source of a known answer.
func (w Want) Of(got Got, has func(spec.Probe) bool) (j Judgement, why string) {
	for _, k := range w.Known {
		if k.Text == got.Text && (k.When == nil || has(*k.When)) {
			return Right, k.Source
		}
	}
	switch {
	case w.Class == Exact, w.Class == Refused && !got.Refused, w.Class == Succeeds && got.Refused:
		return Wrong, ""
	case w.Class == Succeeds && len(w.Known) == 0:
		return Right, ""
	}
	return New, ""
}

// String says what is expected, as a failure shows it.
func (w Want) String() string {
	var known []string
	for _, k := range w.Known {
		text := k.Text
		if k.When != nil {
			text += " (with " + k.When.Name + ")"
		}
		known = append(known, text)
	}
	list := strings.Join(known, " or ")
	class := map[Class]string{Refused: "a refusal", Succeeds: "success", Open: "any answer"}[w.Class]
	switch {
	case class == "":
		return list
	case list == "":
		return class
	}
	return class + ", " + list
}

// Judge puts the answer on the record and judges it. Call is what was done, as a C programmer would
// write it. The spec ends here when the answer is wrong.
func Judge(t *spec.T, call string, w Want, got Got) {
	j, why := w.Of(got, t.Has)
	a := event.Answer{Call: call, Value: got.Text, Register: got.Register, Errno: got.Errno}
	if j == New {
		a.New, a.Known = true, w.String()
	}
	t.Record(a)
	if why != "" {
		t.Note("answered %s: %s", got.Text, why)
	}
	t.True(call, j != Wrong, got.Text, w.String())
}
