package kvm

import (
	"fmt"

	"xtest/internal/kvm"
	"xtest/internal/xen"
	"xtest/suites/spec"
)

// What is left to KVM's user.
var _ = suite.Describe("kvm-xen", func() {
	all := xenGuest(kvm.Xen{Flags: xenAll})
	inKernel := map[uint64]bool{xen.XenVersion: true, xen.EventChannelOp: true, xen.SchedOp: true, xen.VCPUOp: true, 15: true}
	var numbers []fact
	for nr := range uint64(64) {
		if !inKernel[nr] {
			numbers = append(numbers, left(fmt.Sprintf("hypercall %d", nr), nr, 1, 2, 3, 4, 5, 6))
		}
	}
	xenDeclare("left-to-user", "KVM_EXIT_XEN: a call that KVM does not execute is left to its user, with its six arguments", xenEvents, all, numbers...)
	var wide []fact
	for _, nr := range []uint64{64, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, 1<<32 | xen.SchedOp, ^uint64(0)} {
		wide = append(wide, left(fmt.Sprintf("hypercall %#x", nr), nr, ^uint64(0), 1<<63, 0, 1, 2, 3))
	}
	xenDeclare("wide-numbers", "KVM_EXIT_XEN: the number is all of RAX", xenEvents, all, wide...)
	xenDeclare("sub-operations", "KVM_EXIT_XEN: sub-operations that KVM does not execute are left to its user", xenEvents, all,
		left("sched_op(SCHEDOP_block)", xen.SchedOp, 1), left("sched_op(SCHEDOP_shutdown)", xen.SchedOp, 2, noMemory), left("sched_op(~0)", xen.SchedOp, 0xffffffff),
		left("vcpu_op(VCPUOP_up)", xen.VCPUOp, 1, 0), left("vcpu_op(200)", xen.VCPUOp, 200, 0), left("event_channel_op(200)", xen.EventChannelOp, 200, noMemory),
	)

	user := all
	user.CPL = 3
	var at3 []fact
	for _, c := range []struct {
		name string
		nr   uint64
		args []uint64
	}{
		{"sched_op(SCHEDOP_yield)", xen.SchedOp, args(0, 0)}, {"sched_op(SCHEDOP_poll, unmapped)", xen.SchedOp, args(3, noMemory)},
		{"xen_version(XENVER_version)", xen.XenVersion, args(0, 0)}, {"event_channel_op(EVTCHNOP_send, unmapped)", xen.EventChannelOp, args(evtchnSend, noMemory)},
		{"set_timer_op(0)", 15, args(0)}, {"hypercall 0", 0, nil}, {"hypercall ~0", ^uint64(0), nil},
	} {
		r := xcall(c.nr, c.args...)
		at3 = append(at3, fact{call: c.name + " at CPL 3", regs: r,
			want: is(fmt.Sprintf("KVM_EXIT_XEN(%#x: %#x, %#x, %#x, %#x, %#x, %#x, 64-bit, CPL 3)", c.nr, r.RDI, r.RSI, r.RDX, r.R10, r.R8, r.R9))})
	}
	xenDeclare("user-mode", "KVM_EXIT_XEN: what programs of CPL 3 call is for KVM's user to permit or refuse", xenEvents, user, at3...)

	for _, m := range []kvm.Mode{kvm.Compat, kvm.Protected} {
		c := all
		c.Mode = m
		// The sixth argument is in EBP, which holds the record's address.
		narrow := func(index int, what string, nr, a, b uint64, want string) fact {
			r := pattern()
			r.RAX, r.RBX, r.RCX, r.RDX, r.RSI, r.RDI = nr, a, b, 3, 4, 5
			if want == "" {
				want = fmt.Sprintf("KVM_EXIT_XEN(%#x: %#x, %#x, 0x3, 0x4, 0x5, %#x, 32-bit, CPL 0)", nr, a, b, kvm.RecordAddress(index))
			}
			return fact{call: what, regs: r, want: is(want)}
		}
		id := map[kvm.Mode]string{kvm.Compat: "compat", kvm.Protected: "protected"}[m]
		declare(table{
			Meta: spec.Meta{ID: "kvm-xen/" + id, Level: spec.Must, Needs: is1(xenEvents),
				Clause: fmt.Sprintf(xenSource+"32-bit code has its arguments in EBX, ECX, EDX, ESI, EDI and EBP, and longmode is 0 (%v code)", m)},
			config: c, read: func(o kvm.Outcome) string {
				o.Regs.RAX = uint64(int64(int32(o.Regs.RAX)))
				return xenAnswer(o)
			}, prepare: xenInputs,
			facts: []fact{
				narrow(0, "hypercall 0", 0, 1, 2, ""), narrow(1, "hypercall 63", 63, 0xffffffff, 0x80000000, ""),
				narrow(2, "sched_op(SCHEDOP_yield)", xen.SchedOp, 0, 0, "0"), narrow(3, "event_channel_op(EVTCHNOP_send, behind the memory's end)", xen.EventChannelOp, evtchnSend, 0xf0000000, "-EFAULT"),
			},
		})
	}
})
