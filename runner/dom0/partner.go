package dom0

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"xtest/internal/xen"
)

// neighbour is a domain's ways to share pages and to send events. Tests put others in their place.
type neighbour interface {
	Listen(to xen.DomID) (port uint32, err error)
	Share(to xen.DomID, writable bool) (ref uint32, page []byte, end func() error, err error)
	Map(of xen.DomID, ref uint32) (page []byte, unmap func() error, err error)
	Pending(milliseconds int) (port uint32, err error)
	Notify(port uint32) error
	Close() error
}

// partner answers a guest's events and maps its pages, so that the guest can measure both.
type partner struct {
	to    xen.DomID
	port  uint32
	ref   uint32
	page  *xen.Partner
	d     neighbour
	end   func() error
	stop  chan struct{}
	ended chan error
}

// newPartner offers a port and a page to a domain that need not be there yet.
func newPartner(to xen.DomID) (*partner, error) {
	d, err := xen.OpenDrivers()
	if err != nil {
		return nil, err
	}
	return offer(d, to)
}

// offer has the drivers offer them, and closes them with the partner.
func offer(d neighbour, to xen.DomID) (*partner, error) {
	var err error
	p := &partner{to: to, d: d, stop: make(chan struct{}), ended: make(chan error, 1)}
	var page []byte
	if p.port, err = d.Listen(to); err == nil {
		p.ref, page, p.end, err = d.Share(to, true)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	p.page = (*xen.Partner)(unsafe.Pointer(unsafe.SliceData(page)))
	p.page.Magic = xen.PartnerMagic
	go func() { p.ended <- p.serve() }()
	return p, nil
}

// heed is how often a partner looks whether its guest is gone, in milliseconds.
const heed = 200

// serve answers events until the guest is gone.
func (p *partner) serve() error {
	for {
		select {
		case <-p.stop:
			return nil
		default:
		}
		port, err := p.d.Pending(heed)
		if err != nil {
			return err
		}
		if port != p.port {
			continue
		}
		if ref := p.page.Ref.Load(); ref != 0 {
			p.mapOften(uint32(ref))
		}
		p.page.Count.Add(1)
		if err := p.d.Notify(p.port); err != nil {
			return err
		}
	}
}

// mapRounds is how often a guest's page is mapped and unmapped.
const mapRounds = 32

func (p *partner) mapOften(ref uint32) {
	start := time.Now()
	for range mapRounds {
		page, unmap, err := p.d.Map(p.to, ref)
		if err != nil {
			p.page.Failed.Store(1)
			return
		}
		seen := binary.LittleEndian.Uint64(page)
		if err := unmap(); err != nil {
			p.page.Failed.Store(1)
			return
		}
		p.page.Seen.Store(seen)
	}
	p.page.Took.Store(uint64(time.Since(start)))
	p.page.Rounds.Store(mapRounds)
}

// close takes the offers back.
func (p *partner) close() error {
	close(p.stop)
	err := errors.Join(<-p.ended, p.end(), p.d.Close())
	if err != nil {
		return fmt.Errorf("ending what dom0 shares with domain %d: %w", p.to, err)
	}
	return nil
}
