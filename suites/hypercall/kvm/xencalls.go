package kvm

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/kvm"
	"xtest/internal/xen"
	"xtest/suites/spec"
)

// xenAll has KVM execute what it can of Xen's calls.
const xenAll = kvm.XenInterceptHcall | kvm.XenEvtchnSend

const xenSource = "arch/x86/kvm/xen.c; "

// xenGuest is a guest that makes Xen's calls.
func xenGuest(x kvm.Xen) kvm.Config { return kvm.Config{IRQChip: true, Xen: &x} }

// xcall are the registers of one of Xen's calls of 64-bit code.
func xcall(nr uint64, args ...uint64) kvm.Regs {
	r := pattern()
	r.RAX = nr
	for i, p := range []*uint64{&r.RDI, &r.RSI, &r.RDX, &r.R10, &r.R8, &r.R9} {
		if i < len(args) {
			*p = args[i]
		}
	}
	return r
}

func xfact(what string, nr uint64, args []uint64, want ...string) fact {
	return fact{call: what, regs: xcall(nr, args...), want: want}
}

// left is a fact about a call that is left to KVM's user, with all its arguments.
func left(what string, nr uint64, args ...uint64) fact {
	r := xcall(nr, args...)
	return fact{call: what, regs: r, want: is(fmt.Sprintf("KVM_EXIT_XEN(%#x: %#x, %#x, %#x, %#x, %#x, %#x, 64-bit, CPL 0)", nr, r.RDI, r.RSI, r.RDX, r.R10, r.R8, r.R9))}
}

func args(a ...uint64) []uint64 { return a }

// Sub-operations, xen/include/public/vcpu.h and event_channel.h.
const (
	setSingleshot, stopSingleshot = 8, 9
	evtchnSend                    = 4
	evtchnInterdomain             = 2 // EVTCHNSTAT_interdomain
)

// Where the structures of Xen's calls lie.
const (
	pollNone, pollOne, pollMany, pollTooMany = dataAt, dataAt + 0x40, dataAt + 0x80, dataAt + 0xc0
	pollHigh, pollUnmapped                   = dataAt + 0x100, dataAt + 0x140
	ports, highPorts                         = dataAt + 0x1000, dataAt + 0x2000
	sendTo5, sendTo6, oneShot                = dataAt + 0x200, dataAt + 0x210, dataAt + 0x220
)

func xenInputs(m []byte) {
	le := binary.LittleEndian
	// struct sched_poll, public/sched.h: ports, their number, timeout.
	poll := func(at int, ports uint64, n uint32) {
		le.PutUint64(m[at:], ports)
		le.PutUint32(m[at+8:], n)
		le.PutUint64(m[at+16:], 1e6) // long past
	}
	poll(pollNone, ports, 0)
	poll(pollOne, ports, 1)
	poll(pollMany, ports, 128)
	poll(pollTooMany, ports, 129)
	poll(pollHigh, highPorts, 1)
	poll(pollUnmapped, noMemory, 1)
	for i := range 128 {
		le.PutUint32(m[ports+4*i:], uint32(i+1))
	}
	le.PutUint32(m[highPorts:], 4096) // EVTCHN_2L_NR_CHANNELS of 64-bit guests
	le.PutUint32(m[sendTo5:], 5)
	le.PutUint32(m[sendTo6:], 6)
}

// xenDeclare declares a spec of 64-bit code with KVM's interrupt controllers.
func xenDeclare(id, clause string, needs spec.Probe, config kvm.Config, facts ...fact) {
	declare(table{
		Meta:   spec.Meta{ID: "kvm-xen/" + id, Level: spec.Must, Needs: is1(needs), Clause: xenSource + clause},
		config: config, read: xenAnswer, prepare: xenInputs, facts: facts,
	})
}

