package executor

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"xtest/fuzz/area"
	"xtest/internal/xen"
)

// rival makes calls on another processor, at the same time as somebody else.
type rival struct {
	turn, done atomic.Uint64
	call       [1 + xen.MaxArgs]uint64
}

// patient is how often the rival looks for a call before it lets others have its processor.
const patient = 10_000

func newRival(p *xen.Privcmd) *rival {
	r := &rival{}
	go func() {
		runtime.LockOSThread() // the executor has the other threads
		for last := uint64(0); ; {
			for looks := 0; r.turn.Load() == last; looks++ {
				if looks > patient {
					nap()
				}
			}
			last = r.turn.Load()
			call := r.call
			p.Record(&call)
			r.done.Store(last)
		}
	}()
	return r
}

// race makes a call twice at once. The result is that of ours.
func (h *hypercalls) race(r *area.Record) {
	if h.rival == nil {
		h.rival = newRival(h.p)
	}
	call := (*[1 + xen.MaxArgs]uint64)(unsafe.Pointer(r))
	h.rival.call = *call
	turn := h.rival.turn.Add(1)
	r.Result = h.p.Record(call)
	for h.rival.done.Load() != turn {
		runtime.Gosched()
	}
	r.State = area.Returned
}
