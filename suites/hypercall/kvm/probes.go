package kvm

import (
	"errors"
	"fmt"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// Device probes for KVM's device.
var Device = spec.Probe{Name: "KVM", Check: func() error {
	_, err := reach()
	return err
}}

// Executes probes for a KVM whose guests come back from a hypercall.
var Executes = spec.Probe{Name: "KVM executes hypercalls", Check: func() error {
	h, err := reach()
	if err != nil {
		return err
	}
	g, err := h.NewGuest(kvm.Config{Opcode: h.native})
	if err != nil {
		return fmt.Errorf("making a guest: %w", err)
	}
	list, err := g.Batch([]kvm.Regs{{RAX: kvm.VAPICPollIRQ}}, patience)
	switch {
	case err != nil:
		err = fmt.Errorf("a guest that executes %v: %w", h.native, err)
	case list[0].Fault != kvm.NoFault:
		err = fmt.Errorf("%v raises %s", h.native, exception(list[0].Fault))
	}
	return errors.Join(err, g.Close())
}}

// offers probes for a kind of guest by making one.
func offers(name string, c kvm.Config) spec.Probe {
	return spec.Probe{Name: name, Check: func() error {
		h, err := reach()
		if err != nil {
			return err
		}
		c := c
		c.Opcode = h.native
		g, err := h.NewGuest(c)
		if err != nil {
			return err
		}
		return g.Close()
	}}
}

// The kinds of guests that not every KVM makes.
var (
	irqChip    = offers("KVM's own interrupt controllers", kvm.Config{IRQChip: true})
	enforcing  = offers("KVM_CAP_ENFORCE_PV_FEATURE_CPUID", kvm.Config{EnforcePV: true})
	exiting    = offers("KVM_CAP_EXIT_HYPERCALL", kvm.Config{ExitHypercalls: 1 << kvm.MapGPARange})
	quirkOff   = offers("KVM_X86_QUIRK_FIX_HYPERCALL_INSN", kvm.Config{DisableQuirks: kvm.QuirkFixHypercall})
	hyperV     = offers("KVM's Hyper-V interface", kvm.Config{IRQChip: true, HyperV: &kvm.HyperV{GuestOSID: 1}})
	hvEnforce  = offers("KVM_CAP_HYPERV_ENFORCE_CPUID", kvm.Config{IRQChip: true, HyperV: &kvm.HyperV{GuestOSID: 1, Enforce: true}})
	synIC      = offers("KVM_CAP_HYPERV_SYNIC2", kvm.Config{IRQChip: true, HyperV: &kvm.HyperV{GuestOSID: 1, SynIC: true}})
	syndbgCall = offers("Hyper-V's debugging by hypercalls", kvm.Config{IRQChip: true, HyperV: syndbg()})
	xenCalls   = offers("KVM's Xen interface", kvm.Config{IRQChip: true, Xen: &kvm.Xen{Flags: kvm.XenInterceptHcall}})
	xenEvents  = offers("KVM_XEN_HVM_CONFIG_EVTCHN_SEND", kvm.Config{IRQChip: true, Xen: &kvm.Xen{Flags: xenAll}})
)
