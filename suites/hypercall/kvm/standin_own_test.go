package kvm

import (
	"encoding/binary"
	"math/bits"

	"xtest/internal/kvm"
)

func refusal(no int64) uint64 { return uint64(-no) }

// offered says whether the guest may use what CPUID's bit offers.
func (g *guestIn) offered(bit uint32) bool {
	return !g.config.EnforcePV || g.config.PV == nil || *g.config.PV&bit != 0
}

func (g *guestIn) own(o *kvm.Outcome) {
	r := &o.Regs
	nr, a0, a1, a2, a3 := r.RAX, r.RBX, r.RCX, r.RDX, r.RSI
	if g.config.Mode != kvm.Long && g.lie != wide {
		nr, a0, a1, a2, a3 = nr&0xffffffff, a0&0xffffffff, a1&0xffffffff, a2&0xffffffff, a3&0xffffffff
	}
	r.RAX = refusal(kvm.ENOSYS)
	if g.config.CPL != 0 {
		r.RAX = refusal(kvm.EPERM)
		return
	}
	switch nr {
	case kvm.VAPICPollIRQ:
		r.RAX = 0
	case kvm.KickCPU:
		if g.offered(kvm.FeaturePVUnhalt) {
			r.RAX = 0
		}
	case kvm.SchedYield:
		if g.offered(kvm.FeaturePVSchedYield) {
			r.RAX = 0
		}
	case kvm.ClockPairing:
		r.RAX = g.pairing(a0, a1)
	case kvm.SendIPI:
		if g.offered(kvm.FeaturePVSendIPI) {
			r.RAX = g.sendIPI(o, a0, uint32(a2), a3)
		}
	case kvm.MapGPARange:
		pages := a0>>12 + a1
		switch {
		case g.config.ExitHypercalls == 0:
		case a0&0xfff != 0, a1 == 0, pages <= a0>>12:
			r.RAX = refusal(kvm.EINVAL)
		default:
			g.leave(o, kvm.Exit{Reason: kvm.ExitHypercall, Nr: nr, Args: [6]uint64{a0, a1, a2}, LongMode: g.config.Mode == kvm.Long})
		}
	case kvm.MapGPARange + 1:
		if g.lie == novel {
			r.RAX = 0
		}
	}
}

func (g *guestIn) pairing(gpa, clock uint64) uint64 {
	if g.lie == overwrites {
		g.memory[dataAt+clockSize] = 1
		g.memory[dataAt] = 1
	}
	switch {
	case clock != 0:
		return refusal(kvm.EOPNOTSUPP)
	case !there(gpa, clockSize):
		return refusal(kvm.EFAULT)
	case g.lie == silent:
		return 0
	}
	b := g.memory[gpa : gpa+clockSize]
	clear(b)
	binary.LittleEndian.PutUint64(b, 1_800_000_000)
	binary.LittleEndian.PutUint64(b[16:], 12345)
	return 0
}

func (g *guestIn) sendIPI(o *kvm.Outcome, low uint64, min uint32, icr uint64) uint64 {
	const logicalOrShorthand, modeNMI, nmi = 1<<11 | 3<<18, 4 << 8, 2
	switch {
	case icr&logicalOrShorthand != 0:
		return refusal(kvm.EINVAL)
	case !g.config.IRQChip:
		return refusal(kvm.EOPNOTSUPP)
	case min != 0 || low&1 == 0:
		return 0
	case icr&modeNMI != 0:
		o.Fault = nmi
	case icr == 0 && g.lie == novel:
		return 7
	}
	return uint64(bits.OnesCount64(low & 1))
}
