package kvm

import (
	"errors"
	"time"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// Guests that do not come back by themselves.
var _ = suite.Describe("kvm", func() {
	const limit = 300 * time.Millisecond
	for _, v := range []struct {
		id     string
		code   kvm.Opcode // in the hypercall's place
		config kvm.Config
		needs  []spec.Probe
		clause string
	}{
		{"endless-loop", kvm.Opcode{0xeb, 0xfe, 0x90}, kvm.Config{}, nil, "a guest that executes an endless loop"},
		{"halted", kvm.Opcode{0xf4, 0x90, 0x90}, kvm.Config{IRQChip: true}, is1(irqChip), "a guest that waits for an interrupt inside KVM"},
	} {
		it(spec.Meta{
			ID: "kvm/" + v.id + "-ended", Level: spec.Must, Needs: v.needs,
			Clause: "Documentation/virt/kvm/api.rst KVM_RUN: EINTR when a signal is pending or immediate_exit is set, from " + v.clause,
		}, func(r *run) {
			c := v.config
			c.Opcode = v.code
			g := r.guest(c)
			list, err := g.Batch([]kvm.Regs{{}}, limit)
			r.Answer("KVM_RUN of "+v.clause, err)
			r.True("KVM_RUN of "+v.clause, errors.Is(err, kvm.ErrHung), text(err), kvm.ErrHung.Error())
			r.Equal("the call behind it", list[0].Done, false)
		})
	}
	it(spec.Meta{
		ID: "kvm/halted-exits", Level: spec.Must,
		Clause: "linux/kvm.h KVM_EXIT_HLT: where the interrupt controllers are the user's, HLT is left to it",
	}, func(r *run) {
		g := r.guest(kvm.Config{Opcode: kvm.Opcode{0xf4, 0x90, 0x90}})
		_, err := g.Batch([]kvm.Regs{{}}, patience)
		r.Answer("KVM_RUN of HLT", err)
		var s *kvm.Stopped
		r.True("KVM_RUN of HLT", errors.As(err, &s) && s.Reason == kvm.ExitHLT, text(err), (&kvm.Stopped{Reason: kvm.ExitHLT}).Error())
	})
})

func text(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}
