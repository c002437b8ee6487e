package kvm

// Mode is what a guest's processor executes.
type Mode int

const (
	// Long is 64-bit code.
	Long Mode = iota
	// Compat is 32-bit code in long mode, as a 64-bit kernel's 32-bit programs are.
	Compat
	// Protected is 32-bit code in protected mode, without paging.
	Protected
)

func (m Mode) String() string {
	return [...]string{"64-bit", "32-bit compatibility", "32-bit protected"}[m]
}

// Opcode is a hypercall instruction.
type Opcode [3]byte

// The hypercall instructions, of Intel's processors and AMD's.
var (
	VMCALL  = Opcode{0x0f, 0x01, 0xc1}
	VMMCALL = Opcode{0x0f, 0x01, 0xd9}
)

func (o Opcode) String() string {
	switch o {
	case VMCALL:
		return "VMCALL"
	case VMMCALL:
		return "VMMCALL"
	}
	return "another instruction"
}

// Config says what a guest is like. The zero value is a 64-bit guest at CPL 0 that executes VMCALL, with
// what its KVM supports, and without interrupt controllers in the kernel.
type Config struct {
	Mode   Mode
	CPL    uint8 // 0 or 3
	Opcode Opcode
	// IRQChip has KVM emulate the interrupt controllers (KVM_CREATE_IRQCHIP); the local APIC is switched on
	// by software, too.
	IRQChip bool
	// DisableQuirks are quirks that KVM is to leave out, as [QuirkFixHypercall].
	DisableQuirks uint64
	// PV are the guest's paravirtual features (CPUID 0x40000001 EAX), where it is not nil. EnforcePV has KVM
	// refuse the calls of others (KVM_CAP_ENFORCE_PV_FEATURE_CPUID).
	PV        *uint32
	EnforcePV bool
	// ExitHypercalls are the calls, a bit for each number, that KVM leaves to its user (KVM_CAP_EXIT_HYPERCALL).
	ExitHypercalls uint64
	HyperV         *HyperV
	Xen            *Xen
	// Answer gives the result of calls that KVM leaves to its user; where it is nil they get [ExitAnswer].
	Answer func(Exit) uint64
}

// ExitAnswer is what calls get that KVM leaves to its user.
const ExitAnswer = 0x5eed

// HyperV has a guest see Hyper-V's interface in place of KVM's own.
type HyperV struct {
	// GuestOSID identifies the guest's system; with 0 the interface is there and not yet in use.
	GuestOSID uint64
	// Enforce refuses what CPUID does not offer (KVM_CAP_HYPERV_ENFORCE_CPUID).
	Enforce bool
	// SynIC is the synthetic interrupt controller (KVM_CAP_HYPERV_SYNIC2, which needs IRQChip).
	SynIC bool
	// Change changes Hyper-V's leaves before the guest gets them; it may be nil.
	Change func(*CPUIDEntry)
	// MSRs are set, by number, when the guest's system is known.
	MSRs []MSR
}

// MSR is a model-specific register and its value.
type MSR struct {
	Index uint32
	Value uint64
}

// Xen has KVM execute Xen's hypercalls, or leave them to its user.
type Xen struct {
	Flags     uint32    // as [XenInterceptHcall]
	Attrs     []XenAttr // of the virtual machine
	VCPUAttrs []XenAttr // of its processor
}

// Regs are registers that a call is made with, and that it leaves behind.
type Regs struct {
	RAX, RCX, RDX, RBX, RSI, RDI         uint64
	R8, R9, R10, R11, R12, R13, R14, R15 uint64
	XMM                                  [numXMM][2]uint64 // low half first; not given back
}

// general gives the general registers in a record's order.
func (r *Regs) general() [numRegs]*uint64 {
	return [numRegs]*uint64{&r.RAX, &r.RCX, &r.RDX, &r.RBX, &r.RSI, &r.RDI, &r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15}
}

// Exit is a call that KVM left to its user.
type Exit struct {
	Reason   uint32 // ExitHypercall, ExitHyperV or ExitXen
	Nr       uint64 // the number; Hyper-V's whole control word
	Args     [6]uint64
	LongMode bool  // of ExitHypercall and ExitXen
	CPL      uint8 // of ExitXen
}

// NoFault is the Fault of a call that raised no exception.
const NoFault = -1

// Outcome is what became of a call.
type Outcome struct {
	Regs  Regs
	Fault int // the exception's vector, or NoFault
	Exits []Exit
	Done  bool // else the guest did not come back from it
}
