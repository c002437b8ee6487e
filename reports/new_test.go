package reports

import (
	"bytes"
	"strings"
	"testing"

	"xtest/runner/event"
)

func TestNewAnswersAreShown(t *testing.T) {
	m := &Model{Targets: []*Target{{Name: "kvm:x", Specs: []*Spec{
		{ID: "a/b", Result: &event.Result{Verdict: event.Pass, Answers: []event.Answer{
			{Call: "f(1)", Value: "7", New: true, Known: "0 or 1"}, {Call: "f(2)", Value: "8"},
		}}},
		{ID: "a/c"},
	}}}}
	for range maxReasons {
		m.Targets[0].Specs = append(m.Targets[0].Specs, &Spec{ID: "a/d", Result: &event.Result{
			Verdict: event.Fail, Answers: []event.Answer{{Call: "g()\x1b[2J", Value: "9", New: true}},
		}})
	}
	var b bytes.Buffer
	if err := Table(&b, m, Options{Width: 200}); err != nil {
		t.Fatal(err)
	}
	harmless(t, b.String(), false)
	for _, want := range []string{"a/b: f(1) = 7, known: 0 or 1, on kvm:x", "= 9, known: none", "… and 1 more"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "f(2)") {
		t.Errorf("an answer that is not new is shown:\n%s", b.String())
	}
}
