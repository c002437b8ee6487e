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
	VCPUOp               uint64 = 24
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

var versionOps = []Op{
	{Number: VersionVersion, Name: "XENVER_version", Bare: true},
	{Number: VersionExtraversion, Name: "XENVER_extraversion"},
	{Number: VersionCompileInfo, Name: "XENVER_compile_info"},
	{Number: VersionCapabilities, Name: "XENVER_capabilities"},
	{Number: VersionChangeset, Name: "XENVER_changeset"},
	{Number: VersionPlatformParameters, Name: "XENVER_platform_parameters"},
	{Number: VersionGetFeatures, Name: "XENVER_get_features"},
	{Number: VersionPagesize, Name: "XENVER_pagesize", Bare: true},
	{Number: VersionGuestHandle, Name: "XENVER_guest_handle"},
	{Number: VersionCommandline, Name: "XENVER_commandline"},
	{Number: VersionBuildID, Name: "XENVER_build_id"},
	{Number: VersionExtraversion2, Name: "XENVER_extraversion2"},
	{Number: VersionCapabilities2, Name: "XENVER_capabilities2"},
	{Number: VersionChangeset2, Name: "XENVER_changeset2"},
	{Number: VersionCommandline2, Name: "XENVER_commandline2"},
}

// Sub-operations of console_io (public/xen.h CONSOLEIO_*).
const (
	ConsoleWrite uint64 = 0
	ConsoleRead  uint64 = 1
)

var consoleOps = []Op{
	{Number: ConsoleWrite, Name: "CONSOLEIO_write"},
	// With nothing to read, the buffer is not looked at.
	{Number: ConsoleRead, Name: "CONSOLEIO_read", Bare: true},
}

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

// With a bad pointer the reservation operations answer that they did none of the extents: 0.
var memoryOps = []Op{
	{Number: 0, Name: "XENMEM_increase_reservation", Danger: Destructive, Bare: true},
	{Number: 1, Name: "XENMEM_decrease_reservation", Danger: Destructive, Bare: true},
	{Number: MemoryMaximumRAMPage, Name: "XENMEM_maximum_ram_page", Bare: true},
	{Number: MemoryCurrentReservation, Name: "XENMEM_current_reservation"},
	{Number: MemoryMaximumReservation, Name: "XENMEM_maximum_reservation"},
	{Number: MemoryMachphysList, Name: "XENMEM_machphys_mfn_list"},
	{Number: 6, Name: "XENMEM_populate_physmap", Danger: Destructive, Bare: true},
	{Number: 7, Name: "XENMEM_add_to_physmap", Danger: Destructive},
	{Number: MemoryMemoryMap, Name: "XENMEM_memory_map"},
	{Number: MemoryMachineMemoryMap, Name: "XENMEM_machine_memory_map"},
	{Number: 11, Name: "XENMEM_exchange", Danger: Destructive},
	{Number: MemoryMachphysMapping, Name: "XENMEM_machphys_mapping"},
	{Number: 13, Name: "XENMEM_set_memory_map", Danger: Destructive},
	{Number: MemoryMaximumGPFN, Name: "XENMEM_maximum_gpfn"},
	{Number: 15, Name: "XENMEM_remove_from_physmap", Danger: Destructive},
	{Number: 16, Name: "XENMEM_set_pod_target", Danger: Destructive},
	{Number: MemoryGetPodTarget, Name: "XENMEM_get_pod_target"},
	{Number: MemorySharingFreed, Name: "XENMEM_get_sharing_freed_pages", Bare: true},
	{Number: MemorySharingShared, Name: "XENMEM_get_sharing_shared_pages", Bare: true},
	{Number: 20, Name: "XENMEM_paging_op", Danger: Destructive},
	{Number: 21, Name: "XENMEM_access_op", Danger: Destructive},
	{Number: 22, Name: "XENMEM_sharing_op", Danger: Destructive},
	{Number: 23, Name: "XENMEM_add_to_physmap_batch", Danger: Destructive},
	{Number: 24, Name: "XENMEM_claim_pages", Danger: Destructive},
	{Number: 25, Name: "XENMEM_machphys_compat_mfn_list"},
	{Number: MemoryGetVNUMAInfo, Name: "XENMEM_get_vnumainfo"},
	{Number: MemoryReservedDeviceMap, Name: "XENMEM_reserved_device_memory_map"},
	{Number: MemoryAcquireResource, Name: "XENMEM_acquire_resource"},
}
