package hypercall

import (
	"bytes"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
)

const standInInterface = 0x15

// body is a control structure's union.
type body [xen.ControlPad]byte

// in changes the command's structure in place.
func in[T any](u *body, f func(*T) int64) int64 { return f(xen.At[T](xen.Buffer{Bytes: u[:]})) }

func (s *standIn) sysctl(at uint64) int64 {
	c, ok := get[xen.Sysctl[body]](at)
	switch {
	case !ok:
		return refusedBy(unix.EFAULT)
	case c.Version != standInInterface:
		return refusedBy(unix.EACCES)
	}
	s.gradeCmd(xen.SysctlOp, c.Cmd)
	ret := s.sysctlCmd(c.Cmd, &c.U)
	if ret == 0 {
		return put(s, at, c)
	}
	return ret
}

func (s *standIn) sysctlCmd(cmd uint32, u *body) int64 {
	const nullHandle = 0
	switch cmd {
	case xen.SysctlSchedID:
		return in(u, func(i *xen.SchedID) int64 { i.ID = 6; return 0 })
	case xen.SysctlPhysInfo:
		return in(u, func(p *xen.PhysInfo) int64 {
			*p = xen.PhysInfo{ThreadsPerCore: 1, CoresPerSocket: 1, NrCPUs: 1, NrNodes: 1, TotalPages: standInMaxPage, FreePages: 4096}
			return 0
		})
	case xen.SysctlCPUPoolOp:
		return in(u, func(p *xen.CPUPool) int64 { p.Sched, p.NrDomains = 6, 1; return 0 })
	case xen.SysctlSchedulerOp:
		return in(u, func(p *xen.SchedulerOp) int64 {
			if p.Sched != 6 {
				return refusedBy(unix.EINVAL)
			}
			return 0
		})
	case xen.SysctlReadConsole:
		return in(u, func(c *xen.ReadConsole) int64 { return s.write(c.Buffer, bytes.Repeat([]byte{'x'}, int(c.Count))) })
	case xen.SysctlPerfcOp, xen.SysctlCoverageOp:
		return refusedBy(unix.ENOSYS)
	case xen.SysctlGetCPUInfo:
		return in(u, func(c *xen.CPUInfo) int64 {
			if c.NrCPUs = min(c.MaxCPUs, 1); c.NrCPUs == 0 {
				return 0
			}
			return put(s, c.Info, uint64(12345))
		})
	case xen.SysctlAvailHeap:
		return in(u, func(a *xen.AvailHeap) int64 { a.Bytes = 4096 * 4096; return 0 })
	case xen.SysctlCPUTopoInfo, xen.SysctlNUMAInfo:
		return in(u, func(t *xen.TopoInfo) int64 {
			t.Num = 1
			if t.Info == nullHandle {
				return 0
			}
			return put(s, t.Info, uint64(0))
		})
	case xen.SysctlCPUFeatureset:
		return in(u, func(f *xen.FeatureSet) int64 {
			if f.Features == nullHandle {
				f.NrFeatures = 8
				return 0
			}
			if f.Index > 5 {
				return refusedBy(unix.EINVAL)
			}
			return put(s, f.Features, [8]uint32{2: 1 << 29})
		})
	case xen.SysctlCPUPolicy:
		return in(u, func(p *xen.CPUPolicy) int64 {
			if p.Index > 5 {
				return refusedBy(unix.EINVAL)
			}
			p.NrLeaves, p.NrMSRs = 70, 3
			return 0
		})
	case xen.SysctlDomainInfoList:
		return in(u, func(l *xen.DomainInfoList) int64 {
			if l.NumDomains = min(l.MaxDomains, 1); l.NumDomains == 0 {
				return 0
			}
			return put(s, l.Buffer, standInDomain())
		})
	}
	return refusedBy(unix.ENOSYS)
}

func standInDomain() xen.DomainInfo {
	return xen.DomainInfo{Flags: xen.DomainRunning, TotPages: standInPages, OnlineVCPUs: 1, CPUTime: 1000}
}

func (s *standIn) domctl(at uint64) int64 {
	c, ok := get[xen.Domctl[body]](at)
	switch {
	case !ok:
		return refusedBy(unix.EFAULT)
	case c.Version != standInInterface:
		return refusedBy(unix.EACCES)
	case !known(c.Dom):
		return refusedBy(unix.ESRCH)
	}
	s.gradeCmd(xen.DomctlOp, c.Cmd)
	ret := s.domctlCmd(c.Cmd, &c.U)
	if ret == 0 {
		return put(s, at, c)
	}
	return ret
}

func (s *standIn) domctlCmd(cmd uint32, u *body) int64 {
	switch cmd {
	case xen.DomctlGetDomainInfo:
		return in(u, func(d *xen.DomainInfo) int64 { *d = standInDomain(); return 0 })
	case xen.DomctlGetVCPUInfo:
		return in(u, func(i *xen.VCPUInfo) int64 {
			if i.VCPU != 0 {
				return refusedBy(unix.EINVAL)
			}
			*i = xen.VCPUInfo{Online: 1, Running: 1, CPUTime: 1000}
			return 0
		})
	case xen.DomctlGetAddressSize:
		return in(u, func(a *xen.AddressSize) int64 { a.Size = 64; return 0 })
	case xen.DomctlGetVCPUAffinity:
		return in(u, func(a *xen.VCPUAffinity) int64 { return s.write(a.Hard.Bits, make32(1, int(a.Hard.Nr/8))) })
	case xen.DomctlGetNodeAffinity:
		return in(u, func(b *xen.Bitmap) int64 { return s.write(b.Bits, make32(1, int(b.Nr/8))) })
	case xen.DomctlDestroyDomain, xen.DomctlPauseDomain:
		return refusedBy(unix.EINVAL)
	}
	return refusedBy(unix.ENOSYS)
}

// make32 gives a bitmap of n bytes with the first bits set.
func make32(first byte, n int) []byte { return append([]byte{first}, make([]byte, n-1)...) }

func (s *standIn) platform(at uint64) int64 {
	c, ok := get[xen.Sysctl[body]](at)
	switch {
	case !ok:
		return refusedBy(unix.EFAULT)
	case c.Version != xen.PlatformVersion:
		return refusedBy(unix.EACCES)
	}
	s.gradeCmd(xen.PlatformOp, c.Cmd)
	ret := refusedBy(unix.ENOSYS)
	switch c.Cmd {
	case xen.PlatformGetCPUInfo:
		ret = in(&c.U, func(p *xen.PCPUInfo) int64 {
			p.MaxPresent = 0
			if p.Flags = xen.PCPUOnline; p.CPU != 0 {
				p.Flags = 2
			}
			return 0
		})
	case xen.PlatformGetCPUVersion:
		ret = in(&c.U, func(p *xen.PCPUVersion) int64 { copy(p.Vendor[:], "AuthenticAMD"); return 0 })
	case xen.PlatformGetIdleTime:
		ret = in(&c.U, func(i *xen.IdleTime) int64 {
			i.Now = 5000
			return min(s.write(i.Bits, []byte{1}), put(s, i.Times, uint64(4000)))
		})
	}
	if ret == 0 {
		return put(s, at, c)
	}
	return ret
}
