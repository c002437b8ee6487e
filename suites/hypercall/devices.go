package hypercall

import (
	"fmt"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

const (
	platformH = "xen/include/public/platform.h "
	consoleH  = "xen/include/public/xen.h "
)

// platform makes a platform_op whose structure fill has filled.
func platform[T any](g *guest, version uint32, name string, cmd uint32, fill func(*T)) (reply, *T) {
	p := xen.NewSysctl[T](g.Arena, cmd, version)
	if fill != nil {
		fill(&p.U)
	}
	return g.ask("platform_op(XENPF_"+name+")", xen.PlatformOp, xen.Addr(p)), &p.U
}

var _ = suite.Describe("platform-op", func() {
	control("platform-op/cpuinfo", spec.Must, platformH+"struct xenpf_pcpuinfo: CPU 0 is online", func(g *guest, _ versions) {
		r, c := platform(g, xen.PlatformVersion, "get_cpuinfo", xen.PlatformGetCPUInfo, func(c *xen.PCPUInfo) { c.MaxPresent = ^uint32(0) })
		r.zero()
		g.Equal(r.call+": flags", c.Flags, uint32(xen.PCPUOnline))
		g.That(r.call+": max_present", c.MaxPresent, gomega.BeNumerically("<", 1<<16))
	})
	control("platform-op/cpu-version", spec.Must, platformH+"struct xenpf_pcpu_version: the vendor as CPUID gives it", func(g *guest, _ versions) {
		r, c := platform[xen.PCPUVersion](g, xen.PlatformVersion, "get_cpu_version", xen.PlatformGetCPUVersion, nil)
		r.zero()
		g.Answer(r.call, fmt.Sprintf("%s family %d model %d", c.Vendor[:], c.Family, c.Model))
		g.That(r.call+": vendor_id", string(c.Vendor[:]), gomega.MatchRegexp("^[ -~]{12}$"))
	})
	control("platform-op/idle-time", spec.Must, platformH+"struct xenpf_getidletime: CPUs asked for that are present; now, in ns", func(g *guest, _ versions) {
		bits, idle := g.Buffer(1), xen.New[uint64](g.Arena)
		bits.Bytes[0] = 1
		*idle = ^uint64(0)
		r, i := platform(g, xen.PlatformVersion, "getidletime", xen.PlatformGetIdleTime, func(i *xen.IdleTime) {
			i.Bits, i.NrCPUs, i.Times = bits.Addr(), 1, xen.Addr(idle)
		})
		// Xen keeps idle times for a domain that governs the CPUs' frequency: cpufreq=dom0-kernel.
		if !r.successOr(unix.ENOSYS) {
			g.Equal(r.call+": idletime", *idle, ^uint64(0))
			return
		}
		g.Equal(r.call+": cpumap", bits.Bytes[0], byte(1))
		g.That(r.call+": idletime", *idle, gomega.BeNumerically("<=", i.Now))
		g.That(r.call+": now", i.Now, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", uint64(1)<<55)))
	})
	for id, version := range inOrder(map[string]uint32{"zero": 0, "newer": xen.PlatformVersion + 1, "all-ones": ^uint32(0)}) {
		control("platform-op/version-"+id, spec.Must, platformH+"interface_version: XENPF_INTERFACE_VERSION", func(g *guest, _ versions) {
			r, _ := platform[xen.PCPUInfo](g, version, "get_cpuinfo, wrong version", xen.PlatformGetCPUInfo, nil)
			r.refused(unix.EACCES)
		})
	}
	for id, cmd := range inOrder(map[string]uint32{"zero": 0, "high": 1 << 20, "all-ones": ^uint32(0)}) {
		control("platform-op/cmd-"+id, spec.Should, platformH+"XENPF_*: no such command; errno.h ENOSYS", func(g *guest, _ versions) {
			r, _ := platform[xen.Empty](g, xen.PlatformVersion, fmt.Sprintf("%#x", cmd), cmd, nil)
			r.refused(unix.ENOSYS, unix.EOPNOTSUPP)
		})
	}
	control("platform-op/cpuinfo-of-none", spec.Must, platformH+"XEN_PCPU_FLAGS_INVALID: there is no such CPU", func(g *guest, _ versions) {
		const invalid = 2
		r, c := platform(g, xen.PlatformVersion, "get_cpuinfo, CPU ~0", xen.PlatformGetCPUInfo, func(c *xen.PCPUInfo) { c.CPU = ^uint32(0) })
		if r.successOr(unix.EINVAL) {
			g.Equal(r.call+": flags", c.Flags, uint32(invalid))
		}
	})
})

var _ = suite.Describe("console-io", func() {
	it(spec.Meta{
		ID: "console-io/write", Level: spec.Must, Needs: []spec.Probe{Control},
		Clause: consoleH + "CONSOLEIO_write: writes count bytes to Xen's console",
	}, func(g *guest) {
		b := g.Straddling(32)
		n := copy(b.Bytes, "xtest: console_io/write\n")
		g.ask("console_io(CONSOLEIO_write, n, text)", xen.ConsoleIO, xen.ConsoleWrite, uint64(n), b.Addr()).zero()
	})
	it(spec.Meta{
		ID: "console-io/write-none", Level: spec.Must, Needs: []spec.Probe{Control},
		Clause: consoleH + "CONSOLEIO_write: no bytes, nothing is read",
	}, func(g *guest) {
		g.ask("console_io(CONSOLEIO_write, 0, unmapped)", xen.ConsoleIO, xen.ConsoleWrite, 0, g.Unmapped()).zero()
	})
	it(spec.Meta{
		ID: "console-io/read", Level: spec.Must, Needs: []spec.Probe{Control},
		Clause: consoleH + "CONSOLEIO_read: returns the number of bytes read, count at most",
	}, func(g *guest) {
		r := g.ask("console_io(CONSOLEIO_read, 8, buf)", xen.ConsoleIO, xen.ConsoleRead, 8, g.Buffer(8).Addr())
		g.That(r.call, r.value(), gomega.And(gomega.BeNumerically(">=", 0), gomega.BeNumerically("<=", 8)))
	})
})

var _ = suite.Describe("hvm-op", func() {
	for id, dom := range inOrder(map[string]xen.DomID{"pv-self": xen.Self, "nobody": nobody}) {
		it(spec.Meta{
			ID: "hvm-op/get-param-of-" + id, Level: spec.Should, Needs: []spec.Probe{PV},
			Clause: "xen/include/public/hvm/hvm_op.h HVMOP_get_param: domid is an HVM domain; errno.h EINVAL, ESRCH",
		}, func(g *guest) {
			p := xen.New[xen.HVMParam](g.Arena)
			p.Dom, p.Value = dom, 0x5a5a
			g.ask("hvm_op(HVMOP_get_param, "+id+")", xen.HVMOp, xen.HVMGetParam, xen.Addr(p)).refused(unix.EINVAL, unix.ESRCH, unix.ENOSYS)
			g.Equal("value", p.Value, uint64(0x5a5a))
		})
	}
})

var _ = suite.Describe("physdev-op", func() {
	it(spec.Meta{
		ID: "physdev-op/irq-status-all-ones", Level: spec.Should,
		Clause: "xen/include/public/physdev.h struct physdev_irq_status_query: irq is an interrupt of the domain; errno.h EINVAL",
	}, func(g *guest) {
		args := structure(xen.PhysdevIRQStatusQuery, func(q *xen.IRQStatusQuery) { q.IRQ = ^uint32(0) })(g)
		g.ask("physdev_op(PHYSDEVOP_irq_status_query, {.irq = ~0})", xen.PhysdevOp, args...).
			as(expect.Refusal("-EINVAL").With(refusals(xen.PhysdevOp, "PHYSDEVOP_irq_status_query")...))
	})
})

var _ = suite.Describe("hypfs-op", func() {
	it(spec.Meta{
		ID: "hypfs-op/version", Level: spec.Must, Needs: []spec.Probe{Control},
		Clause: "xen/include/public/hypfs.h XEN_HYPFS_OP_get_version: returns the highest version supported, 1 or more",
	}, func(g *guest) {
		r := g.ask("hypfs_op(XEN_HYPFS_OP_get_version)", xen.HypfsOp, xen.HypfsGetVersion, 0, 0, 0, 0)
		if r.record().successOr(unix.ENOSYS, unix.EOPNOTSUPP) {
			g.That(r.call, r.ret, gomega.BeNumerically(">", 0))
		}
	})
})
