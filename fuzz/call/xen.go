package call

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
)

// shapes are the structures of operations, by their names in the headers; several names have one type.
var shapes = sync.OnceValue(func() map[string]any {
	m := map[string]any{}
	add := func(value any, names ...string) {
		for _, n := range names {
			m[n] = value
		}
	}
	add(xen.MemoryReservation{}, "XENMEM_increase_reservation", "XENMEM_decrease_reservation", "XENMEM_populate_physmap", "XENMEM_claim_pages")
	add(xen.MemoryExchange{}, "XENMEM_exchange")
	add(xen.MemoryDomain{}, "XENMEM_current_reservation", "XENMEM_maximum_reservation", "XENMEM_maximum_gpfn")
	add(xen.MachphysList{}, "XENMEM_machphys_mfn_list", "XENMEM_machphys_compat_mfn_list")
	add(xen.MachphysMapping{}, "XENMEM_machphys_mapping")
	add(xen.AddToPhysmap{}, "XENMEM_add_to_physmap")
	add(xen.AddToPhysmapBatch{}, "XENMEM_add_to_physmap_batch")
	add(xen.RemoveFromPhysmap{}, "XENMEM_remove_from_physmap")
	add(xen.MemoryAccess{}, "XENMEM_access_op", "XENMEM_paging_op", "XENMEM_sharing_op")
	add(xen.MemoryMap{}, "XENMEM_memory_map", "XENMEM_machine_memory_map")
	add(xen.PodTarget{}, "XENMEM_get_pod_target", "XENMEM_set_pod_target")
	add(xen.VNUMAInfo{}, "XENMEM_get_vnumainfo")
	add(xen.ReservedMap{}, "XENMEM_reserved_device_memory_map")
	add(xen.AcquireResource{}, "XENMEM_acquire_resource")
	add(xen.EvtchnAllocUnbound{}, "EVTCHNOP_alloc_unbound")
	add(xen.EvtchnBindInterdomain{}, "EVTCHNOP_bind_interdomain")
	add(xen.EvtchnBindVIRQ{}, "EVTCHNOP_bind_virq")
	add(xen.EvtchnBindPIRQ{}, "EVTCHNOP_bind_pirq")
	add(xen.EvtchnBindIPI{}, "EVTCHNOP_bind_ipi")
	add(xen.EvtchnBindVCPU{}, "EVTCHNOP_bind_vcpu")
	add(xen.EvtchnPort{}, "EVTCHNOP_close", "EVTCHNOP_send", "EVTCHNOP_unmask")
	add(xen.EvtchnStatus{}, "EVTCHNOP_status")
	add(xen.EvtchnReset{}, "EVTCHNOP_reset", "EVTCHNOP_reset_cont")
	add(xen.EvtchnInitControl{}, "EVTCHNOP_init_control")
	add(xen.EvtchnExpand{}, "EVTCHNOP_expand_array")
	add(xen.EvtchnPriority{}, "EVTCHNOP_set_priority")
	add(xen.GrantMap{}, "GNTTABOP_map_grant_ref")
	add(xen.GrantUnmap{}, "GNTTABOP_unmap_grant_ref")
	add(xen.GrantSetup{}, "GNTTABOP_setup_table")
	add(xen.GrantDump{}, "GNTTABOP_dump_table")
	add(xen.GrantTransfer{}, "GNTTABOP_transfer")
	add(xen.GrantCopy{}, "GNTTABOP_copy")
	add(xen.GrantQuerySize{}, "GNTTABOP_query_size")
	add(xen.GrantReplace{}, "GNTTABOP_unmap_and_replace")
	add(xen.GrantSetVersion{}, "GNTTABOP_set_version")
	add(xen.GrantStatusFrames{}, "GNTTABOP_get_status_frames")
	add(xen.GrantGetVersion{}, "GNTTABOP_get_version")
	add(xen.GrantSwap{}, "GNTTABOP_swap_grant_ref")
	add(xen.GrantCacheFlush{}, "GNTTABOP_cache_flush")
	add(xen.RunstateInfo{}, "VCPUOP_get_runstate_info")
	add(xen.VCPUArea{}, "VCPUOP_register_runstate_memory_area", "VCPUOP_register_vcpu_time_memory_area", "VCPUOP_register_runstate_phys_area", "VCPUOP_register_vcpu_time_phys_area")
	add(xen.VCPUTimer{}, "VCPUOP_set_periodic_timer", "VCPUOP_set_singleshot_timer")
	add(xen.VCPUInfoArea{}, "VCPUOP_register_vcpu_info")
	add(xen.SchedPoll{}, "SCHEDOP_poll")
	add(xen.SchedShutdown{}, "SCHEDOP_shutdown", "SCHEDOP_shutdown_code")
	add(xen.RemoteShutdown{}, "SCHEDOP_remote_shutdown")
	add(xen.SchedWatchdog{}, "SCHEDOP_watchdog")
	add(xen.PinOverride{}, "SCHEDOP_pin_override")
	add(xen.HVMParam{}, "HVMOP_get_param", "HVMOP_set_param")
	add(xen.HVMMemType{}, "HVMOP_get_mem_type", "HVMOP_pagetable_dying")
	add(xen.HVMUpcallVector{}, "HVMOP_set_evtchn_upcall_vector")
	add(xen.IRQStatusQuery{}, "PHYSDEVOP_irq_status_query")
	add(xen.PhysdevIRQ{}, "PHYSDEVOP_eoi", "PHYSDEVOP_alloc_irq_vector", "PHYSDEVOP_free_irq_vector", "PHYSDEVOP_set_iopl")
	add(xen.PhysdevAPIC{}, "PHYSDEVOP_apic_read", "PHYSDEVOP_apic_write")
	add(xen.PhysdevMapPIRQ{}, "PHYSDEVOP_map_pirq")
	add(xen.PhysdevUnmapPIRQ{}, "PHYSDEVOP_unmap_pirq")
	add(xen.PhysdevFreePIRQ{}, "PHYSDEVOP_get_free_pirq")
	add(xen.PhysdevGSI{}, "PHYSDEVOP_setup_gsi")
	add(xen.PhysdevMMCFG{}, "PHYSDEVOP_pci_mmcfg_reserved")
	add(xen.PhysdevPCI{}, "PHYSDEVOP_pci_device_add", "PHYSDEVOP_pci_device_remove", "PHYSDEVOP_prepare_msix", "PHYSDEVOP_release_msix", "PHYSDEVOP_manage_pci_add")
	add(xen.FeatureInfo{}, "XENVER_get_features")
	add(xen.ReadConsole{}, "XEN_SYSCTL_readconsole")
	add(xen.PhysInfo{}, "XEN_SYSCTL_physinfo")
	add(xen.SchedID{}, "XEN_SYSCTL_sched_id")
	add(xen.CountedOp{}, "XEN_SYSCTL_perfc_op", "XEN_SYSCTL_coverage_op", "XEN_SYSCTL_lockprof_op")
	add(xen.DomainInfoList{}, "XEN_SYSCTL_getdomaininfolist")
	add(xen.CPUInfo{}, "XEN_SYSCTL_getcpuinfo")
	add(xen.AvailHeap{}, "XEN_SYSCTL_availheap")
	add(xen.TopoInfo{}, "XEN_SYSCTL_cputopoinfo", "XEN_SYSCTL_numainfo", "XEN_SYSCTL_pcitopoinfo")
	add(xen.CPUPool{}, "XEN_SYSCTL_cpupool_op")
	add(xen.SchedulerOp{}, "XEN_SYSCTL_scheduler_op")
	add(xen.FeatureSet{}, "XEN_SYSCTL_get_cpu_featureset")
	add(xen.CPUPolicy{}, "XEN_SYSCTL_get_cpu_policy", "XEN_DOMCTL_get_cpu_policy")
	add(xen.DomainInfo{}, "XEN_DOMCTL_getdomaininfo")
	add(xen.VCPUInfo{}, "XEN_DOMCTL_getvcpuinfo", "XEN_DOMCTL_getvcpucontext", "XEN_DOMCTL_get_ext_vcpucontext", "XEN_DOMCTL_getvcpuextstate", "XEN_DOMCTL_get_vcpu_msrs")
	add(xen.VCPUAffinity{}, "XEN_DOMCTL_getvcpuaffinity", "XEN_DOMCTL_setvcpuaffinity")
	add(xen.Bitmap{}, "XEN_DOMCTL_getnodeaffinity", "XEN_DOMCTL_setnodeaffinity")
	add(xen.AddressSize{}, "XEN_DOMCTL_get_address_size", "XEN_DOMCTL_set_address_size")
	add(xen.PCPUInfo{}, "XENPF_get_cpuinfo")
	add(xen.PCPUVersion{}, "XENPF_get_cpu_version")
	add(xen.IdleTime{}, "XENPF_getidletime")
	return m
})

