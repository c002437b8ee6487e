package kvm

import (
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// exceptions are the processor's, by vector.
var exceptions = map[int]string{0: "#DE", 1: "#DB", 2: "NMI", 6: "#UD", 8: "#DF", 13: "#GP", 14: "#PF"}

func exception(vector int) string {
	if name := exceptions[vector]; name != "" {
		return name
	}
	return fmt.Sprintf("exception %d", vector)
}

// reader writes an answer as the interface's headers name it.
type reader func(kvm.Outcome) string

// ownNames are the error numbers of KVM's own calls.
var ownNames = map[int64]string{
	-kvm.ENOSYS: "-KVM_ENOSYS", -kvm.EFAULT: "-KVM_EFAULT", -kvm.EINVAL: "-KVM_EINVAL", -kvm.EPERM: "-KVM_EPERM",
	-kvm.EOPNOTSUPP: "-KVM_EOPNOTSUPP",
}

func number(v int64) string {
	if v >= -0x10000 && v <= 0x10000 {
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("%#x", uint64(v))
}

func named(v int64) string {
	if name := ownNames[v]; name != "" {
		return name
	}
	return number(v)
}

// own reads what 64-bit code gets of KVM's own calls, own32 what 32-bit code gets.
func own(o kvm.Outcome) string   { return ended(o, o.Regs.RAX, named(int64(o.Regs.RAX))) }
func own32(o kvm.Outcome) string { return ended(o, o.Regs.RAX, named(int64(int32(o.Regs.RAX)))) }

// ended puts beside a result what else happened: an exception in its place, an interrupt that cannot be
// masked, or an exit, after which the user's answer must be the guest's.
func ended(o kvm.Outcome, rax uint64, result string) string {
	const nmi = 2
	switch {
	case o.Fault == nmi:
		return result + ", then NMI"
	case o.Fault != kvm.NoFault:
		return exception(o.Fault)
	case len(o.Exits) == 0:
		return result
	}
	text := ""
	for _, e := range o.Exits {
		text += exit(e)
	}
	if rax != kvm.ExitAnswer {
		text += ", and the guest got " + result + " instead of the user's answer"
	}
	return text
}

// exit writes an exit with what it says of the call.
func exit(e kvm.Exit) string {
	width := "32-bit"
	if e.LongMode {
		width = "64-bit"
	}
	a := e.Args
	switch e.Reason {
	case kvm.ExitHypercall:
		return fmt.Sprintf("KVM_EXIT_HYPERCALL(%d: %#x, %#x, %#x, %s)", e.Nr, a[0], a[1], a[2], width)
	case kvm.ExitHyperV:
		return fmt.Sprintf("KVM_EXIT_HYPERV(%#x: %#x, %#x)", e.Nr, a[0], a[1])
	}
	return fmt.Sprintf("KVM_EXIT_XEN(%#x: %#x, %#x, %#x, %#x, %#x, %#x, %s, CPL %d)", e.Nr, a[0], a[1], a[2], a[3], a[4], a[5], width, e.CPL)
}

// statuses are Hyper-V's.
var statuses = map[uint64]string{
	kvm.HVSuccess: "HV_STATUS_SUCCESS", kvm.HVInvalidCode: "HV_STATUS_INVALID_HYPERCALL_CODE", kvm.HVInvalidInput: "HV_STATUS_INVALID_HYPERCALL_INPUT",
	kvm.HVInvalidAlignment: "HV_STATUS_INVALID_ALIGNMENT", kvm.HVInvalidParameter: "HV_STATUS_INVALID_PARAMETER",
	kvm.HVAccessDenied: "HV_STATUS_ACCESS_DENIED", kvm.HVOperationDenied: "HV_STATUS_OPERATION_DENIED", kvm.HVInvalidPort: "HV_STATUS_INVALID_PORT_ID",
}

// status writes a result value of Hyper-V, TLFS Hypercall Outputs: 16 bits of status, from bit 32 on 12 bits of
// repetitions that were done, and reserved ones.
func status(v uint64) string {
	name := statuses[v&0xffff]
	if name == "" {
		name = fmt.Sprintf("status %#x", v&0xffff)
	}
	if n := v >> 32 & 0xfff; n != 0 {
		name += fmt.Sprintf(", %d done", n)
	}
	if v&^uint64(0xfff_0000_ffff) != 0 {
		name += fmt.Sprintf(", reserved bits in %#x", v)
	}
	return name
}

func hv(o kvm.Outcome) string { return ended(o, o.Regs.RAX, status(o.Regs.RAX)) }

// hv32 reads what 32-bit code gets, in EDX and EAX.
func hv32(o kvm.Outcome) string {
	v := o.Regs.RDX<<32 | o.Regs.RAX&0xffffffff
	return ended(o, v, status(v))
}

// xenAnswer reads what Xen's calls are answered.
func xenAnswer(o kvm.Outcome) string {
	v := int64(o.Regs.RAX)
	text := number(v)
	if v < 0 && v > -4096 {
		text = "-" + spec.ErrnoName(unix.Errno(-v))
	}
	return ended(o, o.Regs.RAX, text)
}
