package kvm

import (
	"fmt"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

const (
	header     = "linux/kvm_para.h"
	hypercalls = "Documentation/virt/kvm/x86/hypercalls.rst"
)

// dataAt is where calls' structures lie, and noMemory an address at which the guest has nothing.
const (
	dataAt   = kvm.Data
	noMemory = 0x7fff_0000_0000
	lastPage = kvm.GuestMemory - 0x1000
)

// features gives a guest these paravirtual features and no others.
func features(bits uint32) *uint32 { return &bits }

const (
	allFeatures = kvm.FeaturePVUnhalt | kvm.FeaturePVSendIPI | kvm.FeaturePVSchedYield | kvm.FeatureMapGPARange
)

var _ = suite.Describe("kvm", func() {
	var unused, future, wide []fact
	for _, nr := range []uint64{0, kvm.MMUOp, kvm.Features, kvm.PPCMapMagic, kvm.MIPSGetClock, 7, 8} {
		unused = append(unused, fact{call: fmt.Sprintf("hypercall %d", nr), regs: call(nr), want: is(enosys)})
	}
	for nr := uint64(kvm.MapGPARange + 1); nr < 32; nr++ {
		future = append(future, fact{call: fmt.Sprintf("hypercall %d", nr), regs: call(nr), want: is(enosys), open: true})
	}
	future = append(future, fact{call: "hypercall 0x7fffffff", regs: call(0x7fffffff), want: is(enosys)})
	for _, nr := range []uint64{
		0x80000000, 0xfffffffe, 0xffffffff, 1 << 32, 1<<32 | kvm.VAPICPollIRQ, 1<<32 | kvm.SchedYield, 1<<48 | kvm.KickCPU,
		1 << 63, 1<<63 | kvm.VAPICPollIRQ, ^uint64(0), ^uint64(kvm.VAPICPollIRQ - 1),
	} {
		wide = append(wide, fact{call: fmt.Sprintf("hypercall %#x", nr), regs: call(nr), want: is(enosys)})
	}
	declare(table{
		Meta: spec.Meta{ID: "kvm/unused-numbers", Level: spec.Must,
			Clause: header + " and " + hypercalls + ": calls of other architectures, and removed ones, are answered -KVM_ENOSYS"},
		facts: unused,
	})
	declare(table{
		Meta: spec.Meta{ID: "kvm/unassigned-numbers", Level: spec.Should,
			Clause: header + ": a call that KVM does not know is answered -KVM_ENOSYS; a number above the highest one may be given away"},
		facts: future,
	})
	declare(table{
		Meta: spec.Meta{ID: "kvm/wide-numbers", Level: spec.Must,
			Clause: hypercalls + ": the number is all of RAX; one with bits above those of any call is answered -KVM_ENOSYS"},
		facts: wide,
	})

	declare(table{
		Meta: spec.Meta{ID: "kvm/vapic-poll-irq", Level: spec.Must,
			Clause: hypercalls + " KVM_HC_VAPIC_POLL_IRQ: has the host check for interrupts at its exit, and is answered 0"},
		facts: []fact{
			{call: "KVM_HC_VAPIC_POLL_IRQ()", regs: call(kvm.VAPICPollIRQ), want: is("0")},
			{call: "KVM_HC_VAPIC_POLL_IRQ(~0, ~0, ~0, ~0)", regs: call(kvm.VAPICPollIRQ, ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)), want: is("0")},
			{call: "KVM_HC_VAPIC_POLL_IRQ(1)", regs: call(kvm.VAPICPollIRQ, 1), want: is("0")},
		},
	})

	target := func(name string, nr uint64, arg func(id uint64) []uint64, want string) []fact {
		var list []fact
		for _, id := range []struct {
			name string
			id   uint64
		}{
			{"its own APIC ID", 0}, {"APIC ID 1, which nobody has", 1}, {"APIC ID 0xff", 0xff}, {"APIC ID 0x7fffffff", 0x7fffffff},
			{"APIC ID 1<<32", 1 << 32}, {"APIC ID ~0", ^uint64(0)},
		} {
			list = append(list, fact{call: name + "(" + id.name + ")", regs: call(nr, arg(id.id)...), want: is(want)})
		}
		return list
	}
	kick := func(id uint64) []uint64 { return []uint64{0, id} }
	yield := func(id uint64) []uint64 { return []uint64{id} }
	for _, c := range []struct {
		id, name, clause string
		nr               uint64
		arg              func(uint64) []uint64
	}{
		{"kick-cpu", "KVM_HC_KICK_CPU", "wakes a halted processor; a1 is its APIC ID; a processor that is not there is none to wake", kvm.KickCPU, kick},
		{"sched-yield", "KVM_HC_SCHED_YIELD", "yields if the processor of APIC ID a0 is preempted; it is a hint and is answered 0", kvm.SchedYield, yield},
	} {
		for _, v := range []struct {
			id     string
			config kvm.Config
			needs  []spec.Probe
			want   string
			clause string
		}{
			{"", kvm.Config{IRQChip: true}, is1(irqChip), "0", c.clause},
			{"-no-apic", kvm.Config{}, nil, "0", c.clause + "; also where the interrupt controllers are the user's"},
			{"-not-offered", kvm.Config{IRQChip: true, PV: features(0)}, is1(irqChip), "0", "what CPUID does not offer works all the same, unless KVM_CAP_ENFORCE_PV_FEATURE_CPUID is on"},
			{"-enforced", kvm.Config{IRQChip: true, PV: features(0), EnforcePV: true}, []spec.Probe{irqChip, enforcing}, enosys, "what CPUID does not offer is answered -KVM_ENOSYS, with KVM_CAP_ENFORCE_PV_FEATURE_CPUID"},
			{"-offered", kvm.Config{IRQChip: true, PV: features(allFeatures), EnforcePV: true}, []spec.Probe{irqChip, enforcing}, "0", "what CPUID offers works also with KVM_CAP_ENFORCE_PV_FEATURE_CPUID"},
		} {
			declare(table{
				Meta: spec.Meta{ID: "kvm/" + c.id + v.id, Level: spec.Must, Needs: v.needs,
					Clause: fmt.Sprintf("%s %s: %s", hypercalls, c.name, v.clause)},
				config: v.config, facts: target(c.name, c.nr, c.arg, v.want),
			})
		}
	}
})

func is1(p spec.Probe) []spec.Probe { return []spec.Probe{p} }
