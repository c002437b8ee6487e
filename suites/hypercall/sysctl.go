package hypercall

import (
	"fmt"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

const sysctlH = "xen/include/public/sysctl.h "

// control is a spec that a control domain alone can make.
func control(id string, level spec.Level, clause string, body func(g *guest, v versions)) {
	it(spec.Meta{ID: id, Level: level, Clause: clause, Needs: []spec.Probe{Control}}, func(g *guest) {
		v, err := spoken()
		g.Setup("finding the interface versions", err)
		body(g, v)
	})
}

// sysctl makes a sysctl whose structure fill has filled.
func sysctl[T any](g *guest, v versions, name string, cmd uint32, fill func(*T)) (reply, *T) {
	s := xen.NewSysctl[T](g.Arena, cmd, v.sysctl)
	if fill != nil {
		fill(&s.U)
	}
	return g.ask("sysctl(XEN_SYSCTL_"+name+")", xen.SysctlOp, xen.Addr(s)), &s.U
}

var _ = suite.Describe("sysctl", func() {
	for id, wrong := range inOrder(map[string]func(v uint32) uint32{
		"zero": func(uint32) uint32 { return 0 }, "older": func(v uint32) uint32 { return v - 1 },
		"newer": func(v uint32) uint32 { return v + 1 }, "all-ones": func(uint32) uint32 { return ^uint32(0) },
	}) {
		control("sysctl/version-"+id, spec.Must, sysctlH+"interface_version: XEN_SYSCTL_INTERFACE_VERSION, which changes with every incompatible change", func(g *guest, v versions) {
			g.Answer("XEN_SYSCTL_INTERFACE_VERSION", fmt.Sprintf("%#x", v.sysctl))
			r, _ := sysctl[xen.SchedID](g, versions{sysctl: wrong(v.sysctl)}, "sched_id, wrong version", xen.SysctlSchedID, nil)
			r.refused(unix.EACCES)
		})
	}
	for id, cmd := range inOrder(map[string]uint32{"zero": 0, "removed-28": 28, "high": 1 << 20, "all-ones": ^uint32(0)}) {
		control("sysctl/cmd-"+id, spec.Should, sysctlH+"XEN_SYSCTL_*: no such command; errno.h ENOSYS", func(g *guest, v versions) {
			r, _ := sysctl[xen.Empty](g, v, fmt.Sprintf("%#x", cmd), cmd, nil)
			r.refused(unix.ENOSYS, unix.EOPNOTSUPP)
		})
	}
	control("sysctl/physinfo", spec.Must, sysctlH+"struct xen_sysctl_physinfo", func(g *guest, v versions) {
		r, p := sysctl[xen.PhysInfo](g, v, "physinfo", xen.SysctlPhysInfo, nil)
		r.zero()
		g.Answer(r.call, fmt.Sprintf("%d CPUs, %d nodes, capabilities %#x", p.NrCPUs, p.NrNodes, p.Capabilities))
		g.That(r.call+": nr_cpus", p.NrCPUs, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<=", uint64(p.MaxCPUID)+1)))
		g.That(r.call+": nr_nodes", p.NrNodes, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<=", uint64(p.MaxNodeID)+1)))
		g.That(r.call+": threads_per_core", p.ThreadsPerCore, gomega.BeNumerically(">", 0))
		g.That(r.call+": free_pages", p.FreePages, gomega.BeNumerically("<", p.TotalPages))
		most := g.ask("memory_op(XENMEM_maximum_ram_page, NULL)", xen.MemoryOp, xen.MemoryMaximumRAMPage, 0).value()
		g.That(r.call+": total_pages", p.TotalPages, gomega.BeNumerically("<=", most+1))
	})
	control("sysctl/sched-id", spec.Must, sysctlH+"struct xen_sysctl_sched_id; domctl.h XEN_SCHEDULER_*: 5 to 9", func(g *guest, v versions) {
		r, s := sysctl[xen.SchedID](g, v, "sched_id", xen.SysctlSchedID, nil)
		r.zero()
		g.Answer(r.call, s.ID)
		g.That(r.call, s.ID, gomega.And(gomega.BeNumerically(">=", 5), gomega.BeNumerically("<=", 9)))
	})
	control("sysctl/cpupool-info", spec.Must, sysctlH+"XEN_SYSCTL_CPUPOOL_OP_INFO: pool 0 has the scheduler that sched_id gives, and this domain", func(g *guest, v versions) {
		r, p := sysctl(g, v, "cpupool_op, INFO", xen.SysctlCPUPoolOp, func(p *xen.CPUPool) { p.Op = xen.CPUPoolInfo })
		r.zero()
		_, s := sysctl[xen.SchedID](g, v, "sched_id", xen.SysctlSchedID, nil)
		g.Equal(r.call+": sched_id", p.Sched, s.ID)
		g.That(r.call+": n_dom", p.NrDomains, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", xen.FirstReserved)))
	})
	control("sysctl/scheduler-info", spec.Should, sysctlH+"XEN_SYSCTL_SCHEDOP_getinfo: asks the scheduler of a pool for its parameters", func(g *guest, v versions) {
		_, s := sysctl[xen.SchedID](g, v, "sched_id", xen.SysctlSchedID, nil)
		r, _ := sysctl(g, v, "scheduler_op, getinfo", xen.SysctlSchedulerOp, func(p *xen.SchedulerOp) { p.Sched, p.Cmd = s.ID, xen.SchedulerGetInfo })
		if r.successOr(unix.EOPNOTSUPP, unix.ENOSYS) {
			g.Equal(r.call, r.ret, int64(0))
		}
		r, _ = sysctl(g, v, "scheduler_op, getinfo of another scheduler", xen.SysctlSchedulerOp, func(p *xen.SchedulerOp) { p.Sched, p.Cmd = s.ID+1, xen.SchedulerGetInfo })
		r.refused(unix.EINVAL)
	})
	for id, size := range inOrder(map[string]uint32{"zero": 0, "some": 64}) {
		control("sysctl/readconsole-"+id, spec.Must, sysctlH+"struct xen_sysctl_readconsole: clear is zero; count is the size of buffer, then the bytes written", func(g *guest, v versions) {
			b := g.AtEdge(64)
			r, c := sysctl(g, v, "readconsole", xen.SysctlReadConsole, func(c *xen.ReadConsole) { c.Buffer, c.Count = b.Addr(), size })
			r.zero()
			g.Equal(r.call+": count", c.Count, size)
			if size > 0 {
				g.That(r.call+": buffer", b.Bytes, gomega.HaveEach(gomega.Not(gomega.BeZero())))
			}
		})
	}
	control("sysctl/readconsole-unmapped", spec.Must, sysctlH+"struct xen_sysctl_readconsole: buffer is an address; errno.h EFAULT", func(g *guest, v versions) {
		at := g.Unmapped()
		r, _ := sysctl(g, v, "readconsole, unmapped", xen.SysctlReadConsole, func(c *xen.ReadConsole) { c.Buffer, c.Count = at, 64 })
		r.refused(unix.EFAULT)
	})
	for name, cmd := range inOrder(map[string]uint32{"perfc_op": xen.SysctlPerfcOp, "coverage_op": xen.SysctlCoverageOp}) {
		control("sysctl/"+kebab(name), spec.Should, sysctlH+"XEN_SYSCTL_"+name+": command 99 does not exist; not built into a release Xen", func(g *guest, v versions) {
			r, _ := sysctl(g, v, name, cmd, func(c *xen.CountedOp) { c.Cmd = 99 })
			r.refused(unix.ENOSYS, unix.EOPNOTSUPP, unix.EINVAL)
		})
	}
})
