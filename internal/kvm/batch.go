package kvm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Batch makes calls one after the other in one KVM_RUN, as long as KVM does not leave one to its user.
// There are as many outcomes as calls. The error says why the guest stopped on the way: [ErrHung],
// [ErrStuck] or a [*Stopped]; what is Done was done, the first that is not was under way, and the guest
// is of no more use.
func (g *Guest) Batch(calls []Regs, limit time.Duration) ([]Outcome, error) {
	if len(calls) > MaxBatch {
		return nil, fmt.Errorf("a batch of %d calls: the table holds %d", len(calls), MaxBatch)
	}
	if g.dead != nil {
		return nil, g.dead
	}
	for i := range calls {
		g.write(i, &calls[i])
	}
	g.end(len(calls))
	return g.work(len(calls), limit, func() error {
		if !g.away {
			return nil
		}
		g.away = false
		return g.put(kregs{RIP: codeAt})
	}, nil)
}

// Step makes one call with registers that the guest has not loaded itself, so that 32-bit code has a
// 64-bit value in them, and gives back all of them as KVM left them.
func (g *Guest) Step(r Regs, limit time.Duration) (Outcome, error) {
	if g.dead != nil {
		return Outcome{}, g.dead
	}
	g.write(0, &Regs{})
	g.end(1)
	g.away = true
	var after kregs
	list, err := g.work(1, limit, func() error {
		return g.put(kregs{
			RAX: r.RAX, RCX: r.RCX, RDX: r.RDX, RBX: r.RBX, RSI: r.RSI, RDI: r.RDI, R8: r.R8, R9: r.R9, R10: r.R10,
			R11: r.R11, R12: r.R12, R13: r.R13, R14: r.R14, R15: r.R15, RIP: g.call,
		})
	}, func() error {
		_, err := ioctlPtr(g.fd, getRegs, &after)
		return err
	})
	if err != nil {
		return Outcome{Fault: NoFault}, err
	}
	list[0].Regs = Regs{
		RAX: after.RAX, RCX: after.RCX, RDX: after.RDX, RBX: after.RBX, RSI: after.RSI, RDI: after.RDI, R8: after.R8,
		R9: after.R9, R10: after.R10, R11: after.R11, R12: after.R12, R13: after.R13, R14: after.R14, R15: after.R15,
	}
	return list[0], nil
}

// put sets the registers, with those that belong to the program.
func (g *Guest) put(k kregs) error {
	k.RSP, k.RBP, k.RFlags = stackTop, tableAt, flagsIOPL3
	_, err := ioctlPtr(g.fd, setRegs, &k)
	return err
}

// work has the guest work through a table of n calls.
func (g *Guest) work(n int, limit time.Duration, before, after func() error) ([]Outcome, error) {
	list := make([]Outcome, n)
	err := g.vcpu.do(limit, func() error {
		if err := before(); err != nil {
			return err
		}
		at := 0
		if err := g.vcpu.run(limit, func() (bool, error) {
			for at < n && g.record(at)[recordDone] == 1 {
				at++
			}
			return g.exit(list, at)
		}); err != nil {
			return err
		}
		if after != nil {
			return after()
		}
		return nil
	})
	if err != nil {
		g.dead = err
	}
	if errors.Is(err, ErrStuck) { // the thread may still be at the memory and the list
		return make([]Outcome, n), err
	}
	for i := range list {
		g.read(i, &list[i])
	}
	return list, err
}

// exit deals with the end of a KVM_RUN; at is the call under way.
func (g *Guest) exit(list []Outcome, at int) (done bool, err error) {
	reason := head(g.run).ExitReason
	e := Exit{Reason: reason}
	var result *uint64
	switch reason {
	case ExitIO:
		if io := part[runIO](g.run); io.Port == endPort && io.Direction == 1 {
			return true, nil
		}
		return false, &Stopped{reason}
	case ExitHypercall:
		h := part[runHypercall](g.run)
		e.Nr, e.Args, e.LongMode, result = h.Nr, h.Args, h.LongMode != 0, &h.Ret
	case ExitHyperV:
		h := part[runHyperV](g.run)
		if h.Type != hypervHcall {
			return false, nil // a register of the interface was written
		}
		e.Nr, e.Args[0], e.Args[1], e.LongMode, result = h.Input, h.Params[0], h.Params[1], true, &h.Result
	case ExitXen:
		x := part[runXen](g.run)
		if x.Type != xenHcall {
			return false, &Stopped{reason}
		}
		e.Nr, e.Args, e.LongMode, e.CPL, result = x.Input, x.Params, x.LongMode != 0, uint8(x.CPL), &x.Result
	default:
		return false, &Stopped{reason}
	}
	*result = ExitAnswer
	if g.config.Answer != nil {
		*result = g.config.Answer(e)
	}
	if at < len(list) {
		list[at].Exits = append(list[at].Exits, e)
	}
	return false, nil
}

func (g *Guest) record(i int) []byte {
	at := tableAt + i*recordSize
	return g.memory[at : at+recordSize]
}

// end marks the table's end behind n calls.
func (g *Guest) end(n int) { g.record(n)[recordPresent] = 0 }

func (g *Guest) write(i int, r *Regs) {
	b, le := g.record(i), binary.LittleEndian
	for n, v := range r.general() {
		le.PutUint64(b[recordIn+8*n:], *v)
		le.PutUint64(b[recordOut+8*n:], 0) // 32-bit code stores the lower half alone
	}
	for n, v := range r.XMM {
		le.PutUint64(b[recordXMM+16*n:], v[0])
		le.PutUint64(b[recordXMM+16*n+8:], v[1])
	}
	b[recordDone], b[recordFault], b[recordPresent] = 0, 0, 1
}

func (g *Guest) read(i int, o *Outcome) {
	b, le := g.record(i), binary.LittleEndian
	for n, v := range o.Regs.general() {
		*v = le.Uint64(b[recordOut+8*n:])
	}
	o.Done, o.Fault = b[recordDone] == 1, int(b[recordFault])-1
}
