package xen

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// IOServer receives accesses of an HVM domain to ports and PCI devices that it has claimed, in place of the
// domain's device model (public/hvm/dm_op.h, hvm/ioreq.h). It is for domains with one virtual processor and for
// one goroutine.
type IOServer struct {
	call    *Privcmd
	drivers *Drivers
	arena   *Arena
	dom     DomID
	id      uint16
	page    []byte
	port    uint32
}

// Kinds of what is claimed: dm_op.h XEN_DMOP_IO_RANGE_*. PCI devices are named as bus<<8 | device<<3 | function.
const (
	RangePort uint32 = 0
	RangePCI  uint32 = 2
)

// Access is struct ioreq (public/hvm/ioreq.h) as far as a server answers it.
type Access struct {
	PCI    bool   // configuration space of the device Device, at Addr; else the port Addr
	Device uint16 // bus<<8 | device<<3 | function
	Addr   uint32
	Size   uint32 // in bytes: 1, 2, 4
	Write  bool
	Data   uint32 // what is written
}

// Operations of dm_op (public/hvm/dm_op.h).
const (
	dmCreateServer = 1
	dmMapRange     = 3
	dmSetState     = 5
)

type dmOp[T any] struct {
	op, _ uint32
	u     T
}

// ioRange is struct xen_dm_op_ioreq_server_range.
type ioRange struct {
	id          uint16
	kind        uint32
	first, last uint64
}

type dmBuffer struct{ addr, size uint64 }

// deviceModel makes a dm_op with its structure.
func deviceModel[T any](s *IOServer, op uint32, u T) (T, error) {
	s.arena.Reset()
	d := New[dmOp[T]](s.arena)
	d.op, d.u = op, u
	b := New[dmBuffer](s.arena)
	b.addr, b.size = Addr(d), uint64(unsafe.Sizeof(*d))
	ret, err := s.call.Hypercall(DMOp, uint64(s.dom), 1, Addr(b))
	if err = errors.Join(err, Err(ret)); err != nil {
		return d.u, fmt.Errorf("dm_op %d on domain %d: %w", op, s.dom, err)
	}
	return d.u, nil
}

// privcmdResource is struct privcmd_mmap_resource (include/uapi/xen/privcmd.h).
type privcmdResource struct {
	dom           DomID
	kind, id, idx uint32
	num, addr     uint64
}

const (
	ioctlMmapResource  = 32<<16 | 'P'<<8 | 7
	resourceIOServer   = 0 // public/memory.h XENMEM_resource_ioreq_server
	frameOfProcessor0  = 1 // XENMEM_resource_ioreq_server_frame_ioreq(0)
	offsetOfIOReqState = 28
)

// NewIOServer makes a server of a domain that is paused, claims ranges for it and switches it on.
func NewIOServer(dom DomID, claim func(claim func(kind uint32, first, last uint64) error) error) (*IOServer, error) {
	s := &IOServer{dom: dom}
	if err := s.open(claim); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *IOServer) open(claim func(claim func(kind uint32, first, last uint64) error) error) (err error) {
	if s.call, err = OpenPrivcmd(); err != nil {
		return err
	}
	if s.arena, err = NewArena(1); err != nil {
		return err
	}
	if s.drivers, err = OpenDrivers(); err != nil {
		return err
	}
	made, err := deviceModel(s, dmCreateServer, struct {
		buffered uint32
		id       uint16
	}{})
	if err != nil {
		return err
	}
	s.id = made.id
	if err := claim(func(kind uint32, first, last uint64) error {
		_, err := deviceModel(s, dmMapRange, ioRange{s.id, kind, first, last})
		return err
	}); err != nil {
		return err
	}
	if err := s.mapPage(); err != nil {
		return err
	}
	if _, err := deviceModel(s, dmSetState, struct {
		id      uint16
		enabled uint8
	}{s.id, 1}); err != nil {
		return err
	}
	s.port, err = s.drivers.Connect(s.dom, *at[uint32](s, 24))
	return err
}

// mapPage maps the page in which Xen describes accesses.
func (s *IOServer) mapPage() (err error) {
	fd := int(s.call.file.Fd())
	if s.page, err = unix.Mmap(fd, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("mapping privcmd: %w", err)
	}
	r := privcmdResource{dom: s.dom, kind: resourceIOServer, id: uint32(s.id), idx: frameOfProcessor0, num: 1, addr: address(s.page)}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), ioctlMmapResource, uintptr(unsafe.Pointer(&r))); errno != 0 {
		return fmt.Errorf("mapping the page of domain %d's accesses: %w", s.dom, errno)
	}
	return nil
}

func at[T any](s *IOServer, offset int) *T { return At[T](Buffer{s.page[offset:]}) }

// States of a struct ioreq, in the 4 lowest bits of byte 30; bit 6 is set in one that reads.
const (
	stateShift    = 16
	stateMask     = 0xf << stateShift
	stateReady    = 1 << stateShift
	stateAnswered = 3 << stateShift
	directionRead = 1 << 21
	typeShift     = 24
	typePCI       = 2
)

// Serve waits for an access, for milliseconds at most, and has it answered: what answer gives is read. Accesses of
// other sorts read as all ones.
func (s *IOServer) Serve(milliseconds int, answer func(Access) uint32) error {
	port, err := s.drivers.Pending(milliseconds)
	if err != nil || port != s.port {
		return err
	}
	state := at[uint32](s, offsetOfIOReqState)
	word := atomic.LoadUint32(state)
	if word&stateMask != stateReady {
		return nil
	}
	addr := *at[uint64](s, 0)
	a := Access{Addr: uint32(addr), Size: *at[uint32](s, 20), Write: word&directionRead == 0, Data: *at[uint32](s, 8)}
	value := ^uint64(0)
	if kind := word >> typeShift; kind == 0 || kind == typePCI {
		a.PCI, a.Device = kind == typePCI, uint16(addr>>32)
		value = uint64(answer(a))
	}
	if !a.Write {
		*at[uint64](s, 8) = value
	}
	atomic.StoreUint32(state, word&^stateMask|stateAnswered)
	return s.drivers.Notify(s.port)
}

// Close gives everything back; the server itself ends with its domain.
func (s *IOServer) Close() (err error) {
	if s.page != nil {
		err = unix.Munmap(s.page)
	}
	if s.drivers != nil {
		err = errors.Join(err, s.drivers.Close())
	}
	if s.arena != nil {
		err = errors.Join(err, s.arena.Close())
	}
	if s.call != nil {
		err = errors.Join(err, s.call.Close())
	}
	return err
}
