package xen

// Commands of sysctl (public/sysctl.h XEN_SYSCTL_*).
const (
	SysctlReadConsole    uint32 = 1
	SysctlPhysInfo       uint32 = 3
	SysctlSchedID        uint32 = 4
	SysctlPerfcOp        uint32 = 5
	SysctlDomainInfoList uint32 = 6
	SysctlGetCPUInfo     uint32 = 8
	SysctlAvailHeap      uint32 = 9
	SysctlCPUTopoInfo    uint32 = 16
	SysctlNUMAInfo       uint32 = 17
	SysctlCPUPoolOp      uint32 = 18
	SysctlSchedulerOp    uint32 = 19
	SysctlCoverageOp     uint32 = 20
	SysctlCPUFeatureset  uint32 = 26
	SysctlCPUPolicy      uint32 = 29
)

// Commands of platform_op (public/platform.h XENPF_*).
const (
	PlatformGetCPUVersion uint32 = 48
	PlatformGetIdleTime   uint32 = 53
	PlatformGetCPUInfo    uint32 = 55
)

// Sub-operations of physdev_op (public/physdev.h PHYSDEVOP_*).
const PhysdevIRQStatusQuery uint64 = 5

// Sub-operations of hypfs_op (public/hypfs.h XEN_HYPFS_OP_*).
const HypfsGetVersion uint64 = 0

// Sub-operations of xenoprof_op (public/xenoprof.h XENOPROF_*).
const (
	XenoprofInit      uint64 = 0
	XenoprofShutdown  uint64 = 13
	XenoprofGetBuffer uint64 = 14
)
