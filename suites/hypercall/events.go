package hypercall

import (
	"fmt"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

const eventH = "xen/include/public/event_channel.h "

// onPort makes an event_channel_op of a structure that holds a port alone.
func (g *guest) onPort(name string, op uint64, port uint32) reply {
	p := xen.New[xen.EvtchnPort](g.Arena)
	p.Port = port
	return g.ask(fmt.Sprintf("event_channel_op(EVTCHNOP_%s, {.port = %#x})", name, port), xen.EventChannelOp, op, xen.Addr(p))
}

// closing gives a port back when the spec ends; one that is closed by then is refused, which is fine.
func (g *guest) closing(port uint32) {
	g.Cleanup(func() {
		if a, err := xen.NewArena(1); err == nil {
			p := xen.New[xen.EvtchnPort](a)
			p.Port = port
			g.xen.Hypercall(xen.EventChannelOp, xen.EventClose, xen.Addr(p))
			a.Close()
		}
	})
}

// unbound allocates a port of this domain that this domain may bind to.
func (g *guest) unbound() uint32 {
	const call = "event_channel_op(EVTCHNOP_alloc_unbound, {DOMID_SELF, DOMID_SELF})"
	u := xen.New[xen.EvtchnAllocUnbound](g.Arena)
	u.Dom, u.Remote = xen.Self, xen.Self
	g.ask(call, xen.EventChannelOp, xen.EventAllocUnbound, xen.Addr(u)).zero()
	g.closing(u.Port)
	g.That(call+": port", u.Port, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", 1<<17)))
	return u.Port
}

// status asks for a channel of this domain.
func (g *guest) status(port uint32) *xen.EvtchnStatus {
	s := xen.New[xen.EvtchnStatus](g.Arena)
	s.Dom, s.Port, s.Status = xen.Self, port, ^uint32(0)
	g.ask(fmt.Sprintf("event_channel_op(EVTCHNOP_status, {.port = %d})", port), xen.EventChannelOp, xen.EventStatus, xen.Addr(s)).zero()
	return s
}

// loop connects two ports of this domain.
func (g *guest) loop() (local, remote uint32) {
	const call = "event_channel_op(EVTCHNOP_bind_interdomain, {DOMID_SELF, port})"
	remote = g.unbound()
	b := xen.New[xen.EvtchnBindInterdomain](g.Arena)
	b.Remote, b.RemotePort = xen.Self, remote
	g.ask(call, xen.EventChannelOp, xen.EventBindInterdomain, xen.Addr(b)).zero()
	g.closing(b.LocalPort)
	g.That(call+": local_port", b.LocalPort, gomega.And(gomega.BeNumerically(">", 0), gomega.Not(gomega.Equal(remote))))
	return b.LocalPort, remote
}

// ipi binds a port to interrupts between VCPUs, on VCPU 0.
func (g *guest) ipi() uint32 {
	const call = "event_channel_op(EVTCHNOP_bind_ipi, {.vcpu = 0})"
	b := xen.New[xen.EvtchnBindIPI](g.Arena)
	g.ask(call, xen.EventChannelOp, xen.EventBindIPI, xen.Addr(b)).zero()
	g.closing(b.Port)
	g.That(call+": port", b.Port, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", 1<<17)))
	return b.Port
}

var _ = suite.Describe("event-channel", func() {
	it(spec.Meta{
		ID: "event-channel/alloc-unbound", Level: spec.Must,
		Clause: eventH + "EVTCHNOP_alloc_unbound: a fresh port is allocated and waits for a connection; remote_dom may be DOMID_SELF",
	}, func(g *guest) {
		a, b := g.unbound(), g.unbound()
		g.True("two EVTCHNOP_alloc_unbound", a != b, fmt.Sprintf("port %d twice", a), "two ports")
		g.Equal("status of the new port", g.status(a).Status, xen.ChannelUnbound)
	})
	it(spec.Meta{
		ID: "event-channel/close", Level: spec.Must,
		Clause: eventH + "EVTCHNOP_close: closes a local port; EVTCHNSTAT_closed: the channel is not in use",
	}, func(g *guest) {
		port := g.unbound()
		g.onPort("close", xen.EventClose, port).zero()
		g.Equal("status of the closed port", g.status(port).Status, xen.ChannelClosed)
		g.onPort("close", xen.EventClose, port).refused(unix.EINVAL)
	})
	it(spec.Meta{
		ID: "event-channel/loop", Level: spec.Must,
		Clause: eventH + "EVTCHNOP_bind_interdomain: connects a fresh local port with a port that accepts bindings; remote_dom may be DOMID_SELF",
	}, func(g *guest) {
		local, remote := g.loop()
		for _, ends := range [][2]uint32{{local, remote}, {remote, local}} {
			s := g.status(ends[0])
			g.Equal("status of a connected port", s.Status, xen.ChannelInterdomain)
			g.Equal("its other end", s.RemotePort, ends[1])
		}
	})
	it(spec.Meta{
		ID: "event-channel/close-one-end", Level: spec.Must,
		Clause: eventH + "EVTCHNOP_close: the remote end is placed in the unbound state, awaiting a new connection",
	}, func(g *guest) {
		local, remote := g.loop()
		g.onPort("close", xen.EventClose, local).zero()
		g.Equal("status of the remote end", g.status(remote).Status, xen.ChannelUnbound)
		g.Equal("status of the local end", g.status(local).Status, xen.ChannelClosed)
	})
	it(spec.Meta{
		ID: "event-channel/send", Level: spec.Must,
		Clause: eventH + "EVTCHNOP_send: sends an event to the remote end of the channel",
	}, func(g *guest) {
		local, remote := g.loop()
		g.onPort("send", xen.EventSend, local).zero()
		g.onPort("send", xen.EventSend, remote).zero()
	})
	it(spec.Meta{
		ID: "event-channel/send-unbound", Level: spec.Should,
		Clause: eventH + "EVTCHNOP_send: without a remote end there is nobody to send to; the answer is recorded, and the port stays as it was",
	}, func(g *guest) {
		port := g.unbound()
		g.onPort("send", xen.EventSend, port).record()
		g.Equal("status after the send", g.status(port).Status, xen.ChannelUnbound)
	})
	it(spec.Meta{
		ID: "event-channel/bind-ipi", Level: spec.Must,
		Clause: eventH + "EVTCHNOP_bind_ipi: the channel is bound to the VCPU given; the binding may not be changed",
	}, func(g *guest) {
		port := g.ipi()
		s := g.status(port)
		g.Equal("status of the port", s.Status, xen.ChannelIPI)
		g.Equal("its VCPU", s.VCPU, uint32(0))
		b := xen.New[xen.EvtchnBindVCPU](g.Arena)
		b.Port = port
		g.ask("event_channel_op(EVTCHNOP_bind_vcpu, an IPI's port)", xen.EventChannelOp, xen.EventBindVCPU, xen.Addr(b)).refused(unix.EINVAL)
	})
	it(spec.Meta{
		ID: "event-channel/bind-vcpu", Level: spec.Must,
		Clause: eventH + "EVTCHNOP_bind_vcpu: says which VCPU the channel notifies; VCPU 0 at first",
	}, func(g *guest) {
		port := g.unbound()
		g.Equal("VCPU of a fresh port", g.status(port).VCPU, uint32(0))
		b := xen.New[xen.EvtchnBindVCPU](g.Arena)
		b.Port = port
		g.ask("event_channel_op(EVTCHNOP_bind_vcpu, {port, 0})", xen.EventChannelOp, xen.EventBindVCPU, xen.Addr(b)).zero()
		g.Equal("VCPU of the port", g.status(port).VCPU, uint32(0))
		b.VCPU = ^uint32(0)
		g.ask("event_channel_op(EVTCHNOP_bind_vcpu, {port, ~0})", xen.EventChannelOp, xen.EventBindVCPU, xen.Addr(b)).refused(unix.ENOENT, unix.EINVAL)
	})
	it(spec.Meta{
		ID: "event-channel/many", Level: spec.Must,
		Clause: eventH + "EVTCHNOP_alloc_unbound, EVTCHNOP_close: what is closed can be allocated again",
	}, func(g *guest) {
		before := g.unbound()
		u := xen.New[xen.EvtchnAllocUnbound](g.Arena)
		u.Dom, u.Remote = xen.Self, xen.Self
		for range 300 {
			g.onPort("close", xen.EventClose, before).zero()
			g.ask("event_channel_op(EVTCHNOP_alloc_unbound, {DOMID_SELF, DOMID_SELF})", xen.EventChannelOp, xen.EventAllocUnbound, xen.Addr(u)).zero()
			if u.Port != before {
				g.closing(u.Port)
			}
			g.True("alloc_unbound behind close", u.Port <= before, fmt.Sprintf("port %d", u.Port), fmt.Sprintf("the lowest free port, at most %d", before))
			before = u.Port
		}
	})
})
