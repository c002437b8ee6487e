package hypercall

import (
	"fmt"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

const domctlH = "xen/include/public/domctl.h "

// domctl makes a domctl about dom whose structure fill has filled.
func domctl[T any](g *guest, v versions, name string, cmd uint32, dom xen.DomID, fill func(*T)) (reply, *xen.Domctl[T]) {
	d := xen.NewDomctl[T](g.Arena, cmd, v.domctl, dom)
	if fill != nil {
		fill(&d.U)
	}
	return g.ask(fmt.Sprintf("domctl(XEN_DOMCTL_%s, {.domain = %#x})", name, uint16(dom)), xen.DomctlOp, xen.Addr(d)), d
}

var _ = suite.Describe("domctl", func() {
	for id, wrong := range inOrder(map[string]func(v uint32) uint32{
		"zero": func(uint32) uint32 { return 0 }, "older": func(v uint32) uint32 { return v - 1 },
		"newer": func(v uint32) uint32 { return v + 1 }, "all-ones": func(uint32) uint32 { return ^uint32(0) },
	}) {
		control("domctl/version-"+id, spec.Must, domctlH+"interface_version: XEN_DOMCTL_INTERFACE_VERSION, which changes with every incompatible change", func(g *guest, v versions) {
			g.Answer("XEN_DOMCTL_INTERFACE_VERSION", fmt.Sprintf("%#x", v.domctl))
			r, _ := domctl[xen.DomainInfo](g, versions{domctl: wrong(v.domctl)}, "getdomaininfo, wrong version", xen.DomctlGetDomainInfo, 0, nil)
			r.refused(unix.EACCES)
		})
	}
	for id, cmd := range inOrder(map[string]uint32{"zero": 0, "removed-6": 6, "high": 1 << 20, "all-ones": ^uint32(0)}) {
		control("domctl/cmd-"+id, spec.Should, domctlH+"XEN_DOMCTL_*: no such command; errno.h ENOSYS", func(g *guest, v versions) {
			r, _ := domctl[xen.Empty](g, v, fmt.Sprintf("%#x", cmd), cmd, 0, nil)
			r.refused(unix.ENOSYS, unix.EOPNOTSUPP)
		})
	}
	control("domctl/getdomaininfo", spec.Must, domctlH+"struct xen_domctl_getdomaininfo; memory.h XENMEM_current_reservation and version.h XENVER_guest_handle tell the same of this domain", func(g *guest, v versions) {
		uuid := g.Buffer(16)
		g.ask("xen_version(XENVER_guest_handle, &uuid)", xen.XenVersion, xen.VersionGuestHandle, uuid.Addr()).zero()
		r, d := domctl[xen.DomainInfo](g, v, "getdomaininfo", xen.DomctlGetDomainInfo, 0, nil)
		r.zero()
		info := d.U
		g.Equal(r.call+": domain", [2]xen.DomID{d.Dom, info.Dom}, [2]xen.DomID{0, 0})
		g.Equal(r.call+": dying", info.Flags&xen.DomainDying, uint32(0))
		g.Equal(r.call+": handle", info.Handle[:], uuid.Bytes)
		g.That(r.call+": nr_online_vcpus", info.OnlineVCPUs, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<=", uint64(info.MaxVCPUID)+1)))
		pages := g.askDomain("current_reservation", xen.MemoryCurrentReservation, 0).value()
		g.That(r.call+": tot_pages", info.TotPages, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("~", pages, 4096)))
	})
	control("domctl/getdomaininfolist", spec.Must, sysctlH+"struct xen_sysctl_getdomaininfolist: domains from first_domain on, max_domains at most; num_domains is how many", func(g *guest, v versions) {
		b := poison(g.Buffer(4096))
		r, l := sysctl(g, v, "getdomaininfolist", xen.SysctlDomainInfoList, func(l *xen.DomainInfoList) { l.MaxDomains, l.Buffer = 1, b.Addr() })
		r.zero()
		g.Equal(r.call+": num_domains", l.NumDomains, uint32(1))
		g.Equal(r.call+": the first domain", xen.At[xen.DomainInfo](b).Dom, xen.DomID(0))
		at := g.Unmapped()
		r, l = sysctl(g, v, "getdomaininfolist, none", xen.SysctlDomainInfoList, func(l *xen.DomainInfoList) { l.Buffer, l.NumDomains = at, 9 })
		r.zero()
		g.Equal(r.call+": num_domains", l.NumDomains, uint32(0))
		r, _ = sysctl(g, v, "getdomaininfolist, unmapped", xen.SysctlDomainInfoList, func(l *xen.DomainInfoList) { l.MaxDomains, l.Buffer = 1, at })
		r.refused(unix.EFAULT)
	})
	control("domctl/getvcpuinfo", spec.Must, domctlH+"struct xen_domctl_getvcpuinfo: online, running, CPU time in ns", func(g *guest, v versions) {
		r, d := domctl(g, v, "getvcpuinfo", xen.DomctlGetVCPUInfo, 0, func(i *xen.VCPUInfo) { i.Online, i.CPU = 9, ^uint32(0) })
		r.zero()
		g.Equal(r.call+": online", d.U.Online, uint8(1))
		g.That(r.call+": cpu", d.U.CPU, gomega.BeNumerically("<=", g.nrCPUs(v).MaxCPUID))
		g.That(r.call+": cpu_time", d.U.CPUTime, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", uint64(1)<<55)))
	})
	control("domctl/getvcpuinfo-of-none", spec.Should, domctlH+"struct xen_domctl_getvcpuinfo: vcpu is one of the domain's", func(g *guest, v versions) {
		r, _ := domctl(g, v, "getvcpuinfo, vcpu ~0", xen.DomctlGetVCPUInfo, 0, func(i *xen.VCPUInfo) { i.VCPU = ^uint32(0) })
		r.refused(unix.ESRCH, unix.EINVAL)
	})
	control("domctl/address-size", spec.Must, domctlH+"XEN_DOMCTL_get_address_size: 64 for this program's kernel", func(g *guest, v versions) {
		r, d := domctl[xen.AddressSize](g, v, "get_address_size", xen.DomctlGetAddressSize, 0, nil)
		r.zero()
		g.Equal(r.call, d.U.Size, uint32(64))
	})
	control("domctl/vcpuaffinity", spec.Must, domctlH+"struct xen_domctl_vcpuaffinity: the hard affinity allows the CPU that struct xen_domctl_getvcpuinfo names", func(g *guest, v versions) {
		bits := g.Buffer(1 << 13)
		r, _ := domctl(g, v, "getvcpuaffinity", xen.DomctlGetVCPUAffinity, 0, func(a *xen.VCPUAffinity) {
			a.Flags, a.Hard.Bits, a.Hard.Nr = xen.AffinityHard, bits.Addr(), uint32(len(bits.Bytes))*8
		})
		r.zero()
		where, d := domctl[xen.VCPUInfo](g, v, "getvcpuinfo", xen.DomctlGetVCPUInfo, 0, nil)
		where.zero()
		g.That(where.call+": cpu", d.U.CPU, gomega.BeNumerically("<=", g.nrCPUs(v).MaxCPUID))
		g.True(r.call, bits.Bytes[d.U.CPU/8]&(1<<(d.U.CPU%8)) != 0, fmt.Sprintf("a map without CPU %d", d.U.CPU), "one with the CPU that the VCPU is on")
	})
	control("domctl/nodeaffinity", spec.Must, domctlH+"struct xen_domctl_nodeaffinity: the nodes with which the domain has affinity", func(g *guest, v versions) {
		bits := xen.New[uint64](g.Arena)
		r, _ := domctl(g, v, "getnodeaffinity", xen.DomctlGetNodeAffinity, 0, func(b *xen.Bitmap) { b.Bits, b.Nr = xen.Addr(bits), 64 })
		r.zero()
		there := uint64(1)<<(g.nrCPUs(v).MaxNodeID+1) - 1 // all bits when there are 64 nodes or more
		g.That(r.call+": nodemap", *bits&there, gomega.Not(gomega.BeZero()))
	})
	for name, cmd := range inOrder(map[string]uint32{
		"getvcpuinfo": xen.DomctlGetVCPUInfo, "getvcpuaffinity": xen.DomctlGetVCPUAffinity, "get_address_size": xen.DomctlGetAddressSize,
		"gettscinfo": xen.DomctlGetTSCInfo, "get_cpu_policy": xen.DomctlGetCPUPolicy, "getnodeaffinity": xen.DomctlGetNodeAffinity,
	}) {
		for id, dom := range inOrder(map[string]xen.DomID{"nobody": nobody, "invalid": xen.Invalid, "all-ones": 0xffff}) {
			control(fmt.Sprintf("domctl/%s-of-%s", kebab(name), id), spec.Should, domctlH+"struct xen_domctl: domain is a domain; errno.h ESRCH", func(g *guest, v versions) {
				r, _ := domctl[xen.Empty](g, v, name, cmd, dom, nil)
				r.refused(unix.ESRCH)
			})
		}
	}
	// Xen refuses a domain that wants to end or pause itself. Should one not refuse, the machine is
	// gone: each has a boot of its own.
	for name, cmd := range inOrder(map[string]uint32{"destroydomain": xen.DomctlDestroyDomain, "pausedomain": xen.DomctlPauseDomain}) {
		it(spec.Meta{
			// Each Xen refuses this. One that does not ends the machine, which is then this spec's crash.
			ID: "domctl/" + name + "-self", Level: spec.Should, Needs: []spec.Probe{Control},
			Clause: domctlH + "XEN_DOMCTL_" + name + ": a domain cannot do this to itself, since nothing would be left to return to; errno.h EINVAL",
		}, func(g *guest) {
			v, err := spoken()
			g.Setup("finding the interface versions", err)
			r, _ := domctl[xen.Empty](g, v, name, cmd, 0, nil)
			r.refused(unix.EINVAL)
		})
	}
})
