// Package rehearsal judges a suite's specs against a stand-in for what they judge, so that tests can see each spec
// pass where all is right and fail where something is wrong.
//
// Beware: it is for tests. Ginkgo runs once in a process, so each rehearsal is a copy of the test program: its
// TestMain has to call child.Main.
package rehearsal

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"xtest/runner/event"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// Stage puts the stand-in that was ordered under the specs. Note keeps a word with the spec that runs. End, which may
// be nil, is called behind the last spec; its error fails the test.
type Stage[Order any] func(o Order, note func(word string)) (end func() error, err error)

// Rehearsal is a stand-in that can be ordered.
type Rehearsal[Order any] struct {
	child *child.Func
	least int
}

// New declares a rehearsal, under a name of its own, in a package-level variable. Least is how many specs have to be
// judged in each.
func New[Order any](name string, least int, stage Stage[Order]) *Rehearsal[Order] {
	return &Rehearsal[Order]{least: least, child: child.NewFunc(name, func(side *child.Side) error {
		var o Order
		if err := side.Recv(&o); err != nil {
			return err
		}
		v := Verdicts{map[string]event.Result{}, map[string][]string{}, map[string]string{}}
		current := ""
		end, err := stage(o, func(word string) {
			if !slices.Contains(v.Notes[current], word) {
				v.Notes[current] = append(v.Notes[current], word)
			}
		})
		if err != nil {
			return err
		}
		spec.Run(spec.Environment{Booted: true, Scale: 1, Emit: func(e event.Event) {
			switch e.Kind {
			case event.SpecStarted:
				current = e.Spec
			case event.SpecEnded:
				v.Result[e.Spec] = *e.Result
			}
		}}, func(l spec.Listed) bool {
			v.Grade[l.ID] = l.Grade.String()
			return true
		})
		if end != nil {
			if err := end(); err != nil {
				return err
			}
		}
		return side.Send(v)
	})}
}

// Verdicts are what a rehearsal gave, by spec ID.
type Verdicts struct {
	Result map[string]event.Result
	Notes  map[string][]string // what the stage noted while the spec ran
	Grade  map[string]string
}

// Why says in a line what came of a spec.
func (v Verdicts) Why(id string) string {
	r := v.Result[id]
	if f := r.Failure; f != nil {
		return fmt.Sprintf("%s: %s: got %s, expected %s", r.Verdict, f.Call, f.Got, f.Expected)
	}
	return fmt.Sprintf("%s (%s)", r.Verdict, r.Reason)
}

// Judged judges all specs of the test program over the stand-in that is ordered.
func (r *Rehearsal[Order]) Judged(t *testing.T, o Order) Verdicts {
	t.Helper()
	p, err := r.child.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	var v Verdicts
	if err := errors.Join(p.Send(o), p.Recv(&v), p.Wait(t.Context())); err != nil {
		t.Fatal(err)
	}
	if len(v.Result) < r.least {
		t.Fatalf("%d specs were judged, expected %d at least", len(v.Result), r.least)
	}
	return v
}

// AllPass asks for a pass of each spec, as where every answer is right.
func (v Verdicts) AllPass(t *testing.T) {
	t.Helper()
	for id, r := range v.Result {
		if r.Verdict != event.Pass {
			t.Errorf("%s: %s, expected pass", id, v.Why(id))
		}
	}
}
