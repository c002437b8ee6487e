package kvm

// Hyper-V's hypercalls that KVM knows, TLFS Hypercall Reference; asm-generic/hyperv-tlfs.h.
const (
	HVFlushSpace         = 0x0002 // HvCallFlushVirtualAddressSpace
	HVFlushList          = 0x0003 // HvCallFlushVirtualAddressList
	HVNotifyLongSpinWait = 0x0008 // HvCallNotifyLongSpinWait
	HVSendIPI            = 0x000b // HvCallSendSyntheticClusterIpi
	HVFlushSpaceEx       = 0x0013 // HvCallFlushVirtualAddressSpaceEx
	HVFlushListEx        = 0x0014 // HvCallFlushVirtualAddressListEx
	HVSendIPIEx          = 0x0015 // HvCallSendSyntheticClusterIpiEx
	HVPostMessage        = 0x005c // HvCallPostMessage
	HVSignalEvent        = 0x005d // HvCallSignalEvent
	HVPostDebugData      = 0x0069 // HvCallPostDebugData
	HVRetrieveDebugData  = 0x006a // HvCallRetrieveDebugData
	HVResetDebugSession  = 0x006b // HvCallResetDebugSession
	HVExtQuery           = 0x8001 // HvExtCallQueryCapabilities
	HVExtMax             = 0x8041 // the last extended call that KVM knows
)

// What Hyper-V's calls answer in their low 16 bits, TLFS HV_STATUS.
const (
	HVSuccess          = 0
	HVInvalidCode      = 2
	HVInvalidInput     = 3
	HVInvalidAlignment = 4
	HVInvalidParameter = 5
	HVAccessDenied     = 6
	HVOperationDenied  = 8
	HVInvalidPort      = 17
)

// Fields of a call's control word, TLFS Hypercall Inputs.
const (
	HVFast        = 1 << 16 // the parameters are in registers
	HVVarShift    = 17      // size of the variable header, in 8 bytes, 10 bits
	HVCountShift  = 32      // repetitions, 12 bits
	HVIndexShift  = 48      // the first of them, 12 bits
	HVReserved27  = 0x1f << 27
	HVReserved44  = 0xf << 44
	HVReserved60  = 0xf << 60
	HVReps        = 1 << HVCountShift
	HVFirst       = 1 << HVIndexShift
	HVVarHeader   = 1 << HVVarShift
	HVGenericAll  = 1 // HV_GENERIC_SET_ALL: format of a set of processors
	HVFlushAllCPU = 1 // HV_FLUSH_ALL_PROCESSORS
)

// Model-specific registers of Hyper-V, TLFS HV_X64_MSR_*.
const (
	MSRHVGuestOSID     = 0x40000000
	MSRHVHypercall     = 0x40000001
	MSRHVSControl      = 0x40000080 // bit 0 switches the synthetic interrupt controller on
	MSRHVSyndbgOptions = 0x400000ff // bit 2: debug data goes by hypercalls
)

// CPUID leaves of Hyper-V, TLFS Feature and Interface Discovery.
const (
	LeafHVFeatures     = 0x40000003
	LeafHVEnlightening = 0x40000004
	LeafHVSyndbg       = 0x40000082
	LeafKVMFeatures    = 0x40000001
)
