package hypercall

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"xtest/internal/xen"
	"xtest/runner/event"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
	"xtest/suites/spec/rehearsal"
)

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(m.Run())
}

// On a machine that xtest did not boot, every spec is not-applicable: none makes a hypercall there.
func TestHypercall(t *testing.T) { spec.Test(t) }

// order is what is asked of a stand-in.
type order struct {
	Caller caller
	Lie    lie
}

// What the stand-in notes of a spec: that it wrote to memory, and which calls graded destructive were made.
const (
	wrote     = "wrote"
	dangerous = "dangerous: "
)

// stage rehearses the specs over a stand-in. Probes are answered honestly, so that lies meet specs.
var stage = rehearsal.New("hypercall suite against a stand-in", 200, func(o order, note func(string)) (end func() error, err error) {
	s := newStandIn()
	aftermath = time.Millisecond // for a stand-in that ends nobody
	connect = func() (xen.Caller, error) { return s, nil }
	openDrivers = func() (drivers, error) { return &standInDrivers{s: s, ends: map[uint32]uint32{}}, nil }
	is := []*spec.Probe{&PrivCmd, &PV, &Control, &Multicalls}
	commandLine = func() ([]byte, error) {
		return fmt.Appendf(nil, "%s=%d,%d", xen.PartnerParam, partnerPort, partnerRef), nil
	}
	readEarly = s.firmware
	switch s.caller = o.Caller; o.Caller {
	case pvGuest:
		is = []*spec.Probe{&PrivCmd, &PV, &Guest, &PVGuest, &Multicalls}
	case hvmGuest:
		is = []*spec.Probe{&PrivCmd, &Translated, &Guest, &Multicalls, &Early}
	}
	for _, p := range is {
		if err := p.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		p.Check = func() error { return nil }
	}
	whole := OneSize.Check()
	OneSize.Check = func() error { return whole }
	s.lie, s.wrote = o.Lie, func() { note(wrote) }
	s.dangerous = func(call string) { note(dangerous + call) }
	return func() error {
		if left := s.references(); len(left) > 0 && o.Lie == honest {
			return fmt.Errorf("grants were left behind: %v", left)
		}
		return nil
	}, nil
})

// judged are the verdicts of dom0's calls; those of guests' are left out.
func judged(t *testing.T, l lie) rehearsal.Verdicts {
	t.Helper()
	v := stage.Judged(t, order{dom0, l})
	for id := range v.Result {
		if ofGuests(id) {
			delete(v.Result, id)
			delete(v.Notes, id)
		}
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
	for id, notes := range v.Notes {
		for _, n := range notes {
			call, is := strings.CutPrefix(n, dangerous)
			if is && harmless[call] == "" && v.Grade[id] != spec.Destructive.String() {
				t.Errorf("%s calls %s, which is destructive, with a structure that Xen can read", id, call)
			}
		}
	}
}

func TestRightAnswersPass(t *testing.T) {
	v := judged(t, honest)
	for op, id := range elsewhere {
		if v.Result[id].Verdict == "" {
			t.Errorf("%s: there is no spec %s", op, id)
		}
	}
	v.AllPass(t)
}

// A spec that passes whatever Xen answers judges nothing.
func TestContraryAnswersFail(t *testing.T) {
	v := judged(t, contrary)
	for id, r := range v.Result {
		// A machine may have no reserved memory: 0 and no entries is another right answer.
		if r.Verdict != event.Fail && id != "memory-op/reserved-device-map" {
			t.Errorf("%s: %s, expected fail: every answer was wrong", id, v.Why(id))
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
		read := 0
		for id, notes := range right.Notes {
			if !slices.Contains(notes, wrote) {
				continue
			}
			read++
			if v.Result[id].Verdict != event.Fail && !blind[id] {
				t.Errorf("%s, %s: %s, expected fail: the structure was wrong", l, id, v.Why(id))
			}
		}
		t.Logf("%s: %d specs read what Xen wrote", l, read)
	}
}
