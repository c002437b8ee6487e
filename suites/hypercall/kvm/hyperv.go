package kvm

import (
	"fmt"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

const (
	tlfs = "Hyper-V TLFS "

	hvOK          = "HV_STATUS_SUCCESS"
	hvCode        = "HV_STATUS_INVALID_HYPERCALL_CODE"
	hvInput       = "HV_STATUS_INVALID_HYPERCALL_INPUT"
	hvAlignment   = "HV_STATUS_INVALID_ALIGNMENT"
	hvParameter   = "HV_STATUS_INVALID_PARAMETER"
	hvDenied      = "HV_STATUS_ACCESS_DENIED"
	hvNotNow      = "HV_STATUS_OPERATION_DENIED"
	noHeaderCheck = "Linux before 5.18 does not look at variable headers (40421f38f637) and reserved bits (413af6601f76)"
	noExtended    = "Linux before 6.3 has no extended calls (db9cf24cea69)"
)

// hvGuest is a guest that uses Hyper-V's interface.
func hvGuest() kvm.Config {
	return kvm.Config{IRQChip: true, HyperV: &kvm.HyperV{GuestOSID: 1}}
}

// hcall are the registers of a 64-bit call: control word, input and output address, or two parameters of
// a fast call. RAX holds nothing that is an answer.
func hcall(control, in, out uint64) kvm.Regs {
	r := pattern()
	r.RAX, r.RCX, r.RDX, r.R8 = 0xbad_0000_bad0, control, in, out
	return r
}

// hfact is a fact about a Hyper-V call.
func hfact(what string, control, in, out uint64, want ...string) fact {
	return fact{call: what, regs: hcall(control, in, out), want: want}
}

func (f fact) because(why string) fact {
	f.why = why
	return f
}

func hvExit(control, in, out uint64) string {
	return fmt.Sprintf("KVM_EXIT_HYPERV(%#x: %#x, %#x)", control, in, out)
}

var _ = suite.Describe("kvm-hyperv", func() {
	off := hvGuest()
	off.HyperV.GuestOSID = 0
	own1 := func(what string, nr, control uint64, want string) fact {
		f := hfact(what, control, 0, 0, want)
		f.regs.RAX = nr
		return f
	}
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/not-identified", Level: spec.Must, Needs: is1(hyperV),
			Clause: tlfs + "Establishing the Hypercall Interface: without a guest OS ID there are no calls; KVM's own are answered then"},
		config: off,
		facts: []fact{
			own1("KVM_HC_VAPIC_POLL_IRQ", kvm.VAPICPollIRQ, 0xffff, "0"), own1("KVM_HC_SCHED_YIELD", kvm.SchedYield, kvm.HVNotifyLongSpinWait, "0"),
			own1("KVM_HC_MMU_OP", kvm.MMUOp, kvm.HVNotifyLongSpinWait, enosys), own1("KVM_HC_FEATURES, of a guest's control word", kvm.Features, 0xffff, enosys),
		},
	})
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/before-own", Level: spec.Must, Needs: is1(hyperV),
			Clause: "arch/x86/kvm/x86.c kvm_emulate_hypercall: a guest that uses Hyper-V's interface has no others; RAX is no number"},
		config: hvGuest(), read: hv,
		facts: []fact{
			own1("KVM_HC_VAPIC_POLL_IRQ, control word 0xffff", kvm.VAPICPollIRQ, 0xffff, hvCode),
			own1("KVM_HC_SCHED_YIELD, control word 0xffff", kvm.SchedYield, 0xffff, hvCode),
			own1("hypercall 2, HvCallNotifyLongSpinWait", kvm.MMUOp, kvm.HVNotifyLongSpinWait, hvOK),
		},
	})

	var codes []fact
	for _, c := range []uint64{
		0, 1, 4, 7, 9, 0xa, 0xc, 0x12, 0x16, 0x5b, 0x5e, 0x68, 0x6c, 0xff, 0x7fff, 0x8000, 0x8042, 0x80ff, 0xfffe, 0xffff,
	} {
		codes = append(codes, hfact(fmt.Sprintf("call %#x", c), c, dataAt, dataAt, hvCode), hfact(fmt.Sprintf("call %#x, fast", c), c|kvm.HVFast, 0, 0, hvCode))
	}
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/invalid-code", Level: spec.Must, Needs: is1(hyperV),
			Clause: tlfs + "status codes: HV_STATUS_INVALID_HYPERCALL_CODE: the call code is not one that KVM knows"},
		config: hvGuest(), read: hv, facts: codes,
	})

	const spin = kvm.HVNotifyLongSpinWait
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/notify-long-spin-wait", Level: spec.Must, Needs: is1(hyperV),
			Clause: tlfs + "HvCallNotifyLongSpinWait: is answered HV_STATUS_SUCCESS"},
		config: hvGuest(), read: hv,
		facts: []fact{
			hfact("HvCallNotifyLongSpinWait, fast", spin|kvm.HVFast, 0x1000, 0, hvOK), hfact("HvCallNotifyLongSpinWait, slow", spin, dataAt, 0, hvOK),
			hfact("HvCallNotifyLongSpinWait, 0 spins", spin|kvm.HVFast, 0, 0, hvOK), hfact("HvCallNotifyLongSpinWait, ~0 spins", spin|kvm.HVFast, ^uint64(0), ^uint64(0), hvOK),
		},
	})
	simple := func(bits uint64, name string) fact {
		return hfact("HvCallNotifyLongSpinWait, "+name, spin|kvm.HVFast|bits, 0, 0, hvInput)
	}
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/repetitions-of-simple", Level: spec.Must, Needs: is1(hyperV),
			Clause: tlfs + "Hypercall Inputs: rep count and rep start index of a simple call are 0, else HV_STATUS_INVALID_HYPERCALL_INPUT"},
		config: hvGuest(), read: hv,
		facts: []fact{
			simple(kvm.HVReps, "rep count 1"), simple(0xfff*kvm.HVReps, "rep count 0xfff"), simple(kvm.HVFirst, "rep start 1"),
			simple(0xfff*kvm.HVFirst, "rep start 0xfff"), simple(kvm.HVReps|kvm.HVFirst, "rep count 1, start 1"),
		},
	})
	old := func(bits uint64, name string) fact {
		f := simple(bits, name)
		f.want, f.why = is(hvInput, hvOK), noHeaderCheck
		return f
	}
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/variable-header", Level: spec.Must, Needs: is1(hyperV),
			Clause: tlfs + "Hypercall Inputs: the variable header size of a call without one is 0, else HV_STATUS_INVALID_HYPERCALL_INPUT"},
		config: hvGuest(), read: hv,
		facts: []fact{
			old(kvm.HVVarHeader, "variable header of 8 bytes"), old(0x3ff<<kvm.HVVarShift, "variable header of 0x3ff * 8 bytes"),
			simple(kvm.HVVarHeader|kvm.HVReps, "variable header of 8 bytes and rep count 1"),
		},
	})
	var reserved []fact
	for _, bit := range []int{27, 28, 30, 31, 44, 47, 60, 63} {
		reserved = append(reserved, old(1<<bit, fmt.Sprintf("bit %d", bit)))
	}
	reserved = append(reserved, old(kvm.HVReserved27|kvm.HVReserved44|kvm.HVReserved60, "all reserved bits"),
		hfact("call 0xffff, reserved bit 44", 0xffff|1<<44, 0, 0, hvInput, hvCode).because(noHeaderCheck))
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/reserved-bits", Level: spec.Must, Needs: is1(hyperV),
			Clause: tlfs + "Hypercall Inputs: bits 31:27, 47:44 and 63:60 are reserved and 0, else HV_STATUS_INVALID_HYPERCALL_INPUT"},
		config: hvGuest(), read: hv, facts: reserved,
	})

	user := hvGuest()
	user.CPL = 3
	var ud []fact
	for _, c := range []uint64{kvm.HVFlushSpace, spin | kvm.HVFast, kvm.HVSendIPI | kvm.HVFast, kvm.HVPostMessage, kvm.HVExtQuery, 0xffff} {
		ud = append(ud, hfact(fmt.Sprintf("control word %#x at CPL 3", c), c, 0, 0, "#UD"))
	}
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/user-mode", Level: spec.Must, Needs: is1(hyperV),
			Clause: tlfs + "Legal Hypercall Environments: a call from a CPL above 0 raises #UD"},
		config: user, read: hv, facts: ud,
	})
	declareNarrow()
	hypercallPage()
})

