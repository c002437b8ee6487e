package xen

// Sysctl is struct xen_sysctl (public/sysctl.h), and struct xen_platform_op, which has the same shape: a
// command, the version of the interface that the caller was built for, then the command's own
// structure T. Make it with [NewSysctl], which adds the padding that Xen copies too.
type Sysctl[T any] struct {
	Cmd     uint32
	Version uint32
	U       T
}

// Domctl is struct xen_domctl (public/domctl.h): a [Sysctl] with the domain it is about.
type Domctl[T any] struct {
	Cmd     uint32
	Version uint32
	Dom     DomID
	_       [3]uint16
	U       T
}

// ControlPad is the size in bytes of the union in struct xen_sysctl, xen_domctl and xen_platform_op:
// Xen copies all of it in and out, whatever the command.
const ControlPad = 128

// PlatformVersion is the interface version of platform_op (public/platform.h); it never changed.
const PlatformVersion = 0x03000001

// Bitmap is struct xenctl_bitmap (public/xen.h).
type Bitmap struct {
	Bits uint64
	Nr   uint32
	_    uint32
}

// Empty is the structure of commands that are refused before one is read.
type Empty struct{}

// ReadConsole is struct xen_sysctl_readconsole (public/sysctl.h). Sizes are in bytes.
type ReadConsole struct {
	Clear, Incremental uint8
	_                  [2]uint8
	Index              uint32
	Buffer             uint64
	Count              uint32
}

// PhysInfo is the start of struct xen_sysctl_physinfo that all versions share.
type PhysInfo struct {
	ThreadsPerCore, CoresPerSocket    uint32
	NrCPUs, MaxCPUID                  uint32
	NrNodes, MaxNodeID                uint32
	CPUKHz, Capabilities              uint32
	ArchCapabilities, _               uint32
	TotalPages, FreePages, ScrubPages uint64
	OutstandingPages, MaxMFN          uint64
}

// SchedID is struct xen_sysctl_sched_id.
type SchedID struct{ ID uint32 }

// DomainInfoList is struct xen_sysctl_getdomaininfolist.
type DomainInfoList struct {
	First      DomID
	_          uint16
	MaxDomains uint32
	Buffer     uint64
	NumDomains uint32
}

// CPUInfo is struct xen_sysctl_getcpuinfo. Info takes 8 bytes a CPU: idle time in nanoseconds.
type CPUInfo struct {
	MaxCPUs, _ uint32
	Info       uint64
	NrCPUs     uint32
}

// AvailHeap is struct xen_sysctl_availheap. Node -1 stands for all.
type AvailHeap struct {
	MinWidth, MaxWidth uint32
	Node               int32
	_                  uint32
	Bytes              uint64
}

// TopoInfo is struct xen_sysctl_cputopoinfo, and the start of xen_sysctl_numainfo: with a null handle
// Num is set to how many there are.
type TopoInfo struct {
	Num, _   uint32
	Info     uint64
	Distance uint64
}

// CPUPool is struct xen_sysctl_cpupool_op.
type CPUPool struct {
	Op, Pool, Sched, Dom, CPU, NrDomains uint32
	Map                                  Bitmap
}

// CPUPoolInfo is the only operation of [CPUPool] that changes nothing.
const CPUPoolInfo = 3

// SchedulerOp is the head of struct xen_sysctl_scheduler_op.
type SchedulerOp struct {
	Pool, Sched, Cmd uint32
	_                uint32
	Params           [2]uint64
}

// SchedulerGetInfo is the command of [SchedulerOp] that changes nothing.
const SchedulerGetInfo = 1

// FeatureSet is struct xen_sysctl_cpu_featureset.
type FeatureSet struct {
	Index, NrFeatures uint32
	Features          uint64
}

// CPUPolicy is struct xen_sysctl_cpu_policy, and xen_domctl_cpu_policy but for its first word.
type CPUPolicy struct {
	Index, NrLeaves, NrMSRs, _ uint32
	Leaves, MSRs               uint64
}

// CountedOp is the head that perfc_op and coverage_op share: a command and, on return, a count.
type CountedOp struct {
	Cmd, Count uint32
	Rest       [3]uint64
}

// DomainInfo is the start of struct xen_domctl_getdomaininfo (public/domctl.h) that all versions share.
// Memory is in pages, time in nanoseconds.
type DomainInfo struct {
	Dom                                  DomID
	_                                    uint16
	Flags                                uint32
	TotPages, MaxPages, OutstandingPages uint64
	SharedPages, PagedPages              uint64
	SharedInfoFrame, CPUTime             uint64
	OnlineVCPUs, MaxVCPUID               uint32
	SSIDRef                              uint32
	Handle                               [16]byte
}

// Flags of [DomainInfo].
const (
	DomainDying    = 1 << 0
	DomainHVM      = 1 << 1
	DomainShutdown = 1 << 2
	DomainRunning  = 1 << 5
)

// DomainShutdownReason is the first of the 8 bits in Flags that hold the reason of a [DomainShutdown].
const DomainShutdownReason = 16

// PhysCapHVM in Capabilities of [PhysInfo]: the processor virtualises, so that HVM and PVH domains run.
const PhysCapHVM = 1 << 0

// VCPUInfo is struct xen_domctl_getvcpuinfo.
type VCPUInfo struct {
	VCPU                     uint32
	Online, Blocked, Running uint8
	_                        uint8
	CPUTime                  uint64
	CPU                      uint32
}

// VCPUAffinity is struct xen_domctl_vcpuaffinity.
type VCPUAffinity struct {
	VCPU, Flags uint32
	Hard, Soft  Bitmap
}

// AffinityHard in Flags asks for the hard affinity.
const AffinityHard = 1

// AddressSize is struct xen_domctl_address_size, in bits.
type AddressSize struct{ Size uint32 }

// PCPUInfo is struct xenpf_pcpuinfo (public/platform.h).
type PCPUInfo struct{ CPU, MaxPresent, Flags, APICID, ACPIID uint32 }

// PCPUOnline in Flags of [PCPUInfo].
const PCPUOnline = 1

// PCPUVersion is struct xenpf_pcpu_version.
type PCPUVersion struct {
	CPU, MaxPresent         uint32
	Vendor                  [12]byte
	Family, Model, Stepping uint32
}

// IdleTime is struct xenpf_getidletime. Bits is IN/OUT: the CPUs asked for, then those present.
type IdleTime struct {
	Bits   uint64
	NrCPUs uint32
	_      uint32
	Times  uint64
	Now    uint64
}

// XenoprofInitInfo is struct xenoprof_init (public/xenoprof.h).
type XenoprofInitInfo struct {
	Events  int32
	Primary int32 // 0 or 1
	CPUType [64]byte
}

// NewSysctl gives a zeroed sysctl or platform_op of the full size, its command and version set.
func NewSysctl[T any](a *Arena, cmd, version uint32) *Sysctl[T] {
	s := At[Sysctl[T]](a.Buffer(8 + ControlPad))
	s.Cmd, s.Version = cmd, version
	return s
}

// NewDomctl gives a zeroed domctl of the full size, its command, version and domain set.
func NewDomctl[T any](a *Arena, cmd, version uint32, dom DomID) *Domctl[T] {
	d := At[Domctl[T]](a.Buffer(16 + ControlPad))
	d.Cmd, d.Version, d.Dom = cmd, version, dom
	return d
}
