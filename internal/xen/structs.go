package xen

// DomID names a domain (public/xen.h domid_t).
type DomID uint16

// Domain IDs with a meaning of their own (public/xen.h).
const (
	FirstReserved DomID = 0x7ff0 // from here on no ordinary domain
	Self          DomID = 0x7ff0
	IO            DomID = 0x7ff1
	XenItself     DomID = 0x7ff2
	COW           DomID = 0x7ff3
	Invalid       DomID = 0x7ff4
	Idle          DomID = 0x7fff
)

// VirtStart is where Xen's part of a 64-bit PV domain's address space begins, and the machine-to-
// physical table in it (public/arch-x86/xen-x86_64.h).
const VirtStart uint64 = 0xffff800000000000

// CompileInfo is struct xen_compile_info (public/version.h).
type CompileInfo struct {
	Compiler [64]byte
	By       [16]byte
	Domain   [32]byte
	Date     [32]byte
}

// FeatureInfo is struct xen_feature_info (public/version.h).
type FeatureInfo struct {
	Index  uint32
	Submap uint32
}

// MultiEntry is struct multicall_entry (public/xen.h). Args[5] is not passed on.
type MultiEntry struct {
	Op     uint64
	Result int64
	Args   [6]uint64
}

// MachphysList is struct xen_machphys_mfn_list (public/memory.h).
type MachphysList struct {
	MaxExtents uint32
	_          uint32
	Start      uint64
	NrExtents  uint32
	_          uint32
}

// MachphysMapping is struct xen_machphys_mapping (public/memory.h).
type MachphysMapping struct{ VStart, VEnd, MaxMFN uint64 }

// MemoryMap is struct xen_memory_map (public/memory.h). Buffer holds [E820Size] bytes an entry.
type MemoryMap struct {
	NrEntries uint32
	_         uint32
	Buffer    uint64
}

// E820Size is the size of a memory map's entry in bytes: base and length of 8, type of 4.
const E820Size = 20

// PodTarget is struct xen_pod_target (public/memory.h).
type PodTarget struct {
	Target, Total, Cache, Entries uint64
	Dom                           DomID
	_                             [6]byte
}

// VNUMAInfo is struct xen_vnuma_topology_info (public/memory.h).
type VNUMAInfo struct {
	Dom                                 DomID
	_                                   uint16
	NrVnodes, NrVCPUs, NrRanges         uint32
	Distance, VCPUToVnode, MemoryRanges uint64
}

// ReservedMap is struct xen_reserved_device_memory_map (public/memory.h).
type ReservedMap struct {
	Flags     uint32
	NrEntries uint32
	Buffer    uint64
	Device    uint64
}

// ReservedMapAll in Flags asks for all regions.
const ReservedMapAll = 1

// AcquireResource is struct xen_mem_acquire_resource (public/memory.h).
type AcquireResource struct {
	Dom       DomID
	Type      uint16
	ID        uint32
	NrFrames  uint32
	Pad       uint32
	Frame     uint64
	FrameList uint64
}

// ResourceGrantTable is the resource type of a grant table's frames.
const ResourceGrantTable = 1

// SchedPoll is struct sched_poll (public/sched.h). Timeout is absolute, in nanoseconds of system time.
type SchedPoll struct {
	Ports   uint64
	NrPorts uint32
	_       uint32
	Timeout uint64
}

// RunstateInfo is struct vcpu_runstate_info (public/vcpu.h). Times are in nanoseconds.
type RunstateInfo struct {
	State     int32
	_         uint32
	EntryTime uint64
	Time      [4]uint64
}

// HVMParam is struct xen_hvm_param (public/hvm/hvm_op.h).
type HVMParam struct {
	Dom   DomID
	_     uint16
	Index uint32
	Value uint64
}

// IRQStatusQuery is struct physdev_irq_status_query (public/physdev.h).
type IRQStatusQuery struct{ IRQ, Flags uint32 }

// SchedShutdown is struct sched_shutdown (public/sched.h). Reason is one of SHUTDOWN_*, of which Xen keeps
// 8 bits.
type SchedShutdown struct{ Reason uint32 }

// SchedWatchdog is struct sched_watchdog. ID 0 asks for a new one; Timeout is in seconds.
type SchedWatchdog struct{ ID, Timeout uint32 }
