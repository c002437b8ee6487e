package kvm

import (
	"fmt"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

var _ = suite.Describe("kvm", func() {
	const clause = hypercalls + " KVM_HC_SEND_IPI: "
	send := func(what string, low, high, min, icr uint64, want string) fact {
		return fact{call: "KVM_HC_SEND_IPI(" + what + ")", regs: call(kvm.SendIPI, low, high, min, icr), want: is(want)}
	}
	// Bits of the interrupt command register, AMD64 Architecture Programmer's Manual 2, 16.5.
	const (
		vector          = 0x40
		deliverNMI      = 4 << 8
		logical         = 1 << 11
		toSelf          = 1 << 18
		toAll, toOthers = 2 << 18, 3 << 18
	)
	declare(table{
		Meta: spec.Meta{ID: "kvm/send-ipi", Level: spec.Must, Needs: is1(irqChip),
			Clause: clause + "a0 and a1 are a bitmap of APIC IDs from a2 on; the answer is how many processors got the interrupt"},
		config: kvm.Config{IRQChip: true},
		facts: []fact{
			send("to nobody", 0, 0, 0, vector, "0"), send("to itself", 1, 0, 0, vector, "1"),
			send("to itself and one that is not there", 3, 0, 0, vector, "1"), send("to all of the low half", ^uint64(0), 0, 0, vector, "1"),
			send("to all of both halves", ^uint64(0), ^uint64(0), 0, vector, "1"), send("to the high half", 0, ^uint64(0), 0, vector, "0"),
			send("from 1 on", 1, 0, 1, vector, "0"), send("from 0xff on", ^uint64(0), ^uint64(0), 0xff, vector, "0"),
			send("from 0xffffffff on", ^uint64(0), ^uint64(0), 0xffffffff, vector, "0"),
			send("an NMI, to nobody", 0, 0, 0, deliverNMI, "0"), send("an NMI, to one that is not there", 2, 0, 0, deliverNMI, "0"),
			send("an NMI, to itself", 1, 0, 0, deliverNMI, "1, then NMI"),
		},
	})
	refused := []fact{
		send("logical destination", 1, 0, 0, logical|vector, einval), send("logical destination, to nobody", 0, 0, 0, logical|vector, einval),
		send("shorthand self", 1, 0, 0, toSelf|vector, einval), send("shorthand all", 1, 0, 0, toAll|vector, einval),
		send("shorthand all but itself", 1, 0, 0, toOthers|vector, einval), send("every bit of the command", 1, 0, 0, ^uint64(0), einval),
	}
	declare(table{
		Meta: spec.Meta{ID: "kvm/send-ipi-command", Level: spec.Must, Needs: is1(irqChip),
			Clause: clause + "a3 is the command: the destination is the bitmap's, so a logical one or a shorthand is answered -KVM_EINVAL"},
		config: kvm.Config{IRQChip: true}, facts: refused,
	})
	declare(table{
		Meta: spec.Meta{ID: "kvm/send-ipi-no-apic", Level: spec.Must,
			Clause: clause + "where the interrupt controllers are not KVM's there is nobody to send to: kvm_pv_send_ipi answers -KVM_EOPNOTSUPP, after it looked at the command"},
		facts: append([]fact{
			send("to itself", 1, 0, 0, vector, eopnotsupp), send("to nobody", 0, 0, 0, vector, eopnotsupp),
			send("to all", ^uint64(0), ^uint64(0), 0, vector, eopnotsupp),
		}, refused...),
	})
	for _, v := range []struct {
		id               string
		enforce, offered bool
		want, clause     string
	}{
		{"not-offered", false, false, "1", "works also where CPUID does not offer it, unless KVM_CAP_ENFORCE_PV_FEATURE_CPUID is on"},
		{"enforced", true, false, enosys, "-KVM_ENOSYS where CPUID does not offer it, with KVM_CAP_ENFORCE_PV_FEATURE_CPUID"},
		{"offered", true, true, "1", "works where CPUID offers it, with KVM_CAP_ENFORCE_PV_FEATURE_CPUID"},
	} {
		c := kvm.Config{IRQChip: true, PV: features(0), EnforcePV: v.enforce}
		needs := is1(irqChip)
		if v.enforce {
			needs = append(needs, enforcing)
		}
		if v.offered {
			c.PV = features(allFeatures)
		}
		bad := einval
		if v.want == enosys {
			bad = enosys
		}
		declare(table{
			Meta:   spec.Meta{ID: "kvm/send-ipi-" + v.id, Level: spec.Must, Needs: needs, Clause: clause + v.clause},
			config: c,
			facts: []fact{
				send("to itself", 1, 0, 0, vector, v.want), send("shorthand all", 1, 0, 0, toAll|vector, bad),
			},
		})
	}
	var vectors []fact
	for _, v := range []uint64{0, 0xf, 0x10, 0xff} {
		vectors = append(vectors, fact{
			call: fmt.Sprintf("KVM_HC_SEND_IPI(vector %#x, to itself)", v), regs: call(kvm.SendIPI, 1, 0, 0, v), want: is("1"), open: v < 0x10,
			why: "vectors below 16 are the processor's own and no interrupt's",
		})
	}
	declare(table{
		Meta: spec.Meta{ID: "kvm/send-ipi-vectors", Level: spec.Must, Needs: is1(irqChip),
			Clause: clause + "every vector of interrupts, 0x10 to 0xff, is sent; lower ones are not promised"},
		config: kvm.Config{IRQChip: true}, facts: vectors,
	})
})
