package hypercall

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"xtest/internal/xen"
	"xtest/runner/event"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(m.Run())
}

// On a machine that xtest did not boot, every spec is not-applicable: none makes a hypercall there.
func TestHypercall(t *testing.T) { spec.Test(t) }

// verdicts are what judging the suite against a stand-in gave, by spec ID.
type verdicts struct {
	Verdict map[string]event.Verdict
	Why     map[string]string
	Wrote   map[string]bool // the stand-in wrote to memory during the spec
	// Dangerous are the specs that made a call graded destructive, by the call's name.
	Dangerous map[string][]string
	OwnBoot   map[string]bool // graded destructive
}

// against runs the suite in a process of its own, since Ginkgo runs once in a process, over a stand-in
// that answers as the parent says. Probes are answered honestly, so that lies meet specs.
var against = child.NewFunc("hypercall suite against a stand-in", func(side *child.Side) error {
	var o order
	if err := side.Recv(&o); err != nil {
		return err
	}
	s := newStandIn()
	aftermath = time.Millisecond // for a stand-in that ends nobody
	connect = func() (xen.Caller, error) { return s, nil }
	openDrivers = func() (drivers, error) { return &standInDrivers{s: s, ends: map[uint32]uint32{}}, nil }
	is := []*spec.Probe{&PrivCmd, &PV, &Control, &Multicalls}
	commandLine = func() ([]byte, error) {
		return fmt.Appendf(nil, "%s=%d,%d", xen.PartnerParam, partnerPort, partnerRef), nil
	}
	switch s.caller = o.Caller; o.Caller {
	case pvGuest:
		is = []*spec.Probe{&PrivCmd, &PV, &Guest, &PVGuest, &Multicalls}
	case hvmGuest:
		is = []*spec.Probe{&PrivCmd, &Translated, &Guest, &Multicalls}
	}
	for _, p := range is {
		if err := p.Check(); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		p.Check = func() error { return nil }
	}
	whole := OneSize.Check()
	OneSize.Check = func() error { return whole }
	v := verdicts{map[string]event.Verdict{}, map[string]string{}, map[string]bool{}, map[string][]string{}, map[string]bool{}}
	current := ""
	s.lie, s.wrote = o.Lie, func() { v.Wrote[current] = true }
	s.dangerous = func(call string) { v.Dangerous[call] = append(v.Dangerous[call], current) }
	spec.Run(spec.Environment{Booted: true, Scale: 1, Emit: func(e event.Event) {
		switch e.Kind {
		case event.SpecStarted:
			current = e.Spec
		case event.SpecEnded:
			v.Verdict[e.Spec] = e.Result.Verdict
			v.Why[e.Spec] = e.Result.Reason
			if f := e.Result.Failure; f != nil {
				v.Why[e.Spec] = fmt.Sprintf("%s: got %s, expected %s", f.Call, f.Got, f.Expected)
			}
		}
	}}, func(l spec.Listed) bool {
		v.OwnBoot[l.ID] = l.Grade == spec.Destructive
		return true
	})
	if left := s.references(); len(left) > 0 && o.Lie == honest {
		return fmt.Errorf("grants were left behind: %v", left)
	}
	return side.Send(v)
})

// order is what is asked of a stand-in.
type order struct {
	Caller caller
	Lie    lie
}

// judged are the verdicts of dom0's calls; those of guests' are left out.
func judged(t *testing.T, l lie) verdicts {
	t.Helper()
	v := judgedAs(t, dom0, l)
	for id := range v.Verdict {
		if ofGuests(id) {
			delete(v.Verdict, id)
			delete(v.Wrote, id)
		}
	}
	return v
}

func judgedAs(t *testing.T, c caller, l lie) verdicts {
	t.Helper()
	p, err := against.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	var v verdicts
	if err := errors.Join(p.Send(order{c, l}), p.Recv(&v), p.Wait(t.Context())); err != nil {
		t.Fatal(err)
	}
	if len(v.Verdict) < 200 {
		t.Fatalf("%d specs were judged, expected all of the suite", len(v.Verdict))
	}
	return v
}

// Calls that can end the machine are made by specs alone that have a boot of their own, or in a form
// that is harmless.
func TestNoSpecIsDangerous(t *testing.T) {
	harmless := map[string]string{
		"EVTCHNOP_close":              "closes the spec's own ports, or none",
		"XEN_SYSCTL_cpupool_op":       "asks for information",
		"XEN_SYSCTL_scheduler_op":     "asks for information",
		"XEN_DOMCTL_destroydomain":    "asks for the caller's own end, which Xen refuses to each",
		"XEN_DOMCTL_pausedomain":      "asks for the caller's own pause, which Xen refuses to each",
		"XEN_HYPFS_OP_write_contents": "writes to names that are not there",
	}
	v := judged(t, honest)
	for call, specs := range v.Dangerous {
		for _, id := range specs {
			if harmless[call] == "" && !v.OwnBoot[id] {
				t.Errorf("%s calls %s, which is destructive, with a structure that Xen can read", id, call)
			}
		}
	}
}

func TestRightAnswersPass(t *testing.T) {
	v := judged(t, honest)
	for op, id := range elsewhere {
		if v.Verdict[id] == "" {
			t.Errorf("%s: there is no spec %s", op, id)
		}
	}
	for id, verdict := range v.Verdict {
		if verdict != event.Pass {
			t.Errorf("%s: %s (%s)", id, verdict, v.Why[id])
		}
	}
}

// A spec that passes whatever Xen answers judges nothing.
func TestContraryAnswersFail(t *testing.T) {
	v := judged(t, contrary)
	for id, verdict := range v.Verdict {
		// A machine may have no reserved memory: 0 and no entries is another right answer.
		if verdict != event.Fail && id != "memory-op/reserved-device-map" {
			t.Errorf("%s: %s (%s), expected fail: every answer was wrong", id, verdict, v.Why[id])
		}
	}
}

// What Xen writes matters as much as what it returns.
func TestWrongMemoryFails(t *testing.T) {
	right := judged(t, honest)
	for l, blind := range map[lie]map[string]bool{
		silent: {
			"sysctl/readconsole-zero": true, // 0 goes in and 0 comes out
			// What is before the bad address is not promised to be answered.
			"multicall/half-mapped": true, "grant-table/array-half-mapped": true,
		},
		garbled: {
			"multicall/half-mapped": true, "grant-table/array-half-mapped": true,
			"xen-version/build-id":      true, // any bytes are a build ID
			"xen-version/guest-handle":  true, // and a handle, which domctl/getdomaininfo compares
			"grant-table/status-frames": true, // inverted success is the error that is right for version 1
		},
	} {
		v := judged(t, l)
		for id := range right.Wrote {
			if v.Verdict[id] != event.Fail && !blind[id] {
				t.Errorf("%s, %s: %s (%s), expected fail: the structure was wrong", l, id, v.Verdict[id], v.Why[id])
			}
		}
		t.Logf("%s: %d specs read what Xen wrote", l, len(right.Wrote))
	}
}
