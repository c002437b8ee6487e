package kvm

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"xtest/internal/kvm"
	"xtest/internal/xen"
)

func xenRefusal(no unix.Errno) uint64 { return uint64(-int64(no)) }

func (g *guestIn) xen(o *kvm.Outcome, rbp uint64) {
	r, long := &o.Regs, g.config.Mode == kvm.Long
	args := [6]uint64{r.RDI, r.RSI, r.RDX, r.R10, r.R8, r.R9}
	if !long {
		args = [6]uint64{r.RBX, r.RCX, r.RDX, r.RSI, r.RDI, rbp}
	}
	if g.config.CPL == 0 {
		if result, known := g.xenResult(r.RAX, args); known {
			r.RAX = result
			return
		}
	}
	g.leave(o, kvm.Exit{Reason: kvm.ExitXen, Nr: r.RAX, Args: args, LongMode: long, CPL: g.config.CPL})
}

// attr finds an attribute that the guest was made with.
func attr(list []kvm.XenAttr, typ uint16) *kvm.XenAttr {
	for i := range list {
		if list[i].Type == typ {
			return &list[i]
		}
	}
	return nil
}

func (g *guestIn) xenResult(nr uint64, a [6]uint64) (result uint64, known bool) {
	x := g.config.Xen
	timer := attr(x.VCPUAttrs, kvm.XenVCPUAttrTimer) != nil
	switch nr {
	case xen.XenVersion:
		if v := attr(x.Attrs, kvm.XenAttrVersion); v != nil && a[0] == xen.VersionVersion {
			return uint64(v.Words[0]), true
		}
	case xen.SchedOp:
		switch a[0] {
		case xen.SchedYield:
			return 0, true
		case xen.SchedPollOp:
			return g.xenPoll(a[1]), true
		}
	case xen.EventChannelOp:
		if a[0] == evtchnSend {
			return g.xenSend(a[1])
		}
	case 15: // set_timer_op
		return 0, timer
	case xen.VCPUOp:
		if id := attr(x.VCPUAttrs, kvm.XenVCPUAttrID); timer && (a[0] == stopSingleshot || a[0] == setSingleshot) {
			switch {
			case a[1] != uint64(id.Words[0]):
				return xenRefusal(unix.EINVAL), true
			case a[0] == setSingleshot && !there(a[2], 16):
				return xenRefusal(unix.EFAULT), true
			}
			return 0, true
		}
	}
	return 0, false
}

func (g *guestIn) xenPoll(at uint64) uint64 {
	if !g.config.IRQChip || g.config.Xen.Flags&kvm.XenEvtchnSend == 0 {
		return 0
	}
	if !there(at, 24) {
		return xenRefusal(unix.EFAULT)
	}
	ports, n := g.word(at), uint64(binary.LittleEndian.Uint32(g.memory[at+8:]))
	switch {
	case n > 128:
		return xenRefusal(unix.EINVAL)
	case !there(ports, 4*n):
		return xenRefusal(unix.EFAULT)
	}
	for i := range n {
		if binary.LittleEndian.Uint32(g.memory[ports+4*i:]) >= 4096 {
			return xenRefusal(unix.EINVAL)
		}
	}
	return 0
}

func (g *guestIn) xenSend(at uint64) (result uint64, known bool) {
	if !there(at, 4) {
		return xenRefusal(unix.EFAULT), true
	}
	e := attr(g.config.Xen.Attrs, kvm.XenAttrEvtchn)
	if e == nil || e.Words[0] != binary.LittleEndian.Uint32(g.memory[at:]) {
		return 0, false
	}
	if g.lie != silent {
		one := binary.LittleEndian.AppendUint64(nil, 1)
		unix.Write(int(e.Words[4]), one)
	}
	return 0, true
}
