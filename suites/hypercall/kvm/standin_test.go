package kvm

import (
	"time"

	"xtest/internal/kvm"
)

// lie is how a stand-in strays from the right answer.
type lie string

const (
	honest     lie = "honest"
	contrary   lie = "contrary"   // errors are successes and the other way round, what exits does not, what faults works
	clobbers   lie = "clobbers"   // calls change RBX
	wide       lie = "wide"       // 32-bit code gets 64-bit answers, and has its whole registers read
	silent     lie = "silent"     // the right answer, and nothing written
	overwrites lie = "overwrites" // calls write one byte too many, and also when they are refused
	unmended   lie = "unmended"   // the other vendor's instruction works and stays
	deaf       lie = "deaf"       // the user is never asked
	forgetful  lie = "forgetful"  // the user's answer is lost
	dies       lie = "dies"       // no guest comes back
	novel      lie = "novel"      // what is not promised is answered as nobody has seen it
	absent     lie = "absent"     // there is no device
	faults     lie = "faults"     // the instruction raises #UD
	hangs      lie = "hangs"      // the instruction never comes back
)

// standIn answers as Linux 6.12 does on AMD's processors.
type standIn struct {
	lie  lie
	made int
}

func (s *standIn) Native() (kvm.Opcode, error) { return kvm.VMMCALL, nil }

func (s *standIn) NewGuest(c kvm.Config) (guest, error) {
	g := &guestIn{config: c, lie: s.lie, memory: make([]byte, kvm.GuestMemory), opcode: c.Opcode}
	if s.made++; s.made == 1 && s.lie != faults && s.lie != hangs {
		g.lie = honest // this is the probe's
	}
	if c.HyperV != nil && g.lie != contrary && g.lie != silent {
		for _, m := range c.HyperV.MSRs {
			if m.Index == kvm.MSRHVHypercall {
				copy(g.memory[m.Value&^0xfff:], append(kvm.VMMCALL[:], 0xc3))
			}
		}
	}
	return g, nil
}

type guestIn struct {
	config kvm.Config
	lie    lie
	memory []byte
	opcode kvm.Opcode
}

func (g *guestIn) Memory() []byte     { return g.memory }
func (g *guestIn) Opcode() kvm.Opcode { return g.opcode }
func (g *guestIn) Close() error       { return nil }

func (g *guestIn) Batch(calls []kvm.Regs, _ time.Duration) ([]kvm.Outcome, error) {
	list := make([]kvm.Outcome, len(calls))
	for i, r := range calls {
		if g.config.Mode != kvm.Long {
			r = low(r)
		}
		o, err := g.call(r, kvm.RecordAddress(i))
		if err != nil {
			return list, err
		}
		list[i] = o
	}
	return list, nil
}

func (g *guestIn) Step(r kvm.Regs, _ time.Duration) (kvm.Outcome, error) {
	return g.call(r, kvm.RecordAddress(0))
}

// low is what 32-bit code loads of registers.
func low(r kvm.Regs) kvm.Regs {
	const half = 0xffffffff
	return kvm.Regs{RAX: r.RAX & half, RBX: r.RBX & half, RCX: r.RCX & half, RDX: r.RDX & half, RSI: r.RSI & half, RDI: r.RDI & half}
}

func (g *guestIn) call(r kvm.Regs, rbp uint64) (kvm.Outcome, error) {
	o := kvm.Outcome{Regs: r, Fault: kvm.NoFault, Done: true}
	switch g.lie {
	case dies:
		return kvm.Outcome{}, &kvm.Stopped{Reason: kvm.ExitShutdown}
	case hangs:
		return kvm.Outcome{}, kvm.ErrHung
	case faults:
		o.Fault = undefined
		return o, nil
	}
	if err := g.execute(); err != nil {
		if g.lie == contrary {
			return o, nil
		}
		return kvm.Outcome{}, err
	}
	o.Fault = g.instruction()
	if o.Fault == kvm.NoFault {
		g.dispatch(&o, rbp)
	}
	if o.Fault == kvm.NoFault && g.config.Mode != kvm.Long && g.lie != wide {
		o.Regs.RAX &= 0xffffffff
	}
	g.stray(&o, r)
	return o, nil
}

const (
	undefined  = 6
	protection = 13
)

// execute deals with what a spec put in the hypercall's place.
func (g *guestIn) execute() error {
	switch {
	case g.opcode[0] == 0xeb: // a jump to itself
		return kvm.ErrHung
	case g.opcode[0] == 0xf4 && g.config.IRQChip: // hlt
		return kvm.ErrHung
	case g.opcode[0] == 0xf4:
		return &kvm.Stopped{Reason: kvm.ExitHLT}
	}
	return nil
}

// instruction mends the other vendor's, or gives the exception that it raises.
func (g *guestIn) instruction() int {
	switch {
	case g.opcode == kvm.VMMCALL:
		return kvm.NoFault
	case g.config.DisableQuirks&kvm.QuirkFixHypercall != 0:
		return undefined
	case g.config.CPL == 3:
		return protection
	}
	if g.lie != unmended {
		g.opcode = kvm.VMMCALL
	}
	return kvm.NoFault
}

// dispatch is in the order of kvm_emulate_hypercall.
func (g *guestIn) dispatch(o *kvm.Outcome, rbp uint64) {
	hv := g.config.HyperV
	switch {
	case g.config.Xen != nil:
		g.xen(o, rbp)
	case hv != nil && hv.GuestOSID != 0:
		g.hyperV(o)
	default:
		g.own(o)
	}
}

// stray lies about the answer.
func (g *guestIn) stray(o *kvm.Outcome, r kvm.Regs) {
	switch g.lie {
	case contrary:
		o.Exits = nil
		switch {
		case o.Fault != kvm.NoFault:
			o.Fault, o.Regs.RAX = kvm.NoFault, 0
		case int64(o.Regs.RAX) == 0 || o.Regs.RAX == kvm.ExitAnswer:
			o.Regs.RAX = 0xdead
		default:
			o.Regs.RAX = r.RAX // as if nothing had happened
		}
		g.opcode[2] ^= 0x18 // the other vendor's
	case clobbers:
		o.Regs.RBX++
	case deaf:
		o.Exits = nil
	}
}

// leave leaves a call to the user.
func (g *guestIn) leave(o *kvm.Outcome, e kvm.Exit) {
	o.Exits = append(o.Exits, e)
	if g.lie == deaf {
		o.Regs.RAX = 0
		return
	}
	if g.lie != forgetful {
		o.Regs.RAX = kvm.ExitAnswer
		if e.Reason == kvm.ExitHyperV && g.config.Mode != kvm.Long {
			o.Regs.RDX = 0
		}
	}
}

// there says whether the guest has memory for size bytes.
func there(at, size uint64) bool { return at <= kvm.GuestMemory && size <= kvm.GuestMemory-at }
