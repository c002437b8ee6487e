package kvm

import (
	"fmt"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// The instruction: the processor's own, and the other vendor's.
var _ = suite.Describe("kvm", func() {
	const (
		quirk   = "Documentation/virt/kvm/api.rst KVM_X86_QUIRK_FIX_HYPERCALL_INSN: "
		refused = "to KVM's emulator, which is to mend the instruction, it is a privileged one: group7_rm0 in arch/x86/kvm/emulate.c"
	)
	for _, c := range []struct {
		id    string
		mode  kvm.Mode
		cpl   uint8
		read  reader
		want  string
		other []string // what the other vendor's instruction is answered
	}{
		{"", kvm.Long, 0, own, "0", is("0")}, {"-user", kvm.Long, 3, own, eperm, is("#GP", eperm)},
		{"-compat", kvm.Compat, 0, own32, "0", is("0")}, {"-protected", kvm.Protected, 0, own32, "0", is("0")},
	} {
		for _, v := range []struct {
			id, clause string
			needs      []spec.Probe
			quirks     uint64
			foreign    bool
			want       []string
		}{
			{"own-opcode", "AMD64 Architecture Programmer's Manual 3 VMMCALL, Intel SDM 3 VMCALL: the processor's own instruction calls, and stays as it is", nil, 0, false, is(c.want)},
			{"other-opcode", quirk + "KVM writes the processor's own instruction over the other vendor's, and executes it; programs of CPL 3 are refused", nil, 0, true, c.other},
			{"other-opcode-unfixed", quirk + "without the quirk the other vendor's instruction raises #UD and stays as it is", is1(quirkOff), kvm.QuirkFixHypercall, true, is("#UD")},
			{"own-opcode-unfixed", quirk + "without the quirk the processor's own instruction works as ever", is1(quirkOff), kvm.QuirkFixHypercall, false, is(c.want)},
		} {
			var facts []fact
			for _, f := range []fact{
				{call: "KVM_HC_VAPIC_POLL_IRQ, the first time", regs: call(kvm.VAPICPollIRQ)},
				{call: "KVM_HC_VAPIC_POLL_IRQ, the second time", regs: call(kvm.VAPICPollIRQ)},
				{call: "KVM_HC_SCHED_YIELD", regs: call(kvm.SchedYield)},
			} {
				if f.want = v.want; v.foreign && c.cpl != 0 {
					f.why = refused
				}
				facts = append(facts, f)
			}
			it(spec.Meta{
				ID: "kvm/" + v.id + c.id, Level: spec.Must, Needs: v.needs, Clause: fmt.Sprintf("%s (%v code at CPL %d)", v.clause, c.mode, c.cpl),
			}, func(r *run) {
				written := r.native
				if v.foreign {
					written = r.foreign()
				}
				g := r.guest(kvm.Config{Mode: c.mode, CPL: c.cpl, Opcode: written, DisableQuirks: v.quirks})
				said := r.ask(g, facts, c.read)
				r.Answer("the instruction in memory", g.Opcode())
				r.judge(facts, said)
				wanted := r.native
				if said[0] == "#UD" || said[0] == "#GP" {
					wanted = written // it was not mended
				}
				r.Equal("the instruction in memory", g.Opcode().String(), wanted.String())
			})
		}
	}
})
