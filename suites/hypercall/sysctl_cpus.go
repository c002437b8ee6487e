package hypercall

import (
	"fmt"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

// nrCPUs asks how many CPUs the machine has online, and the highest ID that one could have.
func (g *guest) nrCPUs(v versions) *xen.PhysInfo {
	r, p := sysctl[xen.PhysInfo](g, v, "physinfo", xen.SysctlPhysInfo, nil)
	r.zero()
	g.That(r.call+": max_cpu_id", p.MaxCPUID, gomega.BeNumerically("<", 1<<16))
	g.That(r.call+": max_node_id", p.MaxNodeID, gomega.BeNumerically("<", 1<<8))
	return p
}

var _ = suite.Describe("sysctl", func() {
	control("sysctl/cpuinfo", spec.Must, sysctlH+"struct xen_sysctl_getcpuinfo: max_cpus is the room in info; nr_cpus how many were filled", func(g *guest, v versions) {
		g.nrCPUs(v)
		info := xen.New[uint64](g.Arena)
		*info = ^uint64(0)
		r, c := sysctl(g, v, "getcpuinfo, one", xen.SysctlGetCPUInfo, func(c *xen.CPUInfo) { c.MaxCPUs, c.Info = 1, xen.Addr(info) })
		r.zero()
		g.Equal(r.call+": nr_cpus", c.NrCPUs, uint32(1))
		g.That(r.call+": idletime", *info, gomega.Not(gomega.Equal(^uint64(0))))
	})
	control("sysctl/cpuinfo-none", spec.Must, sysctlH+"struct xen_sysctl_getcpuinfo: no room, nothing filled", func(g *guest, v versions) {
		at := g.Unmapped()
		r, c := sysctl(g, v, "getcpuinfo, none", xen.SysctlGetCPUInfo, func(c *xen.CPUInfo) { c.MaxCPUs, c.Info, c.NrCPUs = 0, at, 9 })
		r.zero()
		g.Equal(r.call+": nr_cpus", c.NrCPUs, uint32(0))
	})
	control("sysctl/availheap", spec.Must, sysctlH+"struct xen_sysctl_availheap: bytes available; node -1 for all; widths 0 for any", func(g *guest, v versions) {
		total := g.nrCPUs(v).TotalPages
		r, a := sysctl(g, v, "availheap", xen.SysctlAvailHeap, func(a *xen.AvailHeap) { a.Node, a.Bytes = -1, ^uint64(0) })
		r.zero()
		g.That(r.call, a.Bytes, gomega.BeNumerically("<=", total*pageSize))
	})
	for name, cmd := range inOrder(map[string]uint32{"cputopoinfo": xen.SysctlCPUTopoInfo, "numainfo": xen.SysctlNUMAInfo}) {
		control("sysctl/"+name+"-size", spec.Must, sysctlH+"XEN_SYSCTL_"+name+": with a NULL handle it gives the maximum number", func(g *guest, v versions) {
			p := g.nrCPUs(v)
			least := p.MaxCPUID
			if cmd == xen.SysctlNUMAInfo {
				least = p.MaxNodeID
			}
			r, t := sysctl[xen.TopoInfo](g, v, name, cmd, nil)
			r.zero()
			g.That(r.call, t.Num, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<=", least+1)))
		})
		control("sysctl/"+name+"-unmapped", spec.Must, sysctlH+"XEN_SYSCTL_"+name+": the handle is an address; errno.h EFAULT", func(g *guest, v versions) {
			at := g.Unmapped()
			r, _ := sysctl(g, v, name+", unmapped", cmd, func(t *xen.TopoInfo) { t.Num, t.Info = 1, at })
			r.refused(unix.EFAULT)
		})
	}
	control("sysctl/featureset", spec.Must, sysctlH+"struct xen_sysctl_cpu_featureset: with a NULL handle nr_features is the maximum; all sets have the same length", func(g *guest, v versions) {
		const raw, host = 0, 1
		r, size := sysctl(g, v, "get_cpu_featureset, raw", xen.SysctlCPUFeatureset, func(f *xen.FeatureSet) { f.Index = raw })
		r.zero()
		g.That(r.call+": nr_features", size.NrFeatures, gomega.And(gomega.BeNumerically(">", 4), gomega.BeNumerically("<", 256)))
		r, same := sysctl(g, v, "get_cpu_featureset, host", xen.SysctlCPUFeatureset, func(f *xen.FeatureSet) { f.Index = host })
		r.zero()
		g.Equal(r.call+": nr_features", same.NrFeatures, size.NrFeatures)
		words := g.Buffer(int(size.NrFeatures) * 4)
		r, _ = sysctl(g, v, "get_cpu_featureset, host", xen.SysctlCPUFeatureset, func(f *xen.FeatureSet) {
			f.Index, f.NrFeatures, f.Features = host, size.NrFeatures, words.Addr()
		})
		r.zero()
		const longMode = 1 << 29 // CPUID 0x80000001 EDX, the third word of a feature set
		g.True(r.call, xen.Slice[uint32](words)[2]&longMode != 0, fmt.Sprintf("word 2 is %#x", xen.Slice[uint32](words)[2]), "long mode, which this machine runs in")
	})
	control("sysctl/featureset-of-none", spec.Must, sysctlH+"struct xen_sysctl_cpu_featureset: index is one of those defined", func(g *guest, v versions) {
		// A NULL handle asks for sizes, whatever the index.
		words := g.Buffer(64)
		r, _ := sysctl(g, v, "get_cpu_featureset, ~0", xen.SysctlCPUFeatureset, func(f *xen.FeatureSet) {
			f.Index, f.NrFeatures, f.Features = ^uint32(0), 16, words.Addr()
		})
		r.refused(unix.EINVAL)
	})
	control("sysctl/policy-of-none", spec.Must, sysctlH+"struct xen_sysctl_cpu_policy: index is one of those defined", func(g *guest, v versions) {
		r, _ := sysctl(g, v, "get_cpu_policy, ~0", xen.SysctlCPUPolicy, func(p *xen.CPUPolicy) { p.Index = ^uint32(0) })
		r.refused(unix.EINVAL)
	})
	control("sysctl/policy-size", spec.Must, sysctlH+"struct xen_sysctl_cpu_policy: with NULL handles nr_leaves and nr_msrs are the maximum numbers", func(g *guest, v versions) {
		const host = 1
		r, p := sysctl(g, v, "get_cpu_policy, host", xen.SysctlCPUPolicy, func(p *xen.CPUPolicy) { p.Index = host })
		r.zero()
		g.That(r.call+": nr_leaves", p.NrLeaves, gomega.And(gomega.BeNumerically(">", 4), gomega.BeNumerically("<", 4096)))
		g.That(r.call+": nr_msrs", p.NrMSRs, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", 4096)))
	})
})
