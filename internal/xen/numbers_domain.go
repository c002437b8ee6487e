package xen

// Sub-operations of event_channel_op (public/event_channel.h EVTCHNOP_*).
const (
	EventBindInterdomain uint64 = 0
	EventBindVIRQ        uint64 = 1
	EventBindPIRQ        uint64 = 2
	EventClose           uint64 = 3
	EventSend            uint64 = 4
	EventStatus          uint64 = 5
	EventAllocUnbound    uint64 = 6
	EventBindIPI         uint64 = 7
	EventBindVCPU        uint64 = 8
)

// Sub-operations of grant_table_op (public/grant_table.h GNTTABOP_*).
const (
	GrantMapRef          uint64 = 0
	GrantUnmapRef        uint64 = 1
	GrantCopyOp          uint64 = 5
	GrantQuerySizeOp     uint64 = 6
	GrantGetStatusFrames uint64 = 9
	GrantGetVersionOp    uint64 = 10
	GrantSwapRef         uint64 = 11
)

// Sub-operations of vcpu_op (public/vcpu.h VCPUOP_*).
const (
	VCPUDown        uint64 = 2
	VCPUIsUp        uint64 = 3
	VCPUGetRunstate uint64 = 4
	VCPUGetPhysID   uint64 = 12
)

// Sub-operations of sched_op (public/sched.h SCHEDOP_*). Poll is harmless only with at least one port
// and a timeout.
const (
	SchedYield      uint64 = 0
	SchedBlock      uint64 = 1
	SchedShutdownOp uint64 = 2
	SchedPollOp     uint64 = 3
	SchedWatchdogOp uint64 = 6
)

// NMIUnregister is a sub-operation of nmi_op (public/nmi.h XENNMI_unregister_callback).
const NMIUnregister uint64 = 1

// Sub-operations of hvm_op (public/hvm/hvm_op.h HVMOP_*).
const HVMGetParam uint64 = 1