// makers are fields in which calls leave live resources.
var makers = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"EVTCHNOP_alloc_unbound": "port", "EVTCHNOP_bind_interdomain": "localport", "EVTCHNOP_bind_virq": "port",
		"EVTCHNOP_bind_pirq": "port", "EVTCHNOP_bind_ipi": "port", "GNTTABOP_map_grant_ref": "handle", "PHYSDEVOP_get_free_pirq": "pirq",
	}
})

// ends are what ends the caller or the machine by design: calls, and operations of calls.
var ends = []string{
	"set_trap_table", "set_gdt", "stack_switch", "set_callbacks", "sched_op_compat", "iret", "set_segment_base", "set_debugreg",
	"mmu_update", "update_descriptor", "update_va_mapping", "update_va_mapping_otherdomain", "set_timer_op", "mca",
	"paging_domctl_cont", "physdev_op_compat", "event_channel_op_compat", "vm_assist",
	"kexec_op/kexec", "kexec_op/kexec_load", "kexec_op/kexec_unload",
	"sched_op/shutdown", "sched_op/shutdown_code", "sched_op/watchdog", "sched_op/pin_override", "sched_op/remote_shutdown",
	"vcpu_op/down", "vcpu_op/set_periodic_timer", "vcpu_op/stop_periodic_timer", "vcpu_op/set_singleshot_timer", "vcpu_op/stop_singleshot_timer",
	"vcpu_op/initialise", "vcpu_op/register_vcpu_info", "vcpu_op/register_runstate_memory_area", "vcpu_op/register_vcpu_time_memory_area", "vcpu_op/send_nmi",
	"event_channel_op/reset", "event_channel_op/reset_cont", "event_channel_op/init_control", "event_channel_op/expand_array",
	"memory_op/decrease_reservation", "memory_op/exchange", "memory_op/remove_from_physmap", "memory_op/add_to_physmap", "memory_op/add_to_physmap_batch",
	"mmuext_op", "callback_op", "nmi_op/register_callback", "nmi_op/unregister_callback", "grant_table_op/set_version", "grant_table_op/setup_table",
	"sysctl/debug_keys", "sysctl/cpu_hotplug", "sysctl/page_offline_op", "sysctl/livepatch_op", "sysctl/pm_op",
	"platform_op/enter_acpi_sleep", "platform_op/microcode_update", "platform_op/microcode_update2", "platform_op/cpu_offline", "platform_op/cpu_hotadd",
	"platform_op/mem_hotadd", "platform_op/settime32", "platform_op/settime64", "platform_op/add_memtype", "platform_op/del_memtype",
	"platform_op/cpu_online", "platform_op/core_parking", "platform_op/set_processor_pminfo", "platform_op/resource_op", "platform_op/change_freq",
	"domctl/pausedomain", "domctl/destroydomain", "domctl/max_mem", "domctl/setvcpucontext", "domctl/setvcpuaffinity", "domctl/setnodeaffinity",
	"physdev_op/set_iopl", "physdev_op/set_iobitmap", "physdev_op/apic_write", "physdev_op/unmap_pirq", "physdev_op/manage_pci_remove",
	"physdev_op/pci_device_remove", "physdev_op/pirq_eoi_gmfn_v1", "physdev_op/pirq_eoi_gmfn_v2",
	// What they print is the console on which crashes are looked for, or stops it.
	"console_io", "sched_op/poll", "sched_op/block", "fpu_taskswitch", "multicall",
}

