package call

import (
	"fmt"
	"sync"

	"xtest/internal/kvm"
)

// KVM is KVM's own calls. Arguments are RBX, RCX, RDX and RSI.
var KVM = sync.OnceValue(func() *Space {
	s := &Space{Name: "kvm", Version: 1, Errno: kvmErrno}
	for _, o := range []struct {
		name string
		nr   uint64
		args []Arg
	}{
		{"vapic_poll_irq", kvm.VAPICPollIRQ, nil},
		{"mmu_op", kvm.MMUOp, []Arg{{Kind: Count}, {Kind: Buffer}, {Kind: Address}}},
		{"features", kvm.Features, nil},
		{"kick_cpu", kvm.KickCPU, []Arg{{Kind: Flags}, {Kind: VCPU}}},
		{"clock_pairing", kvm.ClockPairing, []Arg{{Kind: Buffer}, {Kind: Index}}},
		{"send_ipi", kvm.SendIPI, []Arg{{Kind: Flags}, {Kind: Flags}, {Kind: VCPU}, {Kind: Index, Values: []uint64{0x20, 0x400, 0x4000, 0xc00}}}},
		{"sched_yield", kvm.SchedYield, []Arg{{Kind: VCPU}}},
		{"map_gpa_range", kvm.MapGPARange, []Arg{{Kind: Buffer}, {Kind: Count}, {Kind: Flags}}},
		{"ppc_map_magic_page", kvm.PPCMapMagic, nil},
		{"mips_get_clock_freq", kvm.MIPSGetClock, nil},
	} {
		s.Ops = append(s.Ops, Op{Name: o.name, Number: o.nr, Args: filled(o.args, 4), Values: true})
	}
	s.Ops = append(s.Ops, Op{Name: "unknown", Number: 13, Args: filled(nil, 4)})
	return s
})

// filled adds arguments of which nothing is known.
func filled(args []Arg, n int) []Arg {
	all := make([]Arg, n)
	copy(all, args)
	return all
}

// kvmErrors are what KVM's own calls answer, negated (linux/kvm_para.h).
var kvmErrors = sync.OnceValue(func() map[int64]string {
	return map[int64]string{kvm.ENOSYS: "ENOSYS", kvm.EFAULT: "EFAULT", kvm.EINVAL: "EINVAL", kvm.EPERM: "EPERM", kvm.EOPNOTSUPP: "EOPNOTSUPP", 7: "E2BIG"}
})

func kvmErrno(result int64) (string, bool) {
	if result >= 0 {
		return "", true
	}
	name, ok := kvmErrors()[-result]
	return name, ok
}

// HyperV is Hyper-V's calls as KVM makes them. Arguments are the control word without the code, RDX, R8 and
// the halves of XMM0.
var HyperV = sync.OnceValue(func() *Space {
	s := &Space{Name: "hyperv", Version: 1, Errno: hypervErrno}
	control := Arg{Kind: Index, Values: []uint64{
		0, kvm.HVFast, kvm.HVReps, kvm.HVReps | kvm.HVFast, 2 * kvm.HVReps, kvm.HVReps | kvm.HVFirst, 0xfff * kvm.HVReps, kvm.HVVarHeader, kvm.HVVarHeader | kvm.HVFast,
		0x3ff * kvm.HVVarHeader, kvm.HVReserved27, kvm.HVReserved44, kvm.HVReserved60, 0xfff * kvm.HVFirst, kvm.HVVarHeader | kvm.HVReps,
	}}
	for name, nr := range map[string]uint64{
		"flush_space": kvm.HVFlushSpace, "flush_list": kvm.HVFlushList, "notify_long_spin_wait": kvm.HVNotifyLongSpinWait, "send_ipi": kvm.HVSendIPI,
		"flush_space_ex": kvm.HVFlushSpaceEx, "flush_list_ex": kvm.HVFlushListEx, "send_ipi_ex": kvm.HVSendIPIEx, "post_message": kvm.HVPostMessage,
		"signal_event": kvm.HVSignalEvent, "post_debug_data": kvm.HVPostDebugData, "retrieve_debug_data": kvm.HVRetrieveDebugData,
		"reset_debug_session": kvm.HVResetDebugSession, "ext_query": kvm.HVExtQuery, "ext_max": kvm.HVExtMax, "unknown": 0x7fff,
	} {
		s.Ops = append(s.Ops, Op{Name: name, Number: nr, Values: true, Args: []Arg{control, {Kind: Struct, Struct: generic(24)}, {Kind: Buffer}, {}, {}}})
	}
	sortOps(s.Ops)
	return s
})

// hypervErrors are the low 16 bits of an answer (TLFS HV_STATUS).
var hypervErrors = sync.OnceValue(func() map[int64]string {
	return map[int64]string{
		kvm.HVInvalidCode: "INVALID_CODE", kvm.HVInvalidInput: "INVALID_INPUT", kvm.HVInvalidAlignment: "INVALID_ALIGNMENT",
		kvm.HVInvalidParameter: "INVALID_PARAMETER", kvm.HVAccessDenied: "ACCESS_DENIED", kvm.HVOperationDenied: "OPERATION_DENIED",
		11: "INSUFFICIENT_MEMORY", kvm.HVInvalidPort: "INVALID_PORT_ID", 18: "INVALID_CONNECTION_ID", 19: "INSUFFICIENT_BUFFERS",
	}
})

func hypervErrno(result int64) (string, bool) {
	if result == answered || result&0xffff == 0 {
		return "", true
	}
	name, ok := hypervErrors()[result&0xffff]
	return name, ok
}

// answered is what a call gets that KVM leaves to its user.
const answered = kvm.ExitAnswer

// KVMXen is Xen's calls as KVM makes them for a guest. Arguments are Xen's.
var KVMXen = sync.OnceValue(func() *Space {
	s := &Space{Name: "kvm-xen", Version: 1, Errno: func(r int64) (string, bool) {
		if r == answered {
			return "", true
		}
		return xenErrno(r)
	}}
	for _, o := range Xen().Ops {
		o.Grade, o.Values, o.Privileged, o.Own = Harmless, true, false, false
		s.Ops = append(s.Ops, o)
	}
	return s
})

// Answer shows a result as people read it.
func (s *Space) Answer(result int64) string {
	if name, ok := s.Errno(result); ok && name != "" {
		return name
	} else if !ok {
		return fmt.Sprintf("%d, which is no documented error", result)
	}
	if result > 9 || result < 0 {
		return fmt.Sprintf("%#x", uint64(result))
	}
	return fmt.Sprint(result)
}
