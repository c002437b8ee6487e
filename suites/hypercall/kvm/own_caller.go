package kvm

import (
	"fmt"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// everyNumber are KVM's own calls with arguments that each takes, and numbers that are none.
var everyNumber = []struct {
	name string
	regs kvm.Regs
}{
	{"hypercall 0", call(0)}, {"KVM_HC_VAPIC_POLL_IRQ", call(kvm.VAPICPollIRQ)}, {"KVM_HC_MMU_OP", call(kvm.MMUOp)},
	{"KVM_HC_FEATURES", call(kvm.Features)}, {"KVM_HC_PPC_MAP_MAGIC_PAGE", call(kvm.PPCMapMagic)},
	{"KVM_HC_KICK_CPU", call(kvm.KickCPU)}, {"KVM_HC_MIPS_GET_CLOCK_FREQ", call(kvm.MIPSGetClock)}, {"hypercall 7", call(7)}, {"hypercall 8", call(8)},
	{"KVM_HC_CLOCK_PAIRING", call(kvm.ClockPairing, dataAt)}, {"KVM_HC_SEND_IPI", call(kvm.SendIPI, 1, 0, 0, 0x40)},
	{"KVM_HC_SCHED_YIELD", call(kvm.SchedYield)}, {"KVM_HC_MAP_GPA_RANGE", call(kvm.MapGPARange, dataAt, 1)},
	{"hypercall 0xffffffff", call(0xffffffff)},
}

// modes are what a guest's processor can execute, with what reads KVM's own answers.
var modes = []struct {
	id   string
	mode kvm.Mode
	read reader
}{{"", kvm.Long, own}, {"-compat", kvm.Compat, own32}, {"-protected", kvm.Protected, own32}}

var _ = suite.Describe("kvm", func() {
	for _, m := range modes {
		var facts []fact
		for _, n := range everyNumber {
			facts = append(facts, fact{call: n.name + " at CPL 3", regs: n.regs, want: is(eperm)})
		}
		declare(table{
			Meta: spec.Meta{ID: "kvm/user-mode" + m.id, Level: spec.Must, Needs: is1(irqChip),
				Clause: fmt.Sprintf("arch/x86/kvm/x86.c kvm_emulate_hypercall: a program of CPL 3 is answered -KVM_EPERM, whatever it calls (%v code)", m.mode)},
			config: kvm.Config{Mode: m.mode, CPL: 3, IRQChip: true}, read: m.read, facts: facts,
		})
	}

	// Which registers a call may change.
	for _, v := range modes {
		id, m := v.id, v.mode
		it(spec.Meta{
			ID: "kvm/registers-kept" + id, Level: spec.Must, Needs: is1(irqChip),
			Clause: fmt.Sprintf("%s: the answer is in RAX, and no other register is changed (%v code)", hypercalls, m),
		}, func(r *run) {
			g := r.guest(kvm.Config{Mode: m, IRQChip: true})
			for _, n := range everyNumber {
				o, err := g.Step(n.regs, patience)
				r.Success(n.name, err)
				r.Answer(n.name+", full RAX", fmt.Sprintf("%#x", o.Regs.RAX))
				for i, p := range registers(&n.regs) {
					if got := *registers(&o.Regs)[i].value; i > 0 && got != *p.value && (m == kvm.Long || i < 6) {
						r.True(n.name+": "+p.name, false, fmt.Sprintf("%#x", got), fmt.Sprintf("%#x, as before the call", *p.value))
					}
				}
				// An answer is never wider than the code that gets it, and never one of the arguments.
				wide := m != kvm.Long && o.Regs.RAX>>32 != 0
				r.True(n.name+": RAX", !wide && o.Regs.RAX != n.regs.RAX || n.regs.RAX == 0 && !wide, fmt.Sprintf("%#x", o.Regs.RAX), "an answer")
			}
		})
		if m != kvm.Long {
			truncation(id, m)
		}
	}
})

// register is one by its name.
type register struct {
	name  string
	value *uint64
}

// registers are those that a call could change, RAX first, and first those that 32-bit code has.
func registers(r *kvm.Regs) []register {
	return []register{
		{"RAX", &r.RAX}, {"RBX", &r.RBX}, {"RCX", &r.RCX}, {"RDX", &r.RDX}, {"RSI", &r.RSI}, {"RDI", &r.RDI}, {"R8", &r.R8},
		{"R9", &r.R9}, {"R10", &r.R10}, {"R11", &r.R11}, {"R12", &r.R12}, {"R13", &r.R13}, {"R14", &r.R14}, {"R15", &r.R15},
	}
}

// truncation judges that 32-bit code's calls are 32 bits wide, whatever the registers hold above.
func truncation(id string, m kvm.Mode) {
	const high = 0xdead_beef << 32
	facts := []fact{
		{call: "RAX = 1<<32|KVM_HC_VAPIC_POLL_IRQ", regs: call(1<<32 | kvm.VAPICPollIRQ), want: is("0x0")},
		{call: "RAX = 1<<63|KVM_HC_SCHED_YIELD", regs: call(1<<63 | kvm.SchedYield), want: is("0x0")},
		{call: "RAX = 1<<32|KVM_HC_KICK_CPU", regs: call(1<<32 | kvm.KickCPU), want: is("0x0")},
		{call: "RAX = 1<<32|KVM_HC_MMU_OP", regs: call(1<<32 | kvm.MMUOp), want: is("0xfffffc18")},
		{call: "RAX = ~0", regs: call(^uint64(0)), want: is("0xfffffc18")},
		{call: "KVM_HC_SEND_IPI, the bitmap above bit 31", regs: call(kvm.SendIPI, high, high, high, high|0x40), want: is("0x0")},
		{call: "KVM_HC_SEND_IPI, the bitmap in bit 0", regs: call(kvm.SendIPI, high|1, high, high, high|0x40), want: is("0x1")},
		{call: "KVM_HC_CLOCK_PAIRING, an address above bit 31", regs: call(kvm.ClockPairing, high|dataAt, high), want: is("0x0", "0xffffffa1"), why: noTSC},
		{call: "KVM_HC_CLOCK_PAIRING, clock 1", regs: call(kvm.ClockPairing, high|dataAt, high|1), want: is("0xffffffa1")},
	}
	it(spec.Meta{
		ID: "kvm/truncation" + id, Level: spec.Must, Needs: is1(irqChip),
		Clause: fmt.Sprintf("arch/x86/kvm/x86.c kvm_emulate_hypercall: of 32-bit code number, arguments and answer are 32 bits wide (%v code)", m),
	}, func(r *run) {
		g := r.guest(kvm.Config{Mode: m, IRQChip: true})
		said := make([]string, len(facts))
		for i, f := range facts {
			o, err := g.Step(f.regs, patience)
			r.Success(f.call, err)
			said[i] = fmt.Sprintf("%#x", o.Regs.RAX)
			r.Answer(f.call, said[i])
		}
		r.judge(facts, said)
	})
	gpa, pages, attrs := uint64(dataAt), uint64(1), uint64(0x10)
	declare(table{
		Meta: spec.Meta{ID: "kvm/map-gpa-range" + id, Level: spec.Must, Needs: is1(exiting),
			Clause: fmt.Sprintf("linux/kvm.h KVM_EXIT_HYPERCALL: the user gets 32-bit arguments of 32-bit code, and longmode is 0 (%v code)", m)},
		config: kvm.Config{Mode: m, ExitHypercalls: 1 << kvm.MapGPARange}, read: own32,
		facts: []fact{{
			call: "KVM_HC_MAP_GPA_RANGE(one page)", regs: call(kvm.MapGPARange, gpa, pages, attrs),
			want: is(fmt.Sprintf("KVM_EXIT_HYPERCALL(%d: %#x, %#x, %#x, 32-bit)", kvm.MapGPARange, gpa, pages, attrs)),
		}, {
			call: "KVM_HC_MAP_GPA_RANGE(no page)", regs: call(kvm.MapGPARange, gpa, 0, attrs), want: is(einval),
		}},
	})
}