var _ = suite.Describe("kvm-xen", func() {
	all := xenGuest(kvm.Xen{Flags: xenAll})
	plain := xenGuest(kvm.Xen{Flags: kvm.XenInterceptHcall})
	const sched, poll, yield = xen.SchedOp, 3, 0

	xenDeclare("yield", "xen/include/public/sched.h SCHEDOP_yield: gives the processor up, and is answered 0", xenCalls, plain,
		xfact("sched_op(SCHEDOP_yield, 0)", sched, args(yield, 0), "0"), xfact("sched_op(SCHEDOP_yield, ~0)", sched, args(yield, ^uint64(0)), "0"),
		xfact("sched_op(SCHEDOP_yield, unmapped)", sched, args(yield, noMemory), "0"),
	)
	xenDeclare("poll", "xen/include/public/sched.h SCHEDOP_poll: waits for one of the ports or the time, and is answered 0", xenEvents, all,
		xfact("sched_op(SCHEDOP_poll, 1 port)", sched, args(poll, pollOne), "0"), xfact("sched_op(SCHEDOP_poll, no port)", sched, args(poll, pollNone), "0"),
		xfact("sched_op(SCHEDOP_poll, 128 ports)", sched, args(poll, pollMany), "0"),
	)
	notCanonical := xfact("sched_op(SCHEDOP_poll, not canonical)", sched, args(poll, 1<<63), "-EFAULT", "0").
		because("KVM translates an address without looking at its bits above 47: kvm_read_guest_virt, arch/x86/kvm/x86.c")
	notCanonical.open = true
	xenDeclare("poll-invalid", "xen/include/public/sched.h SCHEDOP_poll: -EFAULT for what cannot be read, -EINVAL for more than 128 ports and a port that cannot be", xenEvents, all,
		xfact("sched_op(SCHEDOP_poll, unmapped)", sched, args(poll, noMemory), "-EFAULT"), notCanonical,
		xfact("sched_op(SCHEDOP_poll, half behind the memory's end)", sched, args(poll, kvm.GuestMemory-8), "-EFAULT"),
		xfact("sched_op(SCHEDOP_poll, unmapped ports)", sched, args(poll, pollUnmapped), "-EFAULT"),
		xfact("sched_op(SCHEDOP_poll, 129 ports)", sched, args(poll, pollTooMany), "-EINVAL"),
		xfact("sched_op(SCHEDOP_poll, port 4096)", sched, args(poll, pollHigh), "-EINVAL"),
	)
	xenDeclare("poll-without-events", "without KVM_XEN_HVM_CONFIG_EVTCHN_SEND there are no events to wait for: SCHEDOP_poll yields", xenCalls, plain,
		xfact("sched_op(SCHEDOP_poll, 1 port)", sched, args(poll, pollOne), "0"), xfact("sched_op(SCHEDOP_poll, unmapped)", sched, args(poll, noMemory), "0"),
	)
	noAPIC := all
	noAPIC.IRQChip = false
	xenDeclare("poll-no-apic", "without an in-kernel APIC nobody could wake the processor: SCHEDOP_poll yields", xenEvents, noAPIC,
		xfact("sched_op(SCHEDOP_poll, 1 port)", sched, args(poll, pollOne), "0"), xfact("sched_op(SCHEDOP_poll, unmapped)", sched, args(poll, noMemory), "0"),
		xfact("sched_op(SCHEDOP_yield, 0)", sched, args(yield, 0), "0"),
	)

	version := xenGuest(kvm.Xen{Flags: kvm.XenInterceptHcall, Attrs: []kvm.XenAttr{{Type: kvm.XenAttrVersion, Words: [16]uint32{4<<16 | 17}}}})
	xenDeclare("version", "Documentation/virt/kvm/api.rst KVM_XEN_ATTR_TYPE_XEN_VERSION: XENVER_version is answered by KVM, the rest is left to its user", xenEvents, version,
		xfact("xen_version(XENVER_version)", xen.XenVersion, args(0), number(4<<16|17)),
		left("xen_version(XENVER_extraversion)", xen.XenVersion, 1, dataAt), left("xen_version(~0)", xen.XenVersion, ^uint64(0), dataAt),
	)
	xenDeclare("version-unknown", "Documentation/virt/kvm/api.rst KVM_XEN_ATTR_TYPE_XEN_VERSION: until it is set KVM leaves XENVER_version to its user", xenCalls, plain,
		left("xen_version(XENVER_version)", xen.XenVersion, 0, 0), left("xen_version(XENVER_version, ~0)", xen.XenVersion, 0, ^uint64(0)),
	)
	xenEvent(all)
	xenTimers()
})

