package dom0

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"xtest/runner/event"
)

// measured puts on the record how long the guest took to come up that this spec alone runs in.
func (s *session) measured() error {
	if !s.relay.order.Tasks[s.open].Alone {
		return nil
	}
	for _, m := range []struct {
		name string
		took time.Duration
	}{{"guest-create", s.took}, {"guest-create-to-first-spec", s.since.Sub(s.created)}} {
		if err := s.sample(m.name, m.took); err != nil {
			return err
		}
	}
	return nil
}

// destroyed puts on the record how long the guest that the running spec ended took to be gone.
func (s *session) destroyed(took time.Duration) error {
	if s.open == "" {
		return nil
	}
	return s.sample("guest-destroy", took)
}

func (s *session) sample(name string, took time.Duration) error {
	return s.relay.out.Send(event.Event{Kind: event.Sampled, Spec: s.open, Sample: &event.Sample{
		Name: name, Value: float64(took.Nanoseconds()), Unit: "ns/op",
	}})
}

// conclude judges the spec in which the guest ended. That dom0 is here to do so and that Xen took the
// guest down says that both outlived it.
func (s *session) conclude(how string) error {
	if s.open == "" {
		return nil
	}
	r := verdict(s.relay.order.Tasks[s.open].Ends, how)
	r.Duration = time.Since(s.since)
	r.Answers = []event.Answer{{Call: "the caller's end", Value: how}}
	if cry, cried := s.cries.Crash(); cried {
		r.Notes = append(r.Notes, "the guest's kernel said: "+cry.Signature)
	}
	id := s.open
	s.open = ""
	s.done(id)
	return s.relay.out.Send(event.Event{Kind: event.SpecEnded, Spec: id, Result: &r})
}

// verdict judges a guest's end by the ways in which the spec was to end it.
func verdict(ends []string, how string) event.Result {
	switch {
	case len(ends) == 0 || how == event.Hung:
		return event.Result{Verdict: event.Broken, Reason: "the guest that it ran in was " + how + "; Xen and dom0 went on"}
	case slices.Contains(ends, how):
		return event.Result{Verdict: event.Pass}
	}
	return event.Result{Verdict: event.Fail, Failure: &event.Failure{
		Call: "the caller's end", Got: how, Expected: fmt.Sprintf("%s, while Xen and dom0 go on", strings.Join(ends, " or ")),
	}}
}
