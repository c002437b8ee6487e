package hypercall

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
)

// lie is how a stand-in strays from the right answer.
type lie string

const (
	honest   lie = "honest"
	contrary lie = "contrary" // errors are successes, and the other way round
	silent   lie = "silent"   // the right value, and nothing written
	garbled  lie = "garbled"  // the right value, and every written bit inverted
)

// standIn answers as the headers ask, and otherwise as Xen 4.17 does, to a PV domain 0 with one VCPU.
type standIn struct {
	lie     lie
	caller  caller
	ports   map[uint32]*channel
	grants  map[uint32]granted
	inMulti bool
	// profiler is true while the caller is the primary one.
	profiler bool
	wrote    func()
	// dangerous is told of calls that Xen's own grading calls destructive, with a structure that Xen
	// can read.
	dangerous func(call string)
}

type channel struct {
	status     uint32
	remotePort uint32
	for0       bool // dom0 alone may bind it
}

func newStandIn() *standIn {
	return &standIn{lie: honest, grants: map[uint32]granted{}, ports: map[uint32]*channel{0: {}, 1: {status: xen.ChannelVIRQ}}, wrote: func() {}, dangerous: func(string) {}}
}

func (s *standIn) Hypercall(op uint64, args ...uint64) (int64, error) {
	var a [xen.MaxArgs]uint64
	copy(a[:], args)
	ret := s.answer(op, a)
	if s.lie == contrary {
		if xen.Err(ret) != nil {
			return 0, nil
		}
		return -int64(unix.EIO), nil
	}
	return ret, nil
}

// grade passes on what is dangerous.
func (s *standIn) grade(o xen.Op) {
	if o.Danger == xen.Destructive {
		s.dangerous(o.Name)
	}
}

// gradeCmd grades the command of a control structure.
func (s *standIn) gradeCmd(call uint64, cmd uint32) {
	h, _ := xen.Lookup(call)
	if o, known := h.Op(uint64(cmd)); known {
		s.grade(o)
	}
}

func refusedBy(no unix.Errno) int64 { return -int64(no) }

// answer dispatches as Xen does: unknown numbers, unknown operations, then the pointer.
func (s *standIn) answer(op uint64, a [xen.MaxArgs]uint64) int64 {
	if ret, told := s.toGuest(op, a); told {
		return ret
	}
	h, known := xen.Lookup(op)
	if !known || op == xen.TmemOp || op == xen.XSMOp || op == xen.ArgoOp {
		return refusedBy(unix.ENOSYS)
	}
	if ret, told := s.early(h, a); told {
		return ret
	}
	switch {
	case h.SubOp != xen.None && h.Pointer != xen.None && len(h.Ops) > 0:
		o, known := h.Op(a[h.SubOp])
		newer := op == xen.XenVersion && o.Number > xen.VersionBuildID
		if !known || newer {
			return refusedBy(unix.ENOSYS)
		}
		nothing := h.Count != xen.None && uint32(a[h.Count]) == 0
		optional := op == xen.XenVersion && o.Number == xen.VersionBuildID && a[1] == 0
		if !o.Bare && !nothing && !optional && !readable(a[h.Pointer], 2) {
			return refusedBy(unix.EFAULT)
		}
		if no, told := byContent(o, a[h.Pointer]); told {
			return no
		}
		s.grade(o)
	case len(h.Ops) == 0 && h.Danger == xen.Destructive && (h.Pointer == xen.None || readable(a[h.Pointer], 1)):
		s.dangerous(h.Name)
	}
	switch op {
	case xen.XenVersion:
		return s.version(a[0], a[1])
	case xen.MemoryOp:
		return s.memory(a[0], a[1])
	case xen.EventChannelOp:
		return s.event(a[0], a[1])
	case xen.GrantTableOp:
		return s.grant(a[0], a[1], uint32(a[2]))
	case xen.SchedOp:
		return s.sched(a[0], a[1])
	case xen.VCPUOp:
		return s.vcpu(a[0], uint32(a[1]), a[2])
	case xen.Multicall:
		return s.multicall(a[0], uint32(a[1]))
	case xen.SysctlOp:
		return s.sysctl(a[0])
	case xen.DomctlOp:
		return s.domctl(a[0])
	case xen.PlatformOp:
		return s.platform(a[0])
	case xen.ConsoleIO, xen.NMIOp, xen.CallbackOp:
		return 0
	case xen.HVMOp, xen.PhysdevOp, xen.XenoprofOp:
		return refusedBy(unix.EINVAL)
	case xen.HypfsOp:
		return hypfs(a)
	case xen.MCA:
		return s.machineCheck(a[0])
	case xen.GetDebugreg:
		return refusedBy(unix.ENODEV)
	}
	return refusedBy(unix.EFAULT)
}

// transfer copies between this process's memory and itself through the kernel, which says EFAULT
// where Xen would.
func transfer(at uint64, b []byte, call func(int, []unix.Iovec, []unix.RemoteIovec, uint) (int, error)) bool {
	if len(b) == 0 {
		return true
	}
	local := []unix.Iovec{{Base: &b[0]}}
	local[0].SetLen(len(b))
	n, err := call(os.Getpid(), local, []unix.RemoteIovec{{Base: uintptr(at), Len: len(b)}}, 0)
	if err != nil && !errors.Is(err, unix.EFAULT) {
		panic(err)
	}
	return err == nil && n == len(b)
}

func readable(at uint64, n int) bool { return transfer(at, make([]byte, n), unix.ProcessVMReadv) }

// bytesOf views a structure as bytes.
func bytesOf[T any](p *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p)) }

// get reads a structure from the caller.
func get[T any](at uint64) (v T, ok bool) { return v, transfer(at, bytesOf(&v), unix.ProcessVMReadv) }

// put writes a structure to the caller, or what the lie makes of it, and gives EFAULT if that fails.
func put[T any](s *standIn, at uint64, v T) int64 { return s.write(at, bytesOf(&v)) }

func (s *standIn) write(at uint64, b []byte) int64 {
	if !readable(at, len(b)) {
		return refusedBy(unix.EFAULT)
	}
	s.wrote()
	switch s.lie {
	case silent, contrary:
		return 0
	case garbled:
		b = append([]byte{}, b...)
		for i := range b {
			b[i] = ^b[i]
		}
	}
	if !transfer(at, b, unix.ProcessVMWritev) {
		return refusedBy(unix.EFAULT)
	}
	return 0
}

func (s *standIn) multicall(at uint64, n uint32) int64 {
	if s.inMulti {
		return refusedBy(unix.EINVAL)
	}
	s.inMulti = true
	defer func() { s.inMulti = false }()
	for i := range uint64(n) {
		e, ok := get[xen.MultiEntry](at + i*entrySize)
		if !ok {
			return refusedBy(unix.EFAULT)
		}
		result := s.answer(e.Op, [xen.MaxArgs]uint64(e.Args[:]))
		if no := put(s, at+i*entrySize+uint64(unsafe.Offsetof(e.Result)), result); no != 0 {
			return no
		}
	}
	return 0
}