// valued are operations whose result is more than 0 or an error.
var valued = []string{
	"memory_op/increase_reservation", "memory_op/decrease_reservation", "memory_op/populate_physmap", "memory_op/maximum_ram_page",
	"memory_op/current_reservation", "memory_op/maximum_reservation", "memory_op/maximum_gpfn", "memory_op/get_sharing_freed_pages",
	"memory_op/get_sharing_shared_pages", "memory_op/sharing_op", "memory_op/acquire_resource", "memory_op/claim_pages", "xen_version", "console_io", "vcpu_op/is_up",
	"get_debugreg", "hypfs_op", "argo_op", "xsm_op", "grant_table_op", "platform_op/get_dom0_console", "dm_op", "xenpmu_op", "sched_op/watchdog", "domctl", "hvm_op", "mmu_update", "mmuext_op", "kexec_op",
}

// own are operations that would take from the caller what it lives on: they are given what the fuzzer
// itself made, or what nobody has.
var own = []string{"event_channel_op/close", "event_channel_op/unmask", "event_channel_op/set_priority", "event_channel_op/bind_vcpu", "event_channel_op/send"}

// privileged calls fail in a domain that controls no other.
var privileged = []string{"sysctl", "platform_op", "kexec_op"}

// Xen is the calls of Xen.
var Xen = sync.OnceValue(func() *Space {
	s := &Space{Name: "xen", Version: 1, Errno: xenErrno, Batch: true}
	for _, h := range xen.Table() {
		if len(h.Ops) == 0 || h.Number == xen.Multicall {
			s.Ops = append(s.Ops, xenOp(h, nil))
			continue
		}
		for _, o := range h.Ops {
			s.Ops = append(s.Ops, xenOp(h, &o))
		}
	}
	return s
})

