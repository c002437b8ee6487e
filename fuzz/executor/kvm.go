package executor

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/internal/kvm"
)

// micro makes calls in micro guests of the machine's own KVM.
type micro struct {
	space  *call.Space
	device *kvm.Device
	guest  *kvm.Guest
	calls  []kvm.Regs
	opcode kvm.Opcode
	bare   bool // without what older kernels lack
}

func openKVM(s *call.Space) (caller, error) {
	d, err := kvm.Open(kvm.Path)
	if err != nil {
		return nil, err
	}
	m := &micro{space: s, device: d}
	if m.opcode, err = d.Native(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	m.guest, err = d.NewGuest(m.config())
	if err != nil && s == call.KVM() { // older kernels leave no call to their user
		m.bare = true
		m.guest, err = d.NewGuest(m.config())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a micro guest: %w", err), d.Close())
	}
	return m, nil
}

func (m *micro) close() error { return errors.Join(m.guest.Close(), m.device.Close()) }

// config is a guest that has as much of the interface as KVM gives.
func (m *micro) config() kvm.Config {
	c := kvm.Config{IRQChip: true, Opcode: m.opcode}
	switch m.space {
	case call.KVM():
		if !m.bare {
			c.ExitHypercalls = 1 << kvm.MapGPARange
		}
	case call.HyperV():
		c.HyperV = &kvm.HyperV{GuestOSID: 1, SynIC: true}
	case call.KVMXen():
		c.Xen = &kvm.Xen{Flags: kvm.XenInterceptHcall}
	}
	return c
}

// facts are where KVM's code is, for those that watch what is executed.
func (m *micro) facts(a *area.Area) {
	text, err := os.ReadFile("/proc/modules")
	if err != nil {
		return
	}
	low, end := ^uint64(0), uint64(0)
	for line := range strings.SplitSeq(string(text), "\n") {
		var name, by, state string
		var size, at, refs uint64
		if n, _ := fmt.Sscanf(line, "%s %d %d %s %s 0x%x", &name, &size, &refs, &by, &state, &at); n < 6 {
			continue
		}
		if (name == "kvm" || name == "kvm_amd" || name == "kvm_intel") && at != 0 {
			low, end = min(low, at), max(end, at+size)
		}
	}
	if end != 0 {
		a.SetFact(area.FactTextLow, low)
		a.SetFact(area.FactTextEnd, end)
	}
}

// limit is how long a table of calls may take.
const limit = 20 * time.Second

func (m *micro) do(a *area.Area, n uint64, s area.Slot) {
	m.fill(s)
	calls := s.Calls()
	for first := 0; first < calls; {
		end := min(first+kvm.MaxBatch-1, calls)
		// A table for each program, so that what it does is told from what others do; what depends on
		// another's result begins a table, too.
		for i := first + 1; i < end; i++ {
			if r := s.Record(i); r.Fixes != 0 || r.State == area.First {
				end = i
			}
		}
		m.calls = m.calls[:0]
		for i := first; i < end; i++ {
			r := s.Record(i)
			s.Apply(r)
			m.calls = append(m.calls, m.regs(r))
		}
		a.SetSpan(n, first, end-first)
		list, err := m.guest.Batch(m.calls, limit)
		done := 0
		for i, o := range list {
			if !o.Done {
				break
			}
			r := s.Record(first + i)
			r.Result, r.State = int64(o.Regs.RAX), area.Returned
			if o.Fault != kvm.NoFault {
				r.Result, r.State = int64(o.Fault), area.Faulted
			}
			done++
		}
		first += done
		if err == nil && done == len(m.calls) {
			continue
		}
		if first < calls { // the guest ended with this one
			r := s.Record(first)
			r.Result, r.State = 0, area.Stopped
			var stopped *kvm.Stopped
			if errors.As(err, &stopped) {
				r.Result = int64(stopped.Reason)
			} else {
				r.State = area.Hung
			}
			first++
		}
		if !m.renew(s) {
			return
		}
	}
}

// renew makes another guest in the place of one that is of no more use.
func (m *micro) renew(s area.Slot) bool {
	if m.guest.Close() != nil {
		return false
	}
	g, err := m.device.NewGuest(m.config())
	if err != nil {
		fmt.Fprintf(os.Stderr, "xtest: making another micro guest: %v\n", err)
		return false
	}
	m.guest = g
	m.fill(s)
	return true
}

// fill copies what calls point at into the guest, but for the pages that are not there.
func (m *micro) fill(s area.Slot) {
	to, from := m.guest.Memory()[kvm.Data:], s.Data()
	copy(to, from[:area.DataSize])
	for i := range area.Edges {
		end := area.EdgeEnd(i)
		copy(to[end-area.Page:], from[end-area.Page:end])
	}
}

// regs are a call's arguments where the interface wants them.
func (m *micro) regs(r *area.Record) kvm.Regs {
	a := r.Args
	switch m.space {
	case call.HyperV():
		return kvm.Regs{RCX: r.Op | a[0]&^0xffff, RDX: a[1], R8: a[2], XMM: [6][2]uint64{{a[3], a[4]}}}
	case call.KVMXen():
		return kvm.Regs{RAX: r.Op, RDI: a[0], RSI: a[1], RDX: a[2], R10: a[3], R8: a[4], R9: a[5]}
	}
	return kvm.Regs{RAX: r.Op, RBX: a[0], RCX: a[1], RDX: a[2], RSI: a[3]}
}