// xenEvent judges events to a port that goes to an eventfd of the user's, and to others.
func xenEvent(all kvm.Config) {
	const send = xen.EventChannelOp
	xenDeclare("send-unknown", "xen/include/public/event_channel.h EVTCHNOP_send: a port that KVM was not told of is left to its user; -EFAULT for what cannot be read", xenEvents, all,
		left("event_channel_op(EVTCHNOP_send, port 5)", send, evtchnSend, sendTo5),
		xfact("event_channel_op(EVTCHNOP_send, unmapped)", send, args(evtchnSend, noMemory), "-EFAULT"),
		xfact("event_channel_op(EVTCHNOP_send, behind the memory's end)", send, args(evtchnSend, kvm.GuestMemory), "-EFAULT"),
		left("event_channel_op(EVTCHNOP_status)", send, 5, noMemory), left("event_channel_op(EVTCHNOP_close)", send, 3, sendTo5),
	)
	facts := []fact{
		xfact("event_channel_op(EVTCHNOP_send, port 5)", send, args(evtchnSend, sendTo5), "0"),
		xfact("event_channel_op(EVTCHNOP_send, port 5, again)", send, args(evtchnSend, sendTo5), "0"),
		left("event_channel_op(EVTCHNOP_send, port 6)", send, evtchnSend, sendTo6),
	}
	it(spec.Meta{
		ID: "kvm-xen/send", Level: spec.Must, Needs: is1(xenEvents),
		Clause: "Documentation/virt/kvm/api.rst KVM_XEN_ATTR_TYPE_EVTCHN: an event to a port that was assigned an eventfd is one more of its count",
	}, func(r *run) {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		r.Setup("making an eventfd", err)
		r.Cleanup(func() { unix.Close(fd) })
		// send_port, type, flags, then deliver: port 0 stands for an eventfd.
		c := xenGuest(kvm.Xen{Flags: xenAll, Attrs: []kvm.XenAttr{{Type: kvm.XenAttrEvtchn, Words: [16]uint32{5, evtchnInterdomain, 0, 0, uint32(fd)}}}})
		g := r.guest(c)
		xenInputs(g.Memory())
		said := r.ask(g, facts, xenAnswer)
		r.judge(facts, said)
		var b [8]byte
		if _, err := unix.Read(fd, b[:]); err != nil {
			r.True("the eventfd of port 5", false, err.Error(), "2 events")
		}
		r.Equal("events at the eventfd of port 5", binary.LittleEndian.Uint64(b[:]), uint64(2))
	})
}

// xenTimers judges the processor's timer.
func xenTimers() {
	const vcpuOp, setTimer = xen.VCPUOp, 15
	plain := xenGuest(kvm.Xen{Flags: xenAll})
	xenDeclare("timer-unknown", "Documentation/virt/kvm/api.rst KVM_XEN_VCPU_ATTR_TYPE_TIMER: until the timer has a port KVM leaves it to its user", xenEvents, plain,
		left("set_timer_op(0)", setTimer, 0), left("set_timer_op(1)", setTimer, 1), left("vcpu_op(VCPUOP_stop_singleshot_timer, 0)", vcpuOp, stopSingleshot, 0, 0),
		left("vcpu_op(VCPUOP_set_singleshot_timer, 0)", vcpuOp, setSingleshot, 0, oneShot),
	)
	const port, priority = 7, ^uint32(0) // KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL
	timer := xenGuest(kvm.Xen{Flags: xenAll, VCPUAttrs: []kvm.XenAttr{
		{Type: kvm.XenVCPUAttrID, Words: [16]uint32{3}}, {Type: kvm.XenVCPUAttrTimer, Words: [16]uint32{port, priority}},
	}})
	xenDeclare("timer", "xen/include/public/xen.h set_timer_op, vcpu.h VCPUOP_*_singleshot_timer: a processor's own timer is set and stopped, 0", xenEvents, timer,
		xfact("set_timer_op(0)", setTimer, args(0), "0"), xfact("set_timer_op(in years)", setTimer, args(1<<60), "0"), xfact("set_timer_op(~0)", setTimer, args(^uint64(0)), "0"),
		xfact("set_timer_op(0), to stop it", setTimer, args(0), "0"),
		xfact("vcpu_op(VCPUOP_stop_singleshot_timer, itself)", vcpuOp, args(stopSingleshot, 3, 0), "0"),
	)
	xenDeclare("timer-invalid", "xen/include/public/vcpu.h VCPUOP_*_singleshot_timer: -EINVAL for another processor, -EFAULT for what cannot be read", xenEvents, timer,
		xfact("vcpu_op(VCPUOP_stop_singleshot_timer, processor 0)", vcpuOp, args(stopSingleshot, 0, 0), "-EINVAL"),
		xfact("vcpu_op(VCPUOP_set_singleshot_timer, processor 4)", vcpuOp, args(setSingleshot, 4, oneShot), "-EINVAL"),
		xfact("vcpu_op(VCPUOP_set_singleshot_timer, itself, unmapped)", vcpuOp, args(setSingleshot, 3, noMemory), "-EFAULT"),
		left("vcpu_op(VCPUOP_is_up, itself)", vcpuOp, 3, 3, 0),
	)
}
