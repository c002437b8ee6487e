package xen

// Hypercall numbers (public/xen.h __HYPERVISOR_*) that are called by name; [Table] has all of them.
const (
	PlatformOp           uint64 = 7
	GetDebugreg          uint64 = 9
	MemoryOp             uint64 = 12
	Multicall            uint64 = 13
	EventChannelOpCompat uint64 = 16
	XenVersion           uint64 = 17
	ConsoleIO            uint64 = 18
	GrantTableOp         uint64 = 20
	VMAssist             uint64 = 21
	VCPUOp               uint64 = 24
	MMUExtOp             uint64 = 26
	XSMOp                uint64 = 27
	NMIOp                uint64 = 28
	SchedOp              uint64 = 29
	CallbackOp           uint64 = 30
	XenoprofOp           uint64 = 31
	EventChannelOp       uint64 = 32
	PhysdevOp            uint64 = 33
	HVMOp                uint64 = 34
	SysctlOp             uint64 = 35
	DomctlOp             uint64 = 36
	KexecOp              uint64 = 37
	TmemOp               uint64 = 38
	ArgoOp               uint64 = 39
	XenPMUOp             uint64 = 40
	DMOp                 uint64 = 41
	HypfsOp              uint64 = 42
	MCA                  uint64 = 48
)

// Sub-operations of xen_version (public/version.h XENVER_*). The last four came with Xen 4.20.
const (
	VersionVersion            uint64 = 0
	VersionExtraversion       uint64 = 1
	VersionCompileInfo        uint64 = 2
	VersionCapabilities       uint64 = 3
	VersionChangeset          uint64 = 4
	VersionPlatformParameters uint64 = 5
	VersionGetFeatures        uint64 = 6
	VersionPagesize           uint64 = 7
	VersionGuestHandle        uint64 = 8
	VersionCommandline        uint64 = 9
	VersionBuildID            uint64 = 10
	VersionExtraversion2      uint64 = 11
	VersionCapabilities2      uint64 = 12
	VersionChangeset2         uint64 = 13
	VersionCommandline2       uint64 = 14
)

// Sub-operations of console_io (public/xen.h CONSOLEIO_*).
const (
	ConsoleWrite uint64 = 0
	ConsoleRead  uint64 = 1
)

// Sub-operations of memory_op (public/memory.h XENMEM_*). The upper bits of the argument, from bit 6
// on, are where a preempted call goes on.
const (
	MemoryMaximumRAMPage     uint64 = 2
	MemoryCurrentReservation uint64 = 3
	MemoryMaximumReservation uint64 = 4
	MemoryMachphysList       uint64 = 5
	MemoryMemoryMap          uint64 = 9
	MemoryMachineMemoryMap   uint64 = 10
	MemoryMachphysMapping    uint64 = 12
	MemoryMaximumGPFN        uint64 = 14
	MemoryGetPodTarget       uint64 = 17
	MemorySharingFreed       uint64 = 18
	MemorySharingShared      uint64 = 19
	MemoryGetVNUMAInfo       uint64 = 26
	MemoryReservedDeviceMap  uint64 = 27
	MemoryAcquireResource    uint64 = 28
)
