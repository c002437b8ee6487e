package kvm

import (
	"errors"
	"os"
	"strings"
	"testing"

	"xtest/internal/kvm"
	"xtest/runner/event"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
	"xtest/suites/spec/rehearsal"
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

var stage = rehearsal.New("KVM's hypercall suite against a stand-in", 120, func(l lie, _ func(string)) (end func() error, err error) {
	s := &standIn{lie: l}
	connect = func() (hypervisor, error) {
		if l == absent {
			return nil, errNoDevice
		}
		return s, nil
	}
	return nil, nil
})

// answers counts what a spec put on the record, and what of it is new.
func answers(r event.Result) (all, news int) {
	for _, a := range r.Answers {
		if a.New {
			news++
		}
	}
	return len(r.Answers), news
}

func TestRightAnswersPass(t *testing.T) {
	v := stage.Judged(t, honest)
	v.AllPass(t)
	facts := 0
	for id, r := range v.Result {
		all, news := answers(r)
		if news > 0 {
			t.Errorf("%s: %d answers are new", id, news)
		}
		if all == 0 {
			t.Errorf("%s: no answer is on the record", id)
		}
		facts += all
	}
	if facts < 400 {
		t.Errorf("%d facts are judged, expected 400 at least", facts)
	}
	t.Logf("%d specs, %d facts", len(v.Result), facts)
}

// A spec that passes whatever KVM answers judges nothing.
func TestWrongAnswersFail(t *testing.T) {
	v := stage.Judged(t, contrary)
	for id, r := range v.Result {
		if r.Verdict != event.Fail {
			t.Errorf("%s: %s, expected fail: every answer was wrong", id, v.Why(id))
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
		v := stage.Judged(t, l)
		for _, id := range ids {
			if v.Result[id].Verdict != event.Fail {
				t.Errorf("%s, %s: %s, expected fail", l, id, v.Why(id))
			}
		}
	}
}

// An answer that is not known where none is promised is new, and fails nothing.
func TestUnknownAnswersAreNew(t *testing.T) {
	v := stage.Judged(t, novel)
	for id, want := range map[string]int{"kvm/unassigned-numbers": 1, "kvm/send-ipi-vectors": 1, "kvm-hyperv/all-codes": 1} {
		if _, news := answers(v.Result[id]); v.Result[id].Verdict != event.Pass || news != want {
			t.Errorf("%s: %s with %d new answers, expected pass with %d", id, v.Why(id), news, want)
		}
	}
}

// A KVM that cannot be used is a reason, and no failure.
func TestProbesSayWhatIsMissing(t *testing.T) {
	for l, want := range map[lie]string{absent: "CONFIG_KVM_AMD", faults: "VMMCALL raises #UD", hangs: kvm.ErrHung.Error()} {
		v := stage.Judged(t, l)
		for id, r := range v.Result {
			if r.Verdict != event.NotApplicable {
				t.Errorf("%s, %s: %s, expected not-applicable", l, id, v.Why(id))
			}
		}
		if got := v.Why("kvm/unused-numbers"); !strings.Contains(got, want) {
			t.Errorf("%s: %q, expected %q", l, got, want)
		}
	}
}
