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

// Number 14 is Xen's own continuation of a reset and acts like one.
var eventOps = []Op{
	{Number: EventBindInterdomain, Name: "EVTCHNOP_bind_interdomain", Danger: Allocates},
	{Number: EventBindVIRQ, Name: "EVTCHNOP_bind_virq", Danger: Allocates},
	{Number: EventBindPIRQ, Name: "EVTCHNOP_bind_pirq", Danger: Allocates},
	{Number: EventClose, Name: "EVTCHNOP_close", Danger: Destructive},
	{Number: EventSend, Name: "EVTCHNOP_send"},
	{Number: EventStatus, Name: "EVTCHNOP_status"},
	{Number: EventAllocUnbound, Name: "EVTCHNOP_alloc_unbound", Danger: Allocates},
	{Number: EventBindIPI, Name: "EVTCHNOP_bind_ipi", Danger: Allocates},
	{Number: EventBindVCPU, Name: "EVTCHNOP_bind_vcpu", Danger: Allocates},
	{Number: 9, Name: "EVTCHNOP_unmask", Danger: Destructive},
	{Number: 10, Name: "EVTCHNOP_reset", Danger: Destructive},
	{Number: 11, Name: "EVTCHNOP_init_control", Danger: Destructive},
	{Number: 12, Name: "EVTCHNOP_expand_array", Danger: Destructive},
	{Number: 13, Name: "EVTCHNOP_set_priority", Danger: Destructive},
	{Number: 14, Name: "EVTCHNOP_reset_cont", Danger: Destructive},
}

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

var grantOps = []Op{
	{Number: GrantMapRef, Name: "GNTTABOP_map_grant_ref", Danger: Allocates},
	{Number: GrantUnmapRef, Name: "GNTTABOP_unmap_grant_ref", Danger: Allocates},
	{Number: 2, Name: "GNTTABOP_setup_table", Danger: Destructive},
	{Number: 3, Name: "GNTTABOP_dump_table", Danger: Allocates},
	{Number: 4, Name: "GNTTABOP_transfer", Danger: Allocates},
	{Number: GrantCopyOp, Name: "GNTTABOP_copy", Danger: Allocates},
	{Number: GrantQuerySizeOp, Name: "GNTTABOP_query_size"},
	{Number: 7, Name: "GNTTABOP_unmap_and_replace", Danger: Destructive},
	{Number: 8, Name: "GNTTABOP_set_version", Danger: Destructive},
	{Number: GrantGetStatusFrames, Name: "GNTTABOP_get_status_frames"},
	{Number: GrantGetVersionOp, Name: "GNTTABOP_get_version"},
	{Number: GrantSwapRef, Name: "GNTTABOP_swap_grant_ref", Danger: Allocates},
	{Number: 12, Name: "GNTTABOP_cache_flush", Danger: Allocates},
}

// Sub-operations of vcpu_op (public/vcpu.h VCPUOP_*).
const (
	VCPUIsUp        uint64 = 3
	VCPUGetRunstate uint64 = 4
	VCPUGetPhysID   uint64 = 12
)

var vcpuOps = []Op{
	{Number: 0, Name: "VCPUOP_initialise", Danger: Destructive},
	{Number: 1, Name: "VCPUOP_up", Danger: Destructive, Bare: true},
	{Number: 2, Name: "VCPUOP_down", Danger: Destructive, Bare: true},
	{Number: VCPUIsUp, Name: "VCPUOP_is_up", Bare: true},
	{Number: VCPUGetRunstate, Name: "VCPUOP_get_runstate_info"},
	{Number: 5, Name: "VCPUOP_register_runstate_memory_area", Danger: Destructive},
	{Number: 6, Name: "VCPUOP_set_periodic_timer", Danger: Destructive},
	{Number: 7, Name: "VCPUOP_stop_periodic_timer", Danger: Destructive, Bare: true},
	{Number: 8, Name: "VCPUOP_set_singleshot_timer", Danger: Destructive},
	{Number: 9, Name: "VCPUOP_stop_singleshot_timer", Danger: Destructive, Bare: true},
	{Number: 10, Name: "VCPUOP_register_vcpu_info", Danger: Destructive},
	{Number: 11, Name: "VCPUOP_send_nmi", Danger: Destructive, Bare: true},
	{Number: VCPUGetPhysID, Name: "VCPUOP_get_physid"},
	{Number: 13, Name: "VCPUOP_register_vcpu_time_memory_area", Danger: Destructive},
	{Number: 14, Name: "VCPUOP_register_runstate_phys_area", Danger: Destructive},
	{Number: 15, Name: "VCPUOP_register_vcpu_time_phys_area", Danger: Destructive},
}

// Sub-operations of sched_op (public/sched.h SCHEDOP_*). Poll is harmless only with at least one port
// and a timeout.
const (
	SchedYield  uint64 = 0
	SchedPollOp uint64 = 3
)

var schedOps = []Op{
	{Number: SchedYield, Name: "SCHEDOP_yield", Bare: true},
	{Number: 1, Name: "SCHEDOP_block", Danger: Destructive, Bare: true},
	{Number: 2, Name: "SCHEDOP_shutdown", Danger: Destructive},
	{Number: SchedPollOp, Name: "SCHEDOP_poll"},
	{Number: 4, Name: "SCHEDOP_remote_shutdown", Danger: Destructive},
	{Number: 5, Name: "SCHEDOP_shutdown_code", Danger: Destructive},
	{Number: 6, Name: "SCHEDOP_watchdog", Danger: Destructive},
	{Number: 7, Name: "SCHEDOP_pin_override", Danger: Destructive},
}

// Sub-operations of hvm_op (public/hvm/hvm_op.h HVMOP_*).
const HVMGetParam uint64 = 1

var hvmOps = []Op{
	{Number: 0, Name: "HVMOP_set_param", Danger: Destructive},
	{Number: HVMGetParam, Name: "HVMOP_get_param"},
	{Number: 5, Name: "HVMOP_flush_tlbs", Danger: Destructive, Bare: true},
	{Number: 9, Name: "HVMOP_pagetable_dying", Danger: Destructive},
	{Number: 10, Name: "HVMOP_get_time"},
	{Number: 11, Name: "HVMOP_xentrace", Danger: Destructive},
	{Number: 15, Name: "HVMOP_get_mem_type"},
	{Number: 23, Name: "HVMOP_set_evtchn_upcall_vector", Danger: Destructive},
	{Number: 24, Name: "HVMOP_guest_request_vm_event", Danger: Destructive, Bare: true},
	{Number: 25, Name: "HVMOP_altp2m", Danger: Destructive},
}

var nmiOps = []Op{
	{Number: 0, Name: "XENNMI_register_callback", Danger: Destructive},
	{Number: 1, Name: "XENNMI_unregister_callback", Danger: Destructive, Bare: true},
}

var callbackOps = []Op{
	{Number: 0, Name: "CALLBACKOP_register", Danger: Destructive},
	{Number: 1, Name: "CALLBACKOP_unregister", Danger: Destructive},
}

var argoOps = []Op{
	{Number: 1, Name: "XEN_ARGO_OP_register_ring", Danger: Allocates},
	{Number: 2, Name: "XEN_ARGO_OP_unregister_ring", Danger: Allocates},
	{Number: 3, Name: "XEN_ARGO_OP_sendv", Danger: Allocates},
	{Number: 4, Name: "XEN_ARGO_OP_notify", Danger: Allocates},
}
