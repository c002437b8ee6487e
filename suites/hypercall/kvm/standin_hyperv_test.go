package kvm

import (
	"encoding/binary"
	"math/bits"

	"xtest/internal/kvm"
)

// leaves are Hyper-V's that matter here, as KVM offers them and the configuration changes them.
func (g *guestIn) leaf(function uint32) kvm.CPUIDEntry {
	e := kvm.CPUIDEntry{Function: function, EAX: ^uint32(0), EBX: ^uint32(0) >> 1, EDX: ^uint32(0)}
	if change := g.config.HyperV.Change; change != nil {
		change(&e)
	}
	return e
}

// denied says whether CPUID's answers keep the guest from a call.
func (g *guestIn) denied(code uint64) bool {
	if !g.config.HyperV.Enforce {
		return false
	}
	privileges, advice := g.leaf(kvm.LeafHVFeatures).EBX, g.leaf(kvm.LeafHVEnlightening)
	switch code {
	case kvm.HVNotifyLongSpinWait:
		return advice.EBX == 0
	case kvm.HVPostMessage:
		return privileges&mayPost == 0
	case kvm.HVSignalEvent:
		return privileges&maySignal == 0
	case kvm.HVPostDebugData, kvm.HVRetrieveDebugData, kvm.HVResetDebugSession:
		return privileges&mayDebug == 0
	case kvm.HVFlushList, kvm.HVFlushSpace:
		return advice.EAX&flushAdvised == 0
	case kvm.HVFlushListEx, kvm.HVFlushSpaceEx:
		return advice.EAX&flushAdvised == 0 || advice.EAX&exAdvised == 0
	case kvm.HVSendIPI:
		return advice.EAX&ipiAdvised == 0
	case kvm.HVSendIPIEx:
		return advice.EAX&ipiAdvised == 0 || advice.EAX&exAdvised == 0
	}
	return code >= kvm.HVExtQuery && code <= kvm.HVExtMax && privileges&mayExtend == 0
}

// hvCall is a call as its control word describes it.
type hvCall struct {
	control, in, out       uint64
	code, head, reps, from uint64
	fast                   bool
	xmm                    [6][2]uint64
}

func (g *guestIn) hyperV(o *kvm.Outcome) {
	r := &o.Regs
	if g.config.CPL != 0 {
		o.Fault = undefined
		return
	}
	c := hvCall{control: r.RCX, in: r.RDX, out: r.R8, xmm: r.XMM}
	if g.config.Mode != kvm.Long {
		c.control, c.in, c.out = r.RDX<<32|r.RAX, r.RBX<<32|r.RCX, r.RDI<<32|r.RSI
	}
	c.code, c.fast, c.head = c.control&0xffff, c.control&kvm.HVFast != 0, c.control>>kvm.HVVarShift&0x3ff
	c.reps, c.from = c.control>>kvm.HVCountShift&0xfff, c.control>>kvm.HVIndexShift&0xfff
	result, exits := g.hvResult(c, &o.Fault)
	if o.Fault != kvm.NoFault {
		return
	}
	if exits {
		g.leave(o, kvm.Exit{Reason: kvm.ExitHyperV, Nr: c.control, Args: [6]uint64{c.in, c.out}, LongMode: true})
		return
	}
	r.RAX = result
	if g.config.Mode != kvm.Long {
		r.RAX, r.RDX = result&0xffffffff, result>>32
	}
}

