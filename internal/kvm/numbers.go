package kvm

// The ioctls, linux/kvm.h.
const (
	getAPIVersion       = 0xae00     // KVM_GET_API_VERSION
	createVM            = 0xae01     // KVM_CREATE_VM
	getVCPUMmapSize     = 0xae04     // KVM_GET_VCPU_MMAP_SIZE
	getSupportedCPUID   = 0xc008ae05 // KVM_GET_SUPPORTED_CPUID
	createVCPU          = 0xae41     // KVM_CREATE_VCPU
	setUserMemoryRegion = 0x4020ae46 // KVM_SET_USER_MEMORY_REGION
	createIRQChip       = 0xae60     // KVM_CREATE_IRQCHIP
	xenHVMConfig        = 0x4038ae7a // KVM_XEN_HVM_CONFIG
	runVCPU             = 0xae80     // KVM_RUN
	getRegs             = 0x8090ae81 // KVM_GET_REGS
	setRegs             = 0x4090ae82 // KVM_SET_REGS
	getSregs            = 0x8138ae83 // KVM_GET_SREGS
	setSregs            = 0x4138ae84 // KVM_SET_SREGS
	setMSRs             = 0x4008ae89 // KVM_SET_MSRS
	getLAPIC            = 0x8400ae8e // KVM_GET_LAPIC
	setLAPIC            = 0x4400ae8f // KVM_SET_LAPIC
	setCPUID2           = 0x4008ae90 // KVM_SET_CPUID2
	enableCap           = 0x4068aea3 // KVM_ENABLE_CAP
	getSupportedHVCPUID = 0xc008aec1 // KVM_GET_SUPPORTED_HV_CPUID
	xenHVMSetAttr       = 0x4048aec9 // KVM_XEN_HVM_SET_ATTR
	xenVCPUSetAttr      = 0x4048aecb // KVM_XEN_VCPU_SET_ATTR
)

// apiVersion is the only KVM_GET_API_VERSION there is, Documentation/virt/kvm/api.rst.
const apiVersion = 12

// Capabilities, linux/kvm.h.
const (
	CapHyperVSynIC2       = 148 // KVM_CAP_HYPERV_SYNIC2
	CapEnforcePVFeatures  = 190 // KVM_CAP_ENFORCE_PV_FEATURE_CPUID
	CapHyperVEnforceCPUID = 199 // KVM_CAP_HYPERV_ENFORCE_CPUID
	CapExitHypercall      = 201 // KVM_CAP_EXIT_HYPERCALL
	CapDisableQuirks2     = 213 // KVM_CAP_DISABLE_QUIRKS2
)

// QuirkFixHypercall has KVM write the processor's own hypercall instruction over the other vendor's,
// asm/kvm.h KVM_X86_QUIRK_FIX_HYPERCALL_INSN.
const QuirkFixHypercall = 1 << 5

// Reasons for which KVM_RUN returns, linux/kvm.h.
const (
	ExitIO            = 2  // KVM_EXIT_IO
	ExitHypercall     = 3  // KVM_EXIT_HYPERCALL
	ExitHLT           = 5  // KVM_EXIT_HLT
	ExitShutdown      = 8  // KVM_EXIT_SHUTDOWN
	ExitFailEntry     = 9  // KVM_EXIT_FAIL_ENTRY
	ExitInternalError = 17 // KVM_EXIT_INTERNAL_ERROR
	ExitHyperV        = 27 // KVM_EXIT_HYPERV
	ExitXen           = 34 // KVM_EXIT_XEN
)

var exitNames = map[uint32]string{
	ExitIO: "KVM_EXIT_IO", ExitHypercall: "KVM_EXIT_HYPERCALL", ExitHLT: "KVM_EXIT_HLT", ExitShutdown: "KVM_EXIT_SHUTDOWN",
	ExitFailEntry: "KVM_EXIT_FAIL_ENTRY", ExitInternalError: "KVM_EXIT_INTERNAL_ERROR", ExitHyperV: "KVM_EXIT_HYPERV",
	ExitXen: "KVM_EXIT_XEN",
}

// KVM's own hypercalls, linux/kvm_para.h.
const (
	VAPICPollIRQ = 1  // KVM_HC_VAPIC_POLL_IRQ
	MMUOp        = 2  // KVM_HC_MMU_OP, removed in Linux 3.x
	Features     = 3  // KVM_HC_FEATURES, PowerPC's
	PPCMapMagic  = 4  // KVM_HC_PPC_MAP_MAGIC_PAGE, PowerPC's
	KickCPU      = 5  // KVM_HC_KICK_CPU
	MIPSGetClock = 6  // KVM_HC_MIPS_GET_CLOCK_FREQ, MIPS's, as are 7 and 8
	ClockPairing = 9  // KVM_HC_CLOCK_PAIRING
	SendIPI      = 10 // KVM_HC_SEND_IPI
	SchedYield   = 11 // KVM_HC_SCHED_YIELD
	MapGPARange  = 12 // KVM_HC_MAP_GPA_RANGE
)

// What KVM's own hypercalls answer, negated, linux/kvm_para.h.
const (
	ENOSYS     = 1000 // KVM_ENOSYS
	EFAULT     = 14   // KVM_EFAULT
	EINVAL     = 22   // KVM_EINVAL
	EPERM      = 1    // KVM_EPERM
	EOPNOTSUPP = 95   // KVM_EOPNOTSUPP
)

// Bits of CPUID 0x40000001 EAX, asm/kvm_para.h.
const (
	FeaturePVUnhalt     = 1 << 7  // KVM_FEATURE_PV_UNHALT
	FeaturePVSendIPI    = 1 << 11 // KVM_FEATURE_PV_SEND_IPI
	FeaturePVSchedYield = 1 << 13 // KVM_FEATURE_PV_SCHED_YIELD
	FeatureMapGPARange  = 1 << 16 // KVM_FEATURE_HC_MAP_GPA_RANGE
)

// Flags of KVM_XEN_HVM_CONFIG, linux/kvm.h.
const (
	XenInterceptHcall = 1 << 1 // KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL
	XenEvtchnSend     = 1 << 5 // KVM_XEN_HVM_CONFIG_EVTCHN_SEND
)