func xenOp(h xen.Hypercall, o *xen.Op) Op {
	op := Op{Name: h.Name, Number: h.Number, Grade: Grade(h.Danger)}
	var shape any
	title := h.Name
	if o != nil {
		op.Name += "/" + strings.TrimPrefix(o.Name, xen.Prefix(h))
		op.Grade = Grade(o.Danger)
		title = o.Name
	}
	shape = shapes()[title]
	in := func(list []string) bool { return slices.Contains(list, op.Name) || slices.Contains(list, h.Name) }
	if in(ends) {
		op.Grade = Ends
	}
	op.Values, op.Privileged = in(valued), in(privileged)
	if in(own) {
		op.Own, op.Grade = true, Allocates
	}
	n := xen.MaxArgs
	op.Args = make([]Arg, n)
	layout := generic(16)
	if shape != nil {
		layout = layoutOf(shape)
	}
	for i, f := range layout.Fields {
		if f.Name == makers()[title] {
			layout.Fields[i].Makes = true
		}
	}
	if o != nil && h.SubOp == xen.None {
		layout = control(h, o, layout)
	}
	for i := range op.Args {
		switch {
		case o != nil && i == h.SubOp:
			op.Args[i] = Arg{Kind: Const, Const: o.Number}
		case i == h.Pointer:
			op.Args[i] = Arg{Kind: Struct, Struct: layout}
		case i == h.Count:
			op.Args[i] = Arg{Kind: Count}
		case h.Number == xen.VCPUOp && i == 1:
			op.Args[i] = Arg{Kind: VCPU}
		case h.Number == xen.DMOp && i == 0:
			op.Args[i] = Arg{Kind: Domain}
		case h.Number == xen.HypfsOp && i == 2, h.Number == xen.ArgoOp && i < 3:
			op.Args[i] = Arg{Kind: Buffer}
		case h.Number == xen.HypfsOp && i == 3 || h.Number == xen.HypfsOp && i == 1 && h.Pointer != 1:
			op.Args[i] = Arg{Kind: Count}
		}
	}
	return op
}

// generic is a structure of which nothing is known but that it is made of words.
func generic(words int) *Layout {
	l := &Layout{Size: 4 * words}
	for i := range words {
		l.Fields = append(l.Fields, Field{Name: fmt.Sprint("w", i), Offset: 4 * i, Size: 4})
	}
	return l
}

// control puts the head of sysctl, domctl, platform_op and their like in front.
func control(h xen.Hypercall, o *xen.Op, inner *Layout) *Layout {
	l := &Layout{Fields: []Field{{Name: "cmd", Size: 4, Kind: Const, Const: o.Number}}}
	head := 8
	switch h.Number {
	case xen.SysctlOp, xen.DomctlOp:
		l.Fields = append(l.Fields, Field{Name: "version", Offset: 4, Size: 4, Kind: Version, Const: h.Number})
	case xen.PlatformOp:
		l.Fields = append(l.Fields, Field{Name: "version", Offset: 4, Size: 4, Kind: Const, Const: xen.PlatformVersion})
	default:
		head = 4
	}
	if h.Number == xen.DomctlOp {
		l.Fields = append(l.Fields, Field{Name: "dom", Offset: 8, Size: 2, Kind: Domain})
		head = 16
	}
	for _, f := range inner.Fields {
		f.Offset += head
		l.Fields = append(l.Fields, f)
	}
	l.Size = max(head+inner.Size, head+xen.ControlPad)
	return l
}

// xenErrors are the numbers of public/errno.h.
var xenErrors = []int64{
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 28, 30, 31, 33, 34, 35, 36, 37, 38, 39,
	61, 62, 74, 75, 84, 85, 88, 90, 95, 98, 99, 105, 106, 107, 110, 111,
}

// ErrorsTop is the highest number that a negative result can stand for (xen/include/xen/err.h).
const ErrorsTop = 4095

func xenErrno(result int64) (string, bool) {
	switch {
	case result >= 0:
		return "", true
	case result < -ErrorsTop: // a value: get_debugreg
		return "", result >= -(1<<32) && result < -ErrorsTop
	}
	return unix.ErrnoName(unix.Errno(-result)), slices.Contains(xenErrors, -result)
}
