package hypercall

import (
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

// structure makes the arguments of a call that takes an operation and a structure.
func structure[T any](op uint64, fill func(s *T)) func(g *guest) []uint64 {
	return func(g *guest) []uint64 {
		s := xen.New[T](g.Arena)
		fill(s)
		return []uint64{op, xen.Addr(s)}
	}
}

var _ = suite.Describe("event-channel", func() {
	for id, port := range inOrder(map[string]uint32{"zero": 0, "high": 1 << 17, "sign-bit": 1 << 31, "all-ones": ^uint32(0)}) {
		for name, op := range inOrder(map[string]uint64{"close": xen.EventClose, "send": xen.EventSend}) {
			it(spec.Meta{
				ID: fmt.Sprintf("event-channel/%s-port-%s", name, id), Level: spec.Should,
				Clause: eventH + "EVTCHNOP_" + name + ": port is a local port in use; errno.h EINVAL: invalid argument",
			}, func(g *guest) { g.onPort(name, op, port).refused(unix.EINVAL) })
		}
	}
	for _, c := range []struct {
		id, clause, call string
		args             func(g *guest) []uint64
		want             []unix.Errno
	}{
		{"status-port-all-ones", "EVTCHNOP_status: port is an endpoint of the domain", "EVTCHNOP_status, {DOMID_SELF, ~0}",
			structure(xen.EventStatus, func(s *xen.EvtchnStatus) { s.Dom, s.Port = xen.Self, ^uint32(0) }), []unix.Errno{unix.EINVAL}},
		{"status-of-nobody", "EVTCHNOP_status: dom is a domain", "EVTCHNOP_status, {0x7fef, 1}",
			structure(xen.EventStatus, func(s *xen.EvtchnStatus) { s.Dom, s.Port = nobody, 1 }), []unix.Errno{unix.ESRCH, unix.EPERM}},
		{"alloc-unbound-in-nobody", "EVTCHNOP_alloc_unbound: the port is allocated in dom", "EVTCHNOP_alloc_unbound, {0x7fef, DOMID_SELF}",
			structure(xen.EventAllocUnbound, func(s *xen.EvtchnAllocUnbound) { s.Dom, s.Remote = nobody, xen.Self }), []unix.Errno{unix.ESRCH, unix.EPERM}},
		{"bind-interdomain-nobody", "EVTCHNOP_bind_interdomain: remote_dom is a domain", "EVTCHNOP_bind_interdomain, {0x7fef, 1}",
			structure(xen.EventBindInterdomain, func(s *xen.EvtchnBindInterdomain) { s.Remote, s.RemotePort = nobody, 1 }), []unix.Errno{unix.ESRCH}},
		{"bind-interdomain-port-zero", "EVTCHNOP_bind_interdomain: remote_port must be unbound and accept bindings", "EVTCHNOP_bind_interdomain, {DOMID_SELF, 0}",
			structure(xen.EventBindInterdomain, func(s *xen.EvtchnBindInterdomain) { s.Remote = xen.Self }), []unix.Errno{unix.EINVAL}},
		{"bind-interdomain-port-all-ones", "EVTCHNOP_bind_interdomain: remote_port must be unbound and accept bindings", "EVTCHNOP_bind_interdomain, {DOMID_SELF, ~0}",
			structure(xen.EventBindInterdomain, func(s *xen.EvtchnBindInterdomain) { s.Remote, s.RemotePort = xen.Self, ^uint32(0) }), []unix.Errno{unix.EINVAL}},
		{"bind-ipi-vcpu-all-ones", "EVTCHNOP_bind_ipi: vcpu is one of the domain's", "EVTCHNOP_bind_ipi, {.vcpu = ~0}",
			structure(xen.EventBindIPI, func(s *xen.EvtchnBindIPI) { s.VCPU = ^uint32(0) }), []unix.Errno{unix.ENOENT, unix.EINVAL}},
		{"bind-virq-one-too-many", "EVTCHNOP_bind_virq: virq is one of xen.h's VIRQ_*, below NR_VIRQS", "EVTCHNOP_bind_virq, {24, 0}",
			structure(xen.EventBindVIRQ, func(s *xen.EvtchnBindVIRQ) { s.VIRQ = xen.VIRQCount }), []unix.Errno{unix.EINVAL}},
		{"bind-virq-all-ones", "EVTCHNOP_bind_virq: virq is one of xen.h's VIRQ_*, below NR_VIRQS", "EVTCHNOP_bind_virq, {~0, 0}",
			structure(xen.EventBindVIRQ, func(s *xen.EvtchnBindVIRQ) { s.VIRQ = ^uint32(0) }), []unix.Errno{unix.EINVAL}},
		{"bind-virq-vcpu-all-ones", "EVTCHNOP_bind_virq: vcpu is one of the domain's", "EVTCHNOP_bind_virq, {VIRQ_TIMER, ~0}",
			structure(xen.EventBindVIRQ, func(s *xen.EvtchnBindVIRQ) { s.VCPU = ^uint32(0) }), []unix.Errno{unix.ENOENT, unix.EINVAL}},
		{"bind-global-virq-elsewhere", "EVTCHNOP_bind_virq: global VIRQs must be allocated on VCPU 0", "EVTCHNOP_bind_virq, {VIRQ_DOM_EXC, 1}",
			structure(xen.EventBindVIRQ, func(s *xen.EvtchnBindVIRQ) { s.VIRQ, s.VCPU = xen.VIRQDomainException, 1 }), []unix.Errno{unix.EINVAL, unix.ENOENT}},
		// Linux has bound its timer: nobody else can have it.
		{"bind-virq-twice", "EVTCHNOP_bind_virq: a VIRQ may be bound to at most one channel for each VCPU", "EVTCHNOP_bind_virq, {VIRQ_TIMER, 0}",
			structure(xen.EventBindVIRQ, func(s *xen.EvtchnBindVIRQ) { s.VIRQ = xen.VIRQTimer }), []unix.Errno{unix.EEXIST}},
		{"bind-pirq-all-ones", "EVTCHNOP_bind_pirq: pirq is a real interrupt", "EVTCHNOP_bind_pirq, {.pirq = ~0}",
			structure(xen.EventBindPIRQ, func(s *xen.EvtchnBindPIRQ) { s.PIRQ = ^uint32(0) }), []unix.Errno{unix.EINVAL, unix.EPERM}},
		{"bind-vcpu-port-all-ones", "EVTCHNOP_bind_vcpu: port is a local port", "EVTCHNOP_bind_vcpu, {~0, 0}",
			structure(xen.EventBindVCPU, func(s *xen.EvtchnBindVCPU) { s.Port = ^uint32(0) }), []unix.Errno{unix.EINVAL}},
	} {
		refuse(refusal{
			Meta: spec.Meta{ID: "event-channel/" + c.id, Clause: eventH + c.clause + "; errno.h"},
			call: "event_channel_op(" + c.call + ")", op: xen.EventChannelOp, args: c.args, want: c.want,
		})
	}
})
