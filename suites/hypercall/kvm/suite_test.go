package kvm

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"xtest/internal/kvm"
	"xtest/runner/event"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(m.Run())
}

// On a machine that xtest did not boot, every spec is not-applicable: none opens its KVM.
func TestHypercall(t *testing.T) {
	connect = func() (hypervisor, error) { t.Error("KVM was opened"); return nil, errors.New("not here") }
	spec.Test(t)
}

// verdicts are what judging the suite against a stand-in gave, by spec ID.
type verdicts struct {
	Verdict map[string]event.Verdict
	Why     map[string]string
	Answers map[string]int // how many answers are on the record
	New     map[string]int // those that are new
}

// against runs the suite in a process of its own, since Ginkgo runs once in a process, over a stand-in
// that answers as the parent says.
var against = child.NewFunc("KVM's hypercall suite against a stand-in", func(side *child.Side) error {
	var l lie
	if err := side.Recv(&l); err != nil {
		return err
	}
	s := &standIn{lie: l}
	connect = func() (hypervisor, error) {
		if l == absent {
			return nil, errNoDevice
		}
		return s, nil
	}
	v := verdicts{map[string]event.Verdict{}, map[string]string{}, map[string]int{}, map[string]int{}}
	spec.Run(spec.Environment{Booted: true, Scale: 1, Emit: func(e event.Event) {
		if e.Kind != event.SpecEnded {
			return
		}
		v.Verdict[e.Spec], v.Why[e.Spec] = e.Result.Verdict, e.Result.Reason
		if f := e.Result.Failure; f != nil {
			v.Why[e.Spec] = fmt.Sprintf("%s: got %s, expected %s", f.Call, f.Got, f.Expected)
		}
		for _, a := range e.Result.Answers {
			v.Answers[e.Spec]++
			if a.New {
				v.New[e.Spec]++
			}
		}
	}}, func(spec.Listed) bool { return true })
	return side.Send(v)
})

func judged(t *testing.T, l lie) verdicts {
	t.Helper()
	p, err := against.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	var v verdicts
	if err := errors.Join(p.Send(l), p.Recv(&v), p.Wait(t.Context())); err != nil {
		t.Fatal(err)
	}
	if len(v.Verdict) < 120 {
		t.Fatalf("%d specs were judged, expected all of the suite", len(v.Verdict))
	}
	return v
}

func TestRightAnswersPass(t *testing.T) {
	v := judged(t, honest)
	for id, verdict := range v.Verdict {
		if verdict != event.Pass {
			t.Errorf("%s: %s (%s)", id, verdict, v.Why[id])
		}
		if v.New[id] > 0 {
			t.Errorf("%s: %d answers are new", id, v.New[id])
		}
		if v.Answers[id] == 0 {
			t.Errorf("%s: no answer is on the record", id)
		}
	}
	facts := 0
	for _, n := range v.Answers {
		facts += n
	}
	if facts < 400 {
		t.Errorf("%d facts are judged, expected 400 at least", facts)
	}
	t.Logf("%d specs, %d facts", len(v.Verdict), facts)
}

// A spec that passes whatever KVM answers judges nothing.
func TestWrongAnswersFail(t *testing.T) {
	v := judged(t, contrary)
	for id, verdict := range v.Verdict {
		if verdict != event.Fail {
			t.Errorf("%s: %s (%s), expected fail: every answer was wrong", id, verdict, v.Why[id])
		}
	}
}

// What only one wrong thing shows in.
func TestEachWrongThingIsSeen(t *testing.T) {
	for l, ids := range map[lie][]string{
		clobbers:   {"kvm/registers-kept", "kvm/registers-kept-compat", "kvm/registers-kept-protected"},
		wide:       {"kvm/truncation-compat", "kvm/truncation-protected", "kvm/registers-kept-compat", "kvm/registers-kept-protected"},
		silent:     {"kvm/clock-pairing", "kvm-xen/send", "kvm-hyperv/hypercall-page"},
		overwrites: {"kvm/clock-pairing", "kvm/clock-pairing-type"},
		unmended:   {"kvm/other-opcode", "kvm/other-opcode-compat", "kvm/other-opcode-protected"},
		deaf: {
			"kvm/map-gpa-range", "kvm/map-gpa-range-compat", "kvm-hyperv/events", "kvm-hyperv/debug", "kvm-xen/left-to-user", "kvm-xen/user-mode",
			"kvm-speed/exit-hypercall",
		},
		forgetful: {"kvm/map-gpa-range", "kvm-hyperv/events", "kvm-hyperv/debug", "kvm-xen/left-to-user", "kvm-xen/compat"},
		dies:      {"kvm/unused-numbers", "kvm-hyperv/flush-list", "kvm-xen/yield", "kvm/registers-kept", "kvm-hyperv/all-codes"},
	} {
		v := judged(t, l)
		for _, id := range ids {
			if v.Verdict[id] != event.Fail {
				t.Errorf("%s, %s: %s (%s), expected fail", l, id, v.Verdict[id], v.Why[id])
			}
		}
	}
}

// An answer that is not known where none is promised is new, and fails nothing.
func TestUnknownAnswersAreNew(t *testing.T) {
	v := judged(t, novel)
	for id, want := range map[string]int{"kvm/unassigned-numbers": 1, "kvm/send-ipi-vectors": 1, "kvm-hyperv/all-codes": 1} {
		if v.Verdict[id] != event.Pass || v.New[id] != want {
			t.Errorf("%s: %s (%s) with %d new answers, expected pass with %d", id, v.Verdict[id], v.Why[id], v.New[id], want)
		}
	}
}

// A KVM that cannot be used is a reason, and no failure.
func TestProbesSayWhatIsMissing(t *testing.T) {
	for l, want := range map[lie]string{absent: "CONFIG_KVM_AMD", faults: "VMMCALL raises #UD", hangs: kvm.ErrHung.Error()} {
		v := judged(t, l)
		for id, verdict := range v.Verdict {
			if verdict != event.NotApplicable {
				t.Errorf("%s, %s: %s (%s), expected not-applicable", l, id, verdict, v.Why[id])
			}
		}
		if got := v.Why["kvm/unused-numbers"]; !strings.Contains(got, want) {
			t.Errorf("%s: %q, expected %q", l, got, want)
		}
	}
}
