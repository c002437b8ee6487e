package hypercall

import (
	"encoding/binary"
	"maps"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
)

// standInDrivers are the kernel's part over a stand-in hypervisor: pages are memory of this process.
type standInDrivers struct {
	s       *standIn
	lastRef uint32
	ends    map[uint32]uint32 // connected ports
	pending []uint32
	partner *xen.Partner // dom0's page, in a guest
}

// What a stand-in's dom0 offers its guest.
const (
	partnerPort = 500
	partnerRef  = 900
)

// answer does what dom0 does when its guest sends it an event.
func (d *standInDrivers) answer() {
	if ref := uint32(d.partner.Ref.Load()); ref != 0 {
		d.partner.Seen.Store(binary.LittleEndian.Uint64(d.s.grants[ref].page))
		d.partner.Took.Store(1000)
		d.partner.Rounds.Store(1)
	}
	d.partner.Count.Add(1)
}

// granted is a page that the stand-in knows by its reference.
type granted struct {
	page     []byte
	writable bool
}

func (d *standInDrivers) Share(_ xen.DomID, writable bool) (uint32, []byte, func() error, error) {
	d.lastRef++
	ref, page := d.lastRef, make([]byte, 4096)
	d.s.grants[ref] = granted{page, writable}
	return ref, page, func() error { delete(d.s.grants, ref); return nil }, nil
}

func (d *standInDrivers) Map(_ xen.DomID, ref uint32) ([]byte, func() error, error) {
	if ref == partnerRef {
		if d.s.lie == contrary {
			return nil, nil, unix.EINVAL
		}
		if d.partner == nil {
			d.partner = &xen.Partner{Magic: xen.PartnerMagic}
		}
		return unsafe.Slice((*byte)(unsafe.Pointer(d.partner)), unsafe.Sizeof(*d.partner)), func() error { return nil }, nil
	}
	g, known := d.s.grants[ref]
	if known == (d.s.lie == contrary) {
		return nil, nil, unix.EINVAL
	}
	return g.page, func() error { return nil }, nil
}

func (d *standInDrivers) Listen(xen.DomID) (uint32, error) { return 1000, nil }

func (d *standInDrivers) Connect(_ xen.DomID, remote uint32) (uint32, error) {
	d.ends[remote+1] = remote
	return remote + 1, nil
}

func (d *standInDrivers) Notify(port uint32) error {
	if d.s.lie == contrary {
		return unix.EIO
	}
	if d.ends[port] == partnerPort {
		d.answer()
		d.pending = append(d.pending, port)
		return nil
	}
	d.pending = append(d.pending, d.ends[port])
	return nil
}

func (d *standInDrivers) Unbind(uint32) error { return nil }

func (d *standInDrivers) Pending(int) (port uint32, err error) {
	if len(d.pending) > 0 {
		port, d.pending = d.pending[0], d.pending[1:]
	}
	return port, nil
}

// copyGranted copies between pages that are granted, or gives the status of what forbids it.
func (s *standIn) copyGranted(c *xen.GrantCopy) xen.GrantStatus {
	from, known := s.grants[uint32(c.Source.Ref)]
	to, alsoKnown := s.grants[uint32(c.Dest.Ref)]
	const denied xen.GrantStatus = -8 // GNTST_permission_denied
	switch n := int(c.Len); {
	case !known || !alsoKnown:
		return xen.GrantBadRef
	case int(c.Source.Offset)+n > 4096, int(c.Dest.Offset)+n > 4096:
		return xen.GrantBadCopyArg
	case !to.writable:
		return denied
	case s.lie != silent:
		copy(to.page[c.Dest.Offset:], from.page[c.Source.Offset:int(c.Source.Offset)+n])
	}
	return xen.GrantOkay
}

// references lists what is granted, for tests that look for what was left behind.
func (s *standIn) references() []uint32 { return slices.Sorted(maps.Keys(s.grants)) }
