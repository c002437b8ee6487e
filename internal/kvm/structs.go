package kvm

// memoryRegion is struct kvm_userspace_memory_region.
type memoryRegion struct {
	Slot, Flags                    uint32
	GuestPhys, Size, UserspaceAddr uint64
}

// kregs is struct kvm_regs.
type kregs struct {
	RAX, RBX, RCX, RDX, RSI, RDI, RSP, RBP uint64
	R8, R9, R10, R11, R12, R13, R14, R15   uint64
	RIP, RFlags                            uint64
}

// segment is struct kvm_segment.
type segment struct {
	Base                          uint64
	Limit                         uint32
	Selector                      uint16
	Type, Present, DPL, DB, S, L  uint8
	Granularity, AVL, Unusable, _ uint8
}

// descriptorTable is struct kvm_dtable.
type descriptorTable struct {
	Base  uint64
	Limit uint16
	_     [3]uint16
}

// sregs is struct kvm_sregs.
type sregs struct {
	CS, DS, ES, FS, GS, SS, TR, LDT         segment
	GDT, IDT                                descriptorTable
	CR0, CR2, CR3, CR4, CR8, EFER, APICBase uint64
	InterruptBitmap                         [4]uint64
}

// CPUIDEntry is struct kvm_cpuid_entry2.
type CPUIDEntry struct {
	Function, Index, Flags uint32
	EAX, EBX, ECX, EDX     uint32
	_                      [3]uint32
}

// maxCPUID is how many entries are asked for; KVM has never had more than 100.
const maxCPUID = 256

// cpuid2 is struct kvm_cpuid2.
type cpuid2 struct {
	N, _    uint32
	Entries [maxCPUID]CPUIDEntry
}

// msrs is struct kvm_msrs with one entry.
type msrs struct {
	N, _     uint32
	Index, _ uint32
	Data     uint64
}

// capability is struct kvm_enable_cap.
type capability struct {
	Cap, Flags uint32
	Args       [4]uint64
	_          [64]byte
}

// xenConfig is struct kvm_xen_hvm_config.
type xenConfig struct {
	Flags, MSR             uint32
	Blob32, Blob64         uint64
	BlobSize32, BlobSize64 uint8
	_                      [30]uint8
}

// XenAttr is struct kvm_xen_hvm_attr and struct kvm_xen_vcpu_attr: a type and what belongs to it, as
// 32-bit words.
type XenAttr struct {
	Type  uint16
	_     [3]uint16
	Words [16]uint32
}

// Types of attributes of a whole virtual machine, linux/kvm.h KVM_XEN_ATTR_TYPE_*.
const (
	XenAttrEvtchn  = 3
	XenAttrVersion = 4
)

// Types of attributes of a virtual processor, linux/kvm.h KVM_XEN_VCPU_ATTR_TYPE_*.
const (
	XenVCPUAttrID    = 6
	XenVCPUAttrTimer = 7
)

// runHead is what stands before the union in struct kvm_run.
type runHead struct {
	RequestInterruptWindow, ImmediateExit uint8
	_                                     [6]uint8
	ExitReason                            uint32
	_                                     [20]uint8
}

// runIO, runHypercall, runHyperV and runXen are the parts of the union that end a KVM_RUN here.
type runIO struct {
	Direction, Size uint8
	Port            uint16
	Count           uint32
	DataOffset      uint64
}

type runHypercall struct {
	Nr       uint64
	Args     [6]uint64
	Ret      uint64
	LongMode uint32
}

// runHyperV is struct kvm_hyperv_exit of type KVM_EXIT_HYPERV_HCALL.
type runHyperV struct {
	Type, _       uint32
	Input, Result uint64
	Params        [2]uint64
}

const hypervHcall = 2 // KVM_EXIT_HYPERV_HCALL

// runXen is struct kvm_xen_exit of type KVM_EXIT_XEN_HCALL.
type runXen struct {
	Type, _       uint32
	LongMode, CPL uint32
	Input, Result uint64
	Params        [6]uint64
}

const xenHcall = 1 // KVM_EXIT_XEN_HCALL
