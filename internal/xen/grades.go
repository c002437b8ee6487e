package xen

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// grades are how dangerous a hypercall's sub-operations are with valid arguments, by their names behind
// the prefix. What is not listed is Destructive: headers grow faster than this list.
type grades struct {
	prefix, harmless, allocates string
	// bare operations act although their pointer is bad: they take none, or ignore it.
	bare string
}

// graded are the grades by hypercall. Some need a word:
//   - console_io read: with nothing to read, the buffer is not looked at.
//   - memory_op: with a bad pointer the reservation operations answer that they did none of the extents.
//   - sched_op poll is harmless only with at least one port and a timeout, block only in a kernel whose
//     timer ticks, which it does while a process runs.
//   - nmi_op unregister_callback takes away NMIs that nobody sends to a domain.
//   - event_channel_op reset_cont is Xen's own continuation of a reset and acts like one.
var graded = sync.OnceValue(func() map[string]grades {
	return map[string]grades{
		"platform_op": {
			prefix: "XENPF_",
			harmless: "read_memtype get_cpu_version firmware_info getidletime get_cpuinfo get_symbol " +
				"get_dom0_console get_ucode_revision",
		},
		"memory_op": {
			prefix: "XENMEM_",
			harmless: "maximum_ram_page current_reservation maximum_reservation machphys_mfn_list memory_map " +
				"machine_memory_map machphys_mapping maximum_gpfn get_pod_target get_sharing_freed_pages " +
				"get_sharing_shared_pages machphys_compat_mfn_list get_vnumainfo reserved_device_memory_map " +
				"acquire_resource",
			bare: "increase_reservation decrease_reservation maximum_ram_page populate_physmap " +
				"get_sharing_freed_pages get_sharing_shared_pages",
		},
		"xen_version": {
			prefix: "XENVER_",
			harmless: "version extraversion compile_info capabilities changeset platform_parameters get_features " +
				"pagesize guest_handle commandline build_id extraversion2 capabilities2 changeset2 " +
				"commandline2",
			bare: "version pagesize",
		},
		"console_io": {
			prefix:   "CONSOLEIO_",
			harmless: "write read",
			bare:     "read",
		},
		"grant_table_op": {
			prefix:    "GNTTABOP_",
			harmless:  "query_size get_status_frames get_version",
			allocates: "map_grant_ref unmap_grant_ref dump_table transfer copy swap_grant_ref cache_flush",
		},
		"vm_assist": {
			prefix: "VMASST_CMD_",
			bare:   "enable disable",
		},
		"vcpu_op": {
			prefix:   "VCPUOP_",
			harmless: "is_up get_runstate_info get_physid",
			bare:     "up down is_up stop_periodic_timer stop_singleshot_timer send_nmi",
		},
		"mmuext_op": {
			prefix:   "MMUEXT_",
			harmless: "TLB_FLUSH_LOCAL INVLPG_LOCAL TLB_FLUSH_MULTI INVLPG_MULTI TLB_FLUSH_ALL INVLPG_ALL",
		},
		"xsm_op": {
			prefix: "FLASK_",
			harmless: "GETENFORCE POLICYVERS GETBOOL AVC_HASHSTATS AVC_CACHESTATS CONTEXT_TO_SID SID_TO_CONTEXT " +
				"ACCESS USER GETAVC_THRESHOLD MEMBER GET_PEER_SID",
		},
		"nmi_op": {
			prefix:   "XENNMI_",
			harmless: "unregister_callback",
			bare:     "unregister_callback",
		},
		"sched_op": {
			prefix:   "SCHEDOP_",
			harmless: "yield poll block",
			bare:     "yield block",
		},
		"callback_op": {
			prefix: "CALLBACKOP_",
		},
		"xenoprof_op": {
			prefix: "XENOPROF_",
			bare: "reset_active_list reset_passive_list reserve_counters setup_events enable_virq start stop " +
				"disable_virq release_counters shutdown",
		},
		"event_channel_op": {
			prefix:    "EVTCHNOP_",
			harmless:  "send status",
			allocates: "bind_interdomain bind_virq bind_pirq alloc_unbound bind_ipi bind_vcpu",
		},
		"physdev_op": {
			prefix:    "PHYSDEVOP_",
			harmless:  "irq_status_query",
			allocates: "get_free_pirq",
		},
		"hvm_op": {
			prefix:   "HVMOP_",
			harmless: "get_param get_time get_mem_type get_mem_access",
			bare:     "flush_tlbs guest_request_vm_event",
		},
		"sysctl": {
			prefix: "XEN_SYSCTL_",
			harmless: "readconsole physinfo sched_id perfc_op getdomaininfolist getcpuinfo availheap get_pmstat " +
				"lockprof_op cputopoinfo numainfo coverage_op psr_cmt_op pcitopoinfo psr_alloc " +
				"get_cpu_levelling_caps get_cpu_featureset get_cpu_policy",
		},
		"domctl": {
			prefix: "XEN_DOMCTL_",
			harmless: "getdomaininfo getvcpucontext getvcpuinfo getvcpuaffinity get_address_size " +
				"get_ext_vcpucontext gettscinfo getpageframeinfo3 getvcpuextstate getnodeaffinity " +
				"get_vcpu_msrs get_cpu_policy get_paging_mempool_size",
		},
		"kexec_op": {
			prefix:   "KEXEC_CMD_",
			harmless: "kexec_get_range kexec_status",
		},
		"argo_op": {
			prefix:    "XEN_ARGO_OP_",
			allocates: "register_ring unregister_ring sendv notify",
		},
		"xenpmu_op": {
			prefix:   "XENPMU_",
			harmless: "mode_get feature_get",
			bare:     "lvtpc_set flush",
		},
		"dm_op": {
			prefix:   "XEN_DMOP_",
			harmless: "get_ioreq_server_info nr_vcpus",
		},
		"hypfs_op": {
			prefix:   "XEN_HYPFS_OP_",
			harmless: "get_version read",
			bare:     "get_version",
		},
		"mca": {
			prefix:   "XEN_MC_",
			harmless: "physcpuinfo",
		},
	}
})

// opsOf puts together what headers say of a hypercall's sub-operations and how they are graded.
func opsOf(call, inHeader string) []Op {
	g := graded()[call]
	is := func(list, name string) bool { return slices.Contains(strings.Fields(list), name) }
	ops := slices.Clone(headerOps()[inHeader])
	for i, o := range ops {
		name := strings.TrimPrefix(o.Name, g.prefix)
		switch {
		case is(g.harmless, name):
			ops[i].Danger = Harmless
		case is(g.allocates, name):
			ops[i].Danger = Allocates
		default:
			ops[i].Danger = Destructive
		}
		ops[i].Bare = is(g.bare, name)
	}
	slices.SortFunc(ops, func(a, b Op) int { return cmp.Compare(a.Number, b.Number) })
	return ops
}

// Prefix is what the names of a hypercall's sub-operations begin with: EVTCHNOP_.
func Prefix(h Hypercall) string { return graded()[h.Name].prefix }
