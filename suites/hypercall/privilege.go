package hypercall

import (
	"fmt"

	"github.com/onsi/gomega"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

const (
	dummyH = "xen/include/xsm/dummy.h "
	hvmH   = "xen/include/public/hvm/hvm_op.h "
)

// guestly is a spec that a domain without privileges makes.
func guestly(id string, level spec.Level, clause string, body func(g *guest, v versions)) {
	it(spec.Meta{ID: id, Level: level, Clause: clause, Needs: []spec.Probe{Guest}}, func(g *guest) {
		v, err := denied()
		g.Setup("finding the interface versions", err)
		body(g, v)
	})
}

// ownCheck: seen in the machine code of Debian's 4.17.7 and 4.20.5, whose changelogs have the fix of XSA-492. That advisory (CVE-2026-42490)
// has the lock taken ahead of permission checks as the fault. Xen 4.14.6, of before that fix, answers EPERM to all.
const ownCheck = "xen/common/domctl.c do_domctl, since the fix of XSA-492 (domctl lock open to abuse): commands with a privilege check of their own are done before the lock and the general check, "

// forbidden are the answers to a caller that lacks a privilege.
var forbidden = expect.Exactly("-EPERM")

var _ = suite.Describe("privilege", func() {
	for _, c := range []struct {
		id      string
		number  uint64
		version func(v versions) uint32
	}{
		{"sysctl", xen.SysctlOp, func(v versions) uint32 { return v.sysctl }},
		{"platform-op", xen.PlatformOp, func(versions) uint32 { return xen.PlatformVersion }},
	} {
		guestly("privilege/"+c.id, spec.Must, dummyH+"XSM_PRIV: control domains alone; errno.h EPERM, for every command, whatever its structure", func(g *guest, v versions) {
			h, _ := xen.Lookup(c.number)
			for _, o := range h.Ops {
				s := xen.NewSysctl[xen.Empty](g.Arena, uint32(o.Number), c.version(v))
				g.ask(fmt.Sprintf("%s(%s)", h.Name, o.Name), c.number, xen.Addr(s)).as(forbidden)
				g.Reset()
			}
		})
		guestly("privilege/"+c.id+"-wrong-version", spec.Must, "xen/include/public/xen.h interface_version: what is refused for its version is refused so to all; errno.h EACCES", func(g *guest, v versions) {
			for _, wrong := range []uint32{0, c.version(v) - 1, c.version(v) + 1, ^uint32(0)} {
				s := xen.NewSysctl[xen.Empty](g.Arena, 0, wrong)
				g.ask(fmt.Sprintf("%s(0, {.interface_version = %#x})", c.id, wrong), c.number, xen.Addr(s)).as(expect.Exactly("-EACCES"))
			}
		})
		guestly("privilege/"+c.id+"-pointer", spec.Must, "xen/include/public/errno.h EFAULT: bad address, before a privilege is looked for", func(g *guest, _ versions) {
			for name, at := range inOrder(map[string]uint64{"null": 0, "unmapped": g.Unmapped(), "half-mapped": g.AtEdge(8).Addr()}) {
				g.ask(fmt.Sprintf("%s(%s)", c.id, name), c.number, at).as(expect.Exactly("-EFAULT"))
			}
		})
	}
	for id, dom := range inOrder(map[string]xen.DomID{"dom0": 0, "self": xen.Self, "nobody": nobody}) {
		guestly("privilege/domctl-"+id, spec.Must, dummyH+"xsm_domctl: control domains alone; every command is refused, with EPERM or for what is looked at before the privilege", func(g *guest, v versions) {
			h, _ := xen.Lookup(xen.DomctlOp)
			want := expect.Refusal("-EPERM").
				Also("-EINVAL", ownCheck+"and their ranges, interrupts and targets before that").
				Also("-ENOTSUP", ownCheck+"and before that whether the domain is behind an IOMMU (get_device_group) and is no PV domain (ioport_mapping)")
			if dom != 0 {
				want = want.Also("-ESRCH", "xen/common/domctl.c do_domctl: the domain is looked up before the privilege (until “domctl: error code adjustment for unpriv callers”, June 2026)")
			}
			for _, o := range h.Ops {
				d := xen.NewDomctl[xen.Empty](g.Arena, uint32(o.Number), v.domctl, dom)
				g.ask(fmt.Sprintf("domctl(%s, {.domain = %#x})", o.Name, uint16(dom)), xen.DomctlOp, xen.Addr(d)).as(want)
				g.Reset()
			}
		})
	}
	guestly("privilege/memory", spec.Must, dummyH+"XSM_TARGET: a guest asks about itself alone; errno.h EPERM", func(g *guest, _ versions) {
		for name, op := range inOrder(map[string]uint64{
			"current_reservation": xen.MemoryCurrentReservation, "maximum_reservation": xen.MemoryMaximumReservation,
			"maximum_gpfn": xen.MemoryMaximumGPFN,
		}) {
			g.askDomain(name, op, 0).as(forbidden)
		}
		b := xen.New[xen.MemoryMap](g.Arena)
		entries := g.Buffer(20 * 4)
		b.NrEntries, b.Buffer = 4, entries.Addr()
		g.ask("memory_op(XENMEM_machine_memory_map, {4 entries})", xen.MemoryOp, xen.MemoryMachineMemoryMap, xen.Addr(b)).
			as(forbidden.If(Translated, "-ENOSYS", "xen/arch/x86/hvm/hypercall.c hvm_memory_op leaves it out"))
	})
	guestly("privilege/event-channel", spec.Must, dummyH+"xsm_evtchn_unbound, xsm_evtchn_status, xsm_evtchn_reset: XSM_TARGET, a guest's own channels alone; errno.h EPERM", func(g *guest, _ versions) {
		a := xen.New[xen.EvtchnAllocUnbound](g.Arena)
		a.Dom, a.Remote = 0, xen.Self
		g.ask("event_channel_op(EVTCHNOP_alloc_unbound, {.dom = 0, .remote_dom = DOMID_SELF})", xen.EventChannelOp, xen.EventAllocUnbound, xen.Addr(a)).as(forbidden)
		for _, port := range []uint32{0, 1, ^uint32(0)} {
			s := xen.New[xen.EvtchnStatus](g.Arena)
			s.Port = port
			g.ask(fmt.Sprintf("event_channel_op(EVTCHNOP_status, {.dom = 0, .port = %#x})", port), xen.EventChannelOp, xen.EventStatus, xen.Addr(s)).
				as(forbidden.Also("-EINVAL", "xen/common/event_channel.c evtchn_status: before 4.15 the port is looked at first"))
		}
	})
	guestly("privilege/grant-table", spec.Must, dummyH+"xsm_grant_query_size, xsm_grant_setup: XSM_TARGET, a guest's own table alone; grant_table.h GNTST_permission_denied", func(g *guest, _ versions) {
		const denied xen.GrantStatus = -8 // GNTST_permission_denied
		q := xen.New[xen.GrantQuerySize](g.Arena)
		q.Status = untouched
		r := g.ask("grant_table_op(GNTTABOP_query_size, {.dom = 0}, 1)", xen.GrantTableOp, xen.GrantQuerySizeOp, xen.Addr(q), 1)
		r.zero()
		g.Equal(r.call+": status", q.Status, denied)
		v := xen.New[xen.GrantGetVersion](g.Arena)
		g.ask("grant_table_op(GNTTABOP_get_version, {.dom = 0}, 1)", xen.GrantTableOp, xen.GrantGetVersionOp, xen.Addr(v), 1).as(forbidden)
		f := xen.New[xen.GrantStatusFrames](g.Arena)
		f.Status = untouched
		r = g.ask("grant_table_op(GNTTABOP_get_status_frames, {.dom = 0}, 1)", xen.GrantTableOp, xen.GrantGetStatusFrames, xen.Addr(f), 1)
		r.as(expect.Exactly("0").If(Translated, "-ENOSYS", noStatusFrames))
		if r.err() == nil {
			g.Equal(r.call+": status", f.Status, denied)
		}
	})
	guestly("privilege/version", spec.Should, dummyH+"xsm_xen_version: Xen's command line and build ID are for control domains", func(g *guest, _ versions) {
		const call = "xen_version(XENVER_commandline, buf)"
		b := g.Buffer(1024)
		g.ask(call, xen.XenVersion, xen.VersionCommandline, b.Addr()).zero()
		text, _ := b.String()
		g.Equal(call, text, "<denied>")
		g.ask("xen_version(XENVER_build_id, NULL)", xen.XenVersion, xen.VersionBuildID, 0).as(expect.Refusal("-EPERM"))
		g.ask("hypfs_op(XEN_HYPFS_OP_get_version)", xen.HypfsOp, xen.HypfsGetVersion).as(expect.Refusal("-EPERM").Also("-ENOSYS", "CONFIG_HYPFS is off"))
	})
	guestly("privilege/console-write", spec.Should, "xen/include/public/xen.h CONSOLEIO_write; xen/include/xsm/dummy.h xsm_console_io: guests may write where Xen is verbose or a debugging build", func(g *guest, _ versions) {
		b := g.Buffer(16)
		n := copy(b.Bytes, "hello\n")
		g.ask("console_io(CONSOLEIO_write, 6, \"hello\\n\")", xen.ConsoleIO, xen.ConsoleWrite, uint64(n), b.Addr()).
			as(expect.Any("-EPERM").Also("0", "built with CONFIG_VERBOSE_DEBUG"))
		g.ask("console_io(CONSOLEIO_read, 16, buf)", xen.ConsoleIO, xen.ConsoleRead, 16, b.Addr()).as(forbidden)
	})
})

var _ = suite.Describe("guest", func() {
	guestly("guest/channel-to-dom0", spec.Must, eventH+"EVTCHNOP_alloc_unbound: a port of this domain's that remote_dom may bind", func(g *guest, _ versions) {
		const call = "event_channel_op(EVTCHNOP_alloc_unbound, {DOMID_SELF, .remote_dom = 0})"
		a := xen.New[xen.EvtchnAllocUnbound](g.Arena)
		a.Dom, a.Remote = xen.Self, 0
		g.ask(call, xen.EventChannelOp, xen.EventAllocUnbound, xen.Addr(a)).zero()
		g.closing(a.Port)
		s := g.status(a.Port)
		g.Equal(call+": status", s.Status, xen.ChannelUnbound)
		g.Equal(call+": remote domain", s.RemoteDom, xen.DomID(0))
		// Nobody else may bind it, this domain included.
		b := xen.New[xen.EvtchnBindInterdomain](g.Arena)
		b.Remote, b.RemotePort = xen.Self, a.Port
		g.ask("event_channel_op(EVTCHNOP_bind_interdomain, {DOMID_SELF, a port for dom0})", xen.EventChannelOp, xen.EventBindInterdomain, xen.Addr(b)).as(expect.Exactly("-EINVAL"))
	})
	guestly("guest/bind-to-dom0", spec.Should, eventH+"EVTCHNOP_bind_interdomain: the remote port must accept bindings from this domain", func(g *guest, _ versions) {
		for _, port := range []uint32{0, 1, 2, 3, 1 << 17, ^uint32(0)} {
			b := xen.New[xen.EvtchnBindInterdomain](g.Arena)
			b.RemotePort = port
			g.ask(fmt.Sprintf("event_channel_op(EVTCHNOP_bind_interdomain, {.remote_dom = 0, .remote_port = %#x})", port), xen.EventChannelOp, xen.EventBindInterdomain, xen.Addr(b)).
				as(expect.Refusal("-EINVAL", "-EPERM"))
		}
	})
	guestly("guest/map-from-dom0", spec.Must, grantH+"GNTTABOP_map_grant_ref: status is negative on error: dom0 granted nothing by that reference", func(g *guest, _ versions) {
		for _, ref := range []uint32{0, 1, 6, 1 << 20, ^uint32(0)} {
			m := xen.New[xen.GrantMap](g.Arena)
			m.Flags, m.Ref, m.Status = xen.GrantMapHost, ref, untouched
			r := g.ask(fmt.Sprintf("grant_table_op(GNTTABOP_map_grant_ref, {.dom = 0, .ref = %#x}, 1)", ref), xen.GrantTableOp, xen.GrantMapRef, xen.Addr(m), 1)
			r.zero()
			g.True(r.call+": status", m.Status < 0 && m.Status != untouched, fmt.Sprint(m.Status), "a negative status")
			g.Answer(r.call+": status", m.Status)
		}
	})
})

var _ = suite.Describe("translated", func() {
	translated := func(id string, level spec.Level, clause string, body func(g *guest)) {
		it(spec.Meta{ID: id, Level: level, Clause: clause, Needs: []spec.Probe{Translated}}, body)
	}
	translated("translated/pv-calls", spec.Must, "xen/include/hypercall-defs.c: what is of PV domains alone is no call of HVM ones; errno.h ENOSYS", func(g *guest) {
		for _, h := range xen.PVOnly() {
			g.ask(fmt.Sprintf("%s(0, 0, 0, 0) [hypercall %d]", h.Name, h.Number), h.Number, 0, 0, 0, 0).as(expect.Exactly("-ENOSYS"))
		}
	})
	translated("translated/hvm-param", spec.Must, hvmH+"HVMOP_get_param: DOMID_SELF may ask for its own parameters; params.h", func(g *guest) {
		for name, index := range inOrder(map[string]uint32{"STORE_PFN": 1, "STORE_EVTCHN": 2, "CONSOLE_PFN": 17, "CONSOLE_EVTCHN": 18}) {
			p := xen.New[xen.HVMParam](g.Arena)
			p.Dom, p.Index = xen.Self, index
			r := g.ask("hvm_op(HVMOP_get_param, {DOMID_SELF, HVM_PARAM_"+name+"})", xen.HVMOp, xen.HVMGetParam, xen.Addr(p))
			r.zero()
			g.That(r.call, p.Value, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", uint64(1)<<52)))
		}
		for _, index := range []uint32{1 << 10, ^uint32(0)} {
			p := xen.New[xen.HVMParam](g.Arena)
			p.Dom, p.Index = xen.Self, index
			g.ask(fmt.Sprintf("hvm_op(HVMOP_get_param, {DOMID_SELF, %#x})", index), xen.HVMOp, xen.HVMGetParam, xen.Addr(p)).as(expect.Exactly("-EINVAL"))
		}
	})
})
