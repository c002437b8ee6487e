package dom0

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"xtest/internal/xen"
)

const (
	ownPort  = 7
	ownRef   = 8
	guestRef = 90
)

// desk is a stand-in for dom0's drivers: events come in over one channel and go out over another.
type desk struct {
	page     []byte // dom0's, which the guest sees
	in       chan uint32
	out      chan uint32
	mapped   int
	closed   []string
	shareErr error
	pendErr  error
}

func newDesk() *desk {
	words := make([]uint64, 512) // aligned, as pages are
	page := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 4096)
	return &desk{page: page, in: make(chan uint32), out: make(chan uint32, 1)}
}

func (d *desk) Listen(xen.DomID) (uint32, error) { return ownPort, nil }

func (d *desk) Share(xen.DomID, bool) (uint32, []byte, func() error, error) {
	return ownRef, d.page, func() error { d.closed = append(d.closed, "page"); return nil }, d.shareErr
}

func (d *desk) Map(_ xen.DomID, ref uint32) ([]byte, func() error, error) {
	if ref != guestRef {
		return nil, nil, errors.New("no such grant")
	}
	d.mapped++
	page := binary.LittleEndian.AppendUint64(nil, 0xfeed)
	return page, func() error { d.mapped--; return nil }, nil
}

func (d *desk) Pending(int) (uint32, error) {
	port, open := <-d.in
	if !open {
		return 0, d.pendErr
	}
	return port, nil
}

func (d *desk) Notify(port uint32) error { d.out <- port; return nil }

func (d *desk) Close() error { d.closed = append(d.closed, "drivers"); return nil }

// event sends the partner one and waits for its answer.
func (d *desk) event(t *testing.T) {
	t.Helper()
	d.in <- ownPort
	if got := <-d.out; got != ownPort {
		t.Errorf("the answer went to port %d", got)
	}
}

func TestPartner(t *testing.T) {
	d := newDesk()
	p, err := offer(d, 3)
	if err != nil {
		t.Fatal(err)
	}
	if p.port != ownPort || p.ref != ownRef || p.page.Magic != xen.PartnerMagic {
		t.Errorf("offered: port %d, page %d that begins with %#x", p.port, p.ref, p.page.Magic)
	}
	d.event(t)
	d.in <- 0 // nothing came in time
	d.in <- ownPort + 1
	d.event(t)
	if got := p.page.Count.Load(); got != 2 {
		t.Errorf("it counted %d events of 2", got)
	}
	if p.page.Rounds.Load() != 0 {
		t.Error("it mapped a page that nobody named")
	}
	p.page.Ref.Store(guestRef)
	d.event(t)
	if got := p.page.Seen.Load(); got != 0xfeed || p.page.Rounds.Load() != mapRounds || p.page.Failed.Load() != 0 || d.mapped != 0 {
		t.Errorf("of the guest's page it saw %#x, %d times, failed: %d, left mapped: %d", got, p.page.Rounds.Load(), p.page.Failed.Load(), d.mapped)
	}
	p.page.Ref.Store(guestRef + 1)
	d.event(t)
	if p.page.Failed.Load() != 1 {
		t.Error("a grant that is not there was not told of")
	}
	close(d.in)
	if err := p.close(); err != nil || !slices.Equal(d.closed, []string{"page", "drivers"}) {
		t.Errorf("the end: %v, taken back: %v", err, d.closed)
	}
}

// TestPartnerFails: what goes wrong is told, at once or at the end, and nothing stays open.
func TestPartnerFails(t *testing.T) {
	d := newDesk()
	d.shareErr = errors.New("no page is left")
	if _, err := offer(d, 3); !errors.Is(err, d.shareErr) || !slices.Equal(d.closed, []string{"drivers"}) {
		t.Errorf("%v, taken back: %v", err, d.closed)
	}
	d = newDesk()
	d.pendErr = errors.New("no events any more")
	p, err := offer(d, 3)
	if err != nil {
		t.Fatal(err)
	}
	close(d.in)
	p.ended <- <-p.ended // it has ended by itself
	if err := p.close(); !errors.Is(err, d.pendErr) || !strings.Contains(err.Error(), "shares with domain 3") || len(d.closed) != 2 {
		t.Errorf("%v, taken back: %v", err, d.closed)
	}
}
