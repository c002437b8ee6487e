package hypercall

import (
	"fmt"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

const (
	schedH = "xen/include/public/sched.h "
	vcpuH  = "xen/include/public/vcpu.h "
	nmiH   = "xen/include/public/nmi.h "
)

// longPast is a system time in nanoseconds that is over: a poll with it cannot block the domain.
const longPast = 1

var _ = suite.Describe("sched-op", func() {
	it(spec.Meta{
		ID: "sched-op/yield", Level: spec.Must,
		Clause: schedH + "SCHEDOP_yield: yields the CPU; arg is NULL",
	}, func(g *guest) {
		for range 16 {
			g.ask("sched_op(SCHEDOP_yield, NULL)", xen.SchedOp, xen.SchedYield, 0).zero()
		}
	})
	it(spec.Meta{
		// The kernel's tick ends it: a kernel that runs a process keeps its timer.
		ID: "sched-op/block", Level: spec.Must,
		Clause: schedH + "SCHEDOP_block: blocks until an event is received; arg is NULL",
	}, func(g *guest) {
		for range 4 {
			g.ask("sched_op(SCHEDOP_block, NULL)", xen.SchedOp, xen.SchedBlock, 0).zero()
		}
	})
	it(spec.Meta{
		ID: "sched-op/poll-timeout", Level: spec.Must,
		Clause: schedH + "SCHEDOP_poll: returns when a port is pending or the timeout is over",
	}, func(g *guest) {
		ports := xen.New[uint32](g.Arena)
		*ports = g.unbound()
		p := xen.New[xen.SchedPoll](g.Arena)
		p.Ports, p.NrPorts, p.Timeout = xen.Addr(ports), 1, longPast
		g.ask("sched_op(SCHEDOP_poll, {one port, timeout over})", xen.SchedOp, xen.SchedPollOp, xen.Addr(p)).zero()
	})
	for id, count := range inOrder(map[string]uint32{"129": 129, "all-ones": ^uint32(0)}) {
		refuse(refusal{
			Meta: spec.Meta{
				ID:     "sched-op/poll-ports-" + id,
				Clause: schedH + "struct sched_poll: nr_ports is how many ports there are; Xen takes 128; errno.h EINVAL",
			},
			call: fmt.Sprintf("sched_op(SCHEDOP_poll, {.nr_ports = %#x})", count), op: xen.SchedOp,
			args: func(g *guest) []uint64 {
				ports := g.Buffer(129 * 4)
				return structure(xen.SchedPollOp, func(p *xen.SchedPoll) { p.Ports, p.NrPorts, p.Timeout = ports.Addr(), count, longPast })(g)
			},
			want: []unix.Errno{unix.EINVAL},
		})
	}
	refuse(refusal{
		Meta: spec.Meta{
			ID: "sched-op/poll-ports-unmapped", Level: spec.Must,
			Clause: schedH + "struct sched_poll: ports is an address; errno.h EFAULT: bad address",
		},
		call: "sched_op(SCHEDOP_poll, {.ports = unmapped, .nr_ports = 1})", op: xen.SchedOp,
		args: func(g *guest) []uint64 {
			at := g.Unmapped()
			return structure(xen.SchedPollOp, func(p *xen.SchedPoll) { p.Ports, p.NrPorts, p.Timeout = at, 1, longPast })(g)
		},
		want: []unix.Errno{unix.EFAULT},
	})
	refuse(refusal{
		Meta: spec.Meta{
			ID:     "sched-op/poll-bad-port",
			Clause: schedH + "struct sched_poll: ports are ports of this domain; errno.h EINVAL",
		},
		call: "sched_op(SCHEDOP_poll, {.ports = {~0}})", op: xen.SchedOp,
		args: func(g *guest) []uint64 {
			port := xen.New[uint32](g.Arena)
			*port = ^uint32(0)
			return structure(xen.SchedPollOp, func(p *xen.SchedPoll) { p.Ports, p.NrPorts, p.Timeout = xen.Addr(port), 1, longPast })(g)
		},
		want: []unix.Errno{unix.EINVAL},
	})
})

var _ = suite.Describe("nmi-op", func() {
	it(spec.Meta{
		// Nobody sends the machine an NMI from here on; it lives for one run.
		ID: "nmi-op/unregister", Level: spec.Must, Needs: []spec.Probe{PV},
		Clause: nmiH + "XENNMI_unregister_callback: NMIs are no longer delivered; arg is NULL",
	}, func(g *guest) {
		for _, when := range []string{"", ", again"} {
			g.ask("nmi_op(XENNMI_unregister_callback, NULL)"+when, xen.NMIOp, xen.NMIUnregister, 0).zero()
		}
	})
})

// runstate asks for VCPU 0's state into b.
func (g *guest) runstate(b xen.Buffer) *xen.RunstateInfo {
	poison(b)
	g.ask("vcpu_op(VCPUOP_get_runstate_info, 0, &info)", xen.VCPUOp, xen.VCPUGetRunstate, 0, b.Addr()).zero()
	return xen.At[xen.RunstateInfo](b)
}

const runstateSize = 48

var _ = suite.Describe("vcpu-op", func() {
	it(spec.Meta{
		ID: "vcpu-op/is-up", Level: spec.Must,
		Clause: vcpuH + "VCPUOP_is_up: returns 1 if the VCPU is up",
	}, func(g *guest) {
		const call = "vcpu_op(VCPUOP_is_up, 0, NULL)"
		g.Equal(call, g.ask(call, xen.VCPUOp, xen.VCPUIsUp, 0, 0).value(), int64(1))
	})
	it(spec.Meta{
		ID: "vcpu-op/runstate", Level: spec.Must,
		Clause: vcpuH + "VCPUOP_get_runstate_info, struct vcpu_runstate_info: the states are 0 to 3; times in each",
	}, func(g *guest) {
		const call = "vcpu_op(VCPUOP_get_runstate_info, 0, &info)"
		a, b := g.runstate(g.Buffer(runstateSize)), g.runstate(g.Buffer(runstateSize))
		g.That(call+": state", a.State, gomega.And(gomega.BeNumerically(">=", 0), gomega.BeNumerically("<=", 3)))
		g.That(call+": time running", a.Time[0], gomega.BeNumerically(">", 0))
		g.That(call+": state_entry_time of the later call", b.EntryTime, gomega.BeNumerically(">=", a.EntryTime))
		for i := range a.Time {
			g.That(fmt.Sprintf("%s: time[%d] of the later call", call, i), b.Time[i], gomega.BeNumerically(">=", a.Time[i]))
			g.That(fmt.Sprintf("%s: time[%d]", call, i), b.Time[i], gomega.BeNumerically("<", uint64(1)<<55))
		}
	})
	it(spec.Meta{
		ID: "vcpu-op/runstate-straddling", Level: spec.Must,
		Clause: vcpuH + "VCPUOP_get_runstate_info: extra_args is a virtual address, and may span pages",
	}, func(g *guest) {
		r := g.runstate(g.Straddling(runstateSize))
		g.That("state", r.State, gomega.And(gomega.BeNumerically(">=", 0), gomega.BeNumerically("<=", 3)))
		g.That("the last of the times", r.Time[3], gomega.BeNumerically("<", uint64(1)<<55))
	})
	it(spec.Meta{
		ID: "vcpu-op/physid", Level: spec.Must,
		Clause: vcpuH + "VCPUOP_get_physid: the IDs of a pinned VCPU's processor, or -EINVAL",
	}, func(g *guest) {
		const call = "vcpu_op(VCPUOP_get_physid, 0, &id)"
		id := xen.New[uint64](g.Arena)
		*id = ^uint64(0)
		r := g.ask(call, xen.VCPUOp, xen.VCPUGetPhysID, 0, xen.Addr(id))
		if r.successOr(unix.EINVAL) {
			g.That(call, *id, gomega.Not(gomega.Equal(^uint64(0))))
		} else {
			g.Equal(call+": phys_id", *id, ^uint64(0))
		}
	})
	for id, vcpu := range inOrder(map[string]uint64{"8192": 8192, "sign-bit": 1 << 31, "all-ones": 1<<32 - 1}) {
		for name, op := range inOrder(map[string]uint64{"is-up": xen.VCPUIsUp, "runstate": xen.VCPUGetRunstate}) {
			refuse(refusal{
				Meta: spec.Meta{
					ID:     fmt.Sprintf("vcpu-op/%s-vcpu-%s", name, id),
					Clause: vcpuH + "vcpu_op: vcpuid is one of the domain's; errno.h ENOENT",
				},
				call: fmt.Sprintf("vcpu_op(%s, %#x, buf)", name, vcpu), op: xen.VCPUOp,
				args: func(g *guest) []uint64 { return []uint64{op, vcpu, g.Buffer(runstateSize).Addr()} },
				want: []unix.Errno{unix.ENOENT, unix.EINVAL},
			})
		}
	}
})
