package executor

import (
	"unsafe"

	"xtest/fuzz/area"
	"xtest/internal/xen"
)

// hypercalls makes Xen's, from a domain's user space.
type hypercalls struct {
	p     *xen.Privcmd
	rival *rival // nil until somebody is to race
}

func openXen() (caller, error) {
	p, err := xen.OpenPrivcmd()
	if err != nil {
		return nil, err
	}
	return &hypercalls{p: p}, nil
}

func (h *hypercalls) close() error { return h.p.Close() }

// facts finds out which versions of the interfaces are spoken. Domains without privileges are told none,
// and their calls are refused whatever the version.
func (h *hypercalls) facts(a *area.Area) {
	arena, err := xen.NewArena(1)
	if err != nil {
		return
	}
	defer arena.Close()
	if v, _ := xen.SysctlVersion(h.p, arena); v != 0 {
		a.SetFact(area.FactSysctl, uint64(v))
	}
	arena.Reset()
	if v, _ := xen.DomctlVersion(h.p, arena); v != 0 {
		a.SetFact(area.FactDomctl, uint64(v))
	}
}

func (h *hypercalls) do(a *area.Area, n uint64, s area.Slot) {
	calls := s.Calls()
	if s.Mode() == area.Multicall {
		a.SetBatch(n, s, calls)
		// Xen stops in the middle for what is more urgent, and goes on by itself. After an error the rest stays pending,
		// which the host sees.
		h.p.Hypercall(xen.Multicall, s.EntriesAddr(), uint64(calls))
		a.EndBatch()
		return
	}
	if s.Mode() == area.Repeat {
		call := (*[1 + xen.MaxArgs]uint64)(unsafe.Pointer(s.Record(0)))
		for range area.Repeats {
			h.p.Record(call)
		}
		return
	}
	if s.Mode() == area.RepeatBatch {
		for made := 0; made < area.Repeats; made += max(calls, 1) {
			h.p.Hypercall(xen.Multicall, s.EntriesAddr(), uint64(calls))
		}
		return
	}
	for i := range calls {
		r := s.Record(i)
		if r.Fixes != 0 {
			s.Apply(r)
		}
		a.SetCurrent(n, i)
		if s.Mode() == area.Race {
			h.race(r)
			continue
		}
		r.Result = h.p.Record((*[1 + xen.MaxArgs]uint64)(unsafe.Pointer(r)))
		r.State = area.Returned
	}
}