func (g *guestIn) hvResult(c hvCall, fault *int) (result uint64, exits bool) {
	simple := c.reps == 0 && c.from == 0 && c.head == 0
	xmmCall := c.code == kvm.HVFlushSpace || c.code == kvm.HVFlushList || c.code == kvm.HVFlushSpaceEx || c.code == kvm.HVFlushListEx || c.code == kvm.HVSendIPIEx
	switch {
	case g.denied(c.code):
		return kvm.HVAccessDenied, false
	case c.control&(kvm.HVReserved27|kvm.HVReserved44|kvm.HVReserved60) != 0:
		return kvm.HVInvalidInput, false
	case c.fast && xmmCall && g.config.HyperV.Enforce && g.leaf(kvm.LeafHVFeatures).EDX&xmmInput == 0:
		*fault = undefined
		return 0, false
	case c.code >= kvm.HVExtQuery && c.code <= kvm.HVExtMax:
		if c.fast {
			return kvm.HVInvalidParameter, false
		}
		return 0, true
	case c.code == 0x1234 && g.lie == novel:
		return 0, false
	}
	switch c.code {
	case kvm.HVNotifyLongSpinWait:
		if simple {
			return kvm.HVSuccess, false
		}
	case kvm.HVFlushSpace, kvm.HVFlushSpaceEx, kvm.HVFlushList, kvm.HVFlushListEx:
		return g.hvFlush(c), false
	case kvm.HVSendIPI, kvm.HVSendIPIEx:
		return g.hvSend(c), false
	case kvm.HVPostMessage:
		return kvm.HVInvalidInput, simple && g.config.HyperV.SynIC
	case kvm.HVSignalEvent:
		return g.hvSignal(c, simple)
	case kvm.HVPostDebugData, kvm.HVRetrieveDebugData, kvm.HVResetDebugSession:
		switch {
		case c.fast && c.code != kvm.HVResetDebugSession:
			return kvm.HVInvalidParameter, false
		case g.leaf(kvm.LeafHVSyndbg).EAX == 0:
			return kvm.HVInvalidCode, false
		}
		return kvm.HVOperationDenied, len(g.config.HyperV.MSRs) > 0 && !g.config.HyperV.SynIC
	default:
		return kvm.HVInvalidCode, false
	}
	return kvm.HVInvalidInput, false
}

func (g *guestIn) word(at uint64) uint64 { return binary.LittleEndian.Uint64(g.memory[at:]) }

// set compares a set of processors with the variable header: format, mask of banks.
func set(c hvCall, mask uint64) bool { return c.head == uint64(bits.OnesCount64(mask)) }

func (g *guestIn) hvFlush(c hvCall) uint64 {
	list := c.code == kvm.HVFlushList || c.code == kvm.HVFlushListEx
	ex := c.code == kvm.HVFlushSpaceEx || c.code == kvm.HVFlushListEx
	size := uint64(24)
	if ex {
		size = 32
	}
	switch {
	case list && (c.reps == 0 || c.from != 0), !list && (c.reps != 0 || c.from != 0), !ex && c.head != 0:
		return kvm.HVInvalidInput
	case !c.fast && c.in&7 != 0:
		return kvm.HVInvalidAlignment
	case !c.fast && !there(c.in, size):
		return kvm.HVInvalidInput
	}
	if ex {
		mask := c.xmm[0][1]
		if !c.fast {
			mask = g.word(c.in + 24)
		}
		if !set(c, mask) {
			return kvm.HVInvalidInput
		}
	}
	const fifo = 15
	if list && !c.fast && c.reps <= fifo && !there(c.in+size, 8*c.reps) {
		return kvm.HVInvalidInput
	}
	return c.reps << 32
}

func (g *guestIn) hvSend(c hvCall) uint64 {
	ex := c.code == kvm.HVSendIPIEx
	switch {
	case c.reps != 0 || c.from != 0, !ex && c.head != 0, !g.config.IRQChip, c.fast && !ex && c.in>>32 != 0:
		return kvm.HVInvalidInput
	case !c.fast && c.in&7 != 0:
		return kvm.HVInvalidAlignment
	case !c.fast && !there(c.in, 16):
		return kvm.HVInvalidInput
	}
	vector, format, mask := c.in, c.out, c.xmm[0][0]
	if !c.fast {
		vector = g.word(c.in) & 0xffffffff
		if ex {
			format, mask = g.word(c.in+8), g.word(c.in+16)
		}
	}
	if ex {
		if !set(c, mask) {
			return kvm.HVInvalidInput
		}
		if format != kvm.HVGenericAll && c.head == 0 {
			return kvm.HVSuccess
		}
	}
	if vector < 0x10 || vector > 0xff {
		return kvm.HVInvalidInput
	}
	return kvm.HVSuccess
}

func (g *guestIn) hvSignal(c hvCall, simple bool) (result uint64, exits bool) {
	const connection, flag = 1<<24 - 1, 0xffff << 32
	if !simple {
		return kvm.HVInvalidInput, false
	}
	id := c.in
	if !c.fast {
		if c.in&7 != 0 || !there(c.in, 8) {
			return kvm.HVInvalidAlignment, false
		}
		id = g.word(c.in)
	}
	if id&flag == 0 && id&^uint64(connection) != 0 {
		return kvm.HVInvalidInput, false
	}
	return kvm.HVInvalidInput, g.config.HyperV.SynIC
}