// hypercallPage judges what KVM writes where the guest wants its hypercall page.
func hypercallPage() {
	const page, enable, ret = dataAt + 0x8000, 1, 0xc3
	facts := []fact{hfact("HvCallNotifyLongSpinWait, with a hypercall page", kvm.HVNotifyLongSpinWait|kvm.HVFast, 0, 0, hvOK)}
	it(spec.Meta{
		ID: "kvm-hyperv/hypercall-page", Level: spec.Must, Needs: is1(hyperV),
		Clause: tlfs + "Establishing the Hypercall Interface: HV_X64_MSR_HYPERCALL has a page hold the processor's hypercall instruction and a return",
	}, func(r *run) {
		c := hvGuest()
		c.HyperV.MSRs = []kvm.MSR{{Index: kvm.MSRHVHypercall, Value: page | enable}}
		g := r.guest(c)
		code := g.Memory()[page:]
		r.Answer("the hypercall page", fmt.Sprintf("% x", code[:4]))
		r.judge(facts, r.ask(g, facts, hv))
		r.Equal("the instruction on the hypercall page", kvm.Opcode(code).String(), r.native.String())
		r.Equal("the byte behind it", code[3], byte(ret))
	})
}

// declareNarrow declares what 32-bit code gets: the control word in EDX:EAX, input in EBX:ECX, output in
// EDI:ESI, and the result in EDX:EAX.
func declareNarrow() {
	narrow := func(what string, control, in, out uint64, want ...string) fact {
		r := pattern()
		r.RDX, r.RAX, r.RBX, r.RCX, r.RDI, r.RSI = control>>32, control&0xffffffff, in>>32, in&0xffffffff, out>>32, out&0xffffffff
		return fact{call: what, regs: r, want: want}
	}
	for _, m := range []struct {
		id   string
		mode kvm.Mode
	}{{"compat", kvm.Compat}, {"protected", kvm.Protected}} {
		c := hvGuest()
		c.Mode = m.mode
		declare(table{
			Meta: spec.Meta{ID: "kvm-hyperv/" + m.id, Level: spec.Must, Needs: is1(hyperV),
				Clause: fmt.Sprintf(tlfs+"Hypercall Inputs: of 32-bit code the control word is in EDX:EAX, the input in EBX:ECX, and the result in EDX:EAX (%v code)", m.mode)},
			config: c, read: hv32,
			prepare: func(mem []byte) { flushAll(mem, dataAt) },
			facts: []fact{
				narrow("HvCallNotifyLongSpinWait, fast", kvm.HVNotifyLongSpinWait|kvm.HVFast, 1, 0, hvOK),
				narrow("call 0xffff", 0xffff, 0, 0, hvCode),
				narrow("HvCallNotifyLongSpinWait, rep count 1", kvm.HVNotifyLongSpinWait|kvm.HVReps, 0, 0, hvInput),
				narrow("HvCallFlushVirtualAddressSpace", kvm.HVFlushSpace, dataAt, 0, hvOK),
				narrow("HvCallFlushVirtualAddressSpace, an address above 4 GiB", kvm.HVFlushSpace, 1<<32|dataAt, 0, hvInput, hvAlignment),
				narrow("HvCallFlushVirtualAddressList, rep count 1", kvm.HVFlushList|kvm.HVReps, dataAt, 0, hvOK+", 1 done"),
				narrow("HvCallSendSyntheticClusterIpi, fast", kvm.HVSendIPI|kvm.HVFast, 0x40, 1, hvOK),
				narrow("HvCallSendSyntheticClusterIpi, fast, vector 0xf", kvm.HVSendIPI|kvm.HVFast, 0xf, 1, hvInput),
			},
		})
	}
}
