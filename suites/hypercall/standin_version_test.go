package hypercall

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
)

const (
	standInMaxPage = 0x1ffff // 512 MiB of RAM
	standInPages   = 0x10000 // of which the domain has half
)

var standInBuildID = bytes.Repeat([]byte{0xb1}, 20)

func (s *standIn) version(op, at uint64) int64 {
	text := func(text string, size int) int64 {
		b := make([]byte, size)
		copy(b, text)
		return s.write(at, b)
	}
	switch op {
	case xen.VersionVersion:
		return 4<<16 | 17
	case xen.VersionExtraversion:
		return text(".7", 16)
	case xen.VersionCapabilities:
		return text("xen-3.0-x86_64 hvm-3.0-x86_64 ", 1024)
	case xen.VersionChangeset:
		return text("", 64)
	case xen.VersionCommandline:
		return text("console=com1", 1024)
	case xen.VersionCompileInfo:
		var i xen.CompileInfo
		copy(i.Compiler[:], "gcc")
		return put(s, at, i)
	case xen.VersionPlatformParameters:
		return put(s, at, xen.VirtStart)
	case xen.VersionGetFeatures:
		f, _ := get[xen.FeatureInfo](at)
		if f.Index != 0 {
			return refusedBy(unix.EINVAL)
		}
		f.Submap = 0x228f0
		return put(s, at, f)
	case xen.VersionPagesize:
		return 4096
	case xen.VersionGuestHandle:
		return put(s, at, [16]byte{})
	case xen.VersionBuildID:
		if at == 0 {
			return int64(len(standInBuildID))
		}
		switch n, _ := get[uint32](at); {
		case n == 0:
			return refusedBy(unix.EINVAL)
		case int(n) < len(standInBuildID):
			return refusedBy(unix.ENOBUFS)
		}
		if no := s.write(at+4, standInBuildID); no != 0 {
			return no
		}
		return int64(len(standInBuildID))
	}
	return refusedBy(unix.ENOSYS)
}

func known(d xen.DomID) bool { return d == 0 || d == xen.Self }

func (s *standIn) memory(op, at uint64) int64 {
	switch op {
	case xen.MemoryMaximumRAMPage:
		return standInMaxPage
	case xen.MemoryCurrentReservation, xen.MemoryMaximumReservation, xen.MemoryMaximumGPFN:
		switch d, _ := get[xen.DomID](at); {
		case !known(d):
			return refusedBy(unix.ESRCH)
		case op == xen.MemoryMaximumReservation:
			return refusedBy(unix.EPERM)
		}
		return standInPages
	case xen.MemorySharingFreed, xen.MemorySharingShared:
		return 0
	case xen.MemoryMachphysMapping:
		return put(s, at, xen.MachphysMapping{VStart: xen.VirtStart, VEnd: xen.VirtStart + 1<<38, MaxMFN: 1<<35 - 1})
	case xen.MemoryMachphysList:
		l, _ := get[xen.MachphysList](at)
		extents := min(l.MaxExtents, (standInMaxPage+1)*8>>21+1)
		if no := s.write(l.Start, make([]byte, 8*extents)); no != 0 {
			return no
		}
		l.NrExtents = extents
		return put(s, at, l)
	case xen.MemoryMachineMemoryMap:
		m, _ := get[xen.MemoryMap](at)
		if m.Buffer != 0 {
			if m.NrEntries < 2 {
				return refusedBy(unix.EINVAL)
			}
			e := make([]byte, 2*xen.E820Size)
			binary.LittleEndian.PutUint64(e[8:], (standInMaxPage+1)*4096)
			e[16], e[xen.E820Size+16] = 1, 2
			if no := s.write(m.Buffer, e); no != 0 {
				return no
			}
		}
		m.NrEntries = 2
		return put(s, at, m)
	case xen.MemoryAcquireResource:
		if r, _ := get[xen.AcquireResource](at); r.Pad != 0 {
			return refusedBy(unix.EINVAL)
		}
		return refusedBy(unix.ESRCH)
	case xen.MemoryGetVNUMAInfo, xen.MemoryGetPodTarget:
		return refusedBy(unix.ESRCH)
	case xen.MemoryReservedDeviceMap:
		m, _ := get[xen.ReservedMap](at)
		m.NrEntries = 2
		s.write(at, bytesOf(&m))
		return refusedBy(unix.ERANGE)
	}
	return refusedBy(unix.ENOSYS)
}

func (s *standIn) sched(op, at uint64) int64 {
	switch op {
	case xen.SchedYield, xen.SchedBlock:
		return 0
	case xen.SchedPollOp:
		p, _ := get[xen.SchedPoll](at)
		if p.NrPorts > 128 {
			return refusedBy(unix.EINVAL)
		}
		port, ok := get[uint32](p.Ports)
		if !ok {
			return refusedBy(unix.EFAULT)
		}
		if s.ports[port] == nil {
			return refusedBy(unix.EINVAL)
		}
		return 0
	}
	return refusedBy(unix.EPERM)
}

func (s *standIn) vcpu(op uint64, vcpu uint32, at uint64) int64 {
	if vcpu != 0 {
		return refusedBy(unix.ENOENT)
	}
	switch op {
	case xen.VCPUIsUp:
		return 1
	case xen.VCPUGetRunstate:
		return put(s, at, xen.RunstateInfo{EntryTime: 1000, Time: [4]uint64{900, 50, 50, 0}})
	case xen.VCPUGetPhysID:
		return put(s, at, uint64(0))
	}
	return refusedBy(unix.EPERM)
}
