package hypercall

import (
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
)

// early is what Xen says before it looks at a structure, and whether it says anything.
func (s *standIn) early(h xen.Hypercall, a [xen.MaxArgs]uint64) (ret int64, told bool) {
	ret = s.first(h, a)
	if ret == none {
		return 0, true
	}
	return ret, ret != 0
}

// none is [standIn.first]'s word for a call that has nothing to do, and returns 0.
const none = 1

func (s *standIn) first(h xen.Hypercall, a [xen.MaxArgs]uint64) int64 {
	switch h.Number {
	case xen.XenPMUOp:
		return refusedBy(unix.EOPNOTSUPP)
	case xen.XenoprofOp:
		return s.profile(h, a)
	case xen.VMAssist:
		if _, known := h.Op(a[0]); !known {
			return refusedBy(unix.ENOSYS)
		}
		return refusedBy(unix.EINVAL)
	case xen.VCPUOp:
		if _, known := h.Op(a[0]); known && uint32(a[1]) != 0 {
			return refusedBy(unix.ENOENT)
		}
	case xen.HVMOp:
		if o, _ := h.Op(a[0]); o.Bare && a[1] != 0 {
			return refusedBy(unix.EINVAL)
		}
	case xen.GrantTableOp:
		if int32(a[2]) < 0 {
			return refusedBy(unix.EINVAL)
		}
	case xen.DMOp:
		switch {
		case !readable(a[2], 16):
			return refusedBy(unix.EFAULT)
		case xen.DomID(a[0]) == xen.Self:
			return refusedBy(unix.EPERM)
		}
		return refusedBy(unix.ESRCH)
	case xen.MMUExtOp:
		switch {
		case !known(xen.DomID(a[3])):
			return refusedBy(unix.ESRCH)
		case a[1] == 0:
			return none
		}
		s.dangerous("mmuext_op")
	}
	return 0
}

// profile is xenoprof_op to a domain 0 that is the primary profiler from init to shutdown.
func (s *standIn) profile(h xen.Hypercall, a [xen.MaxArgs]uint64) int64 {
	o, known := h.Op(a[0])
	switch {
	case !known:
		return refusedBy(unix.EINVAL)
	case o.Number == xen.XenoprofInit:
		i := xen.XenoprofInitInfo{Events: 4, Primary: 1}
		copy(i.CPUType[:], "x86-64/hammer")
		if no := put(s, a[1], i); no != 0 {
			return no
		}
		s.profiler = s.lie != contrary // which tells the caller that it is none
		return none
	case o.Number == xen.XenoprofGetBuffer && !readable(a[1], 1):
		return refusedBy(unix.EFAULT)
	case o.Number == xen.XenoprofShutdown && s.profiler:
		s.profiler = false
		return none
	}
	return refusedBy(unix.EPERM)
}

// byContent is what Xen says of a structure that is about nobody, or about a number of which all bits
// are set.
func byContent(o xen.Op, at uint64) (no int64, told bool) {
	if d, ok := abouts[o.Name]; ok && o.Name != "XENMEM_acquire_resource" { // which looks at its padding first
		if id, ok := get[xen.DomID](at + uint64(d.offset)); ok && !known(id) {
			if d.want.Known[0].Text == "0" {
				return 0, true
			}
			return refusedBy(unix.ESRCH), true
		}
	}
	if p, ok := ports[o.Name]; ok {
		if n, ok := get[uint32](at + uint64(p.offset)); ok && n == ^uint32(0) {
			return refusedBy(unix.EINVAL), true
		}
	}
	return 0, false
}

// machineCheck looks at the interface's version alone.
func (s *standIn) machineCheck(at uint64) int64 {
	c, ok := get[xen.Sysctl[xen.Empty]](at)
	switch {
	case !ok:
		return refusedBy(unix.EFAULT)
	case c.Version != mcaVersion:
		return refusedBy(unix.EACCES)
	}
	s.dangerous("mca")
	return refusedBy(unix.ENOSYS)
}

func hypfs(a [xen.MaxArgs]uint64) int64 {
	switch {
	case a[0] == xen.HypfsGetVersion:
		return 1
	case a[2] == 0, a[2] > 1024:
		return refusedBy(unix.EINVAL)
	case !readable(a[1], int(a[2])):
		return refusedBy(unix.EFAULT)
	}
	return refusedBy(unix.ENOENT)
}
