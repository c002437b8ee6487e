package xen

import (
	"cmp"
	"slices"
)

// Commands of domctl (public/domctl.h XEN_DOMCTL_*).
const (
	DomctlDestroyDomain   uint32 = 2
	DomctlPauseDomain     uint32 = 3
	DomctlGetDomainInfo   uint32 = 5
	DomctlGetVCPUInfo     uint32 = 14
	DomctlGetVCPUAffinity uint32 = 25
	DomctlGetAddressSize  uint32 = 36
	DomctlGetTSCInfo      uint32 = 59
	DomctlGetNodeAffinity uint32 = 69
	DomctlGetCPUPolicy    uint32 = 82
	DomctlGetPagingPool   uint32 = 85
)

var domctlOps = domctls(
	map[uint32]string{
		DomctlGetDomainInfo: "getdomaininfo", 13: "getvcpucontext", DomctlGetVCPUInfo: "getvcpuinfo",
		DomctlGetVCPUAffinity: "getvcpuaffinity", DomctlGetAddressSize: "get_address_size",
		43: "get_ext_vcpucontext", DomctlGetTSCInfo: "gettscinfo", 61: "getpageframeinfo3",
		63: "getvcpuextstate", DomctlGetNodeAffinity: "getnodeaffinity", 72: "get_vcpu_msrs",
		DomctlGetCPUPolicy: "get_cpu_policy", DomctlGetPagingPool: "get_paging_mempool_size",
	},
	map[uint32]string{
		1: "createdomain", DomctlDestroyDomain: "destroydomain", DomctlPauseDomain: "pausedomain",
		4: "unpausedomain", 9: "setvcpuaffinity", 10: "shadow_op", 11: "max_mem", 12: "setvcpucontext",
		15: "max_vcpus", 16: "scheduler_op", 17: "setdomainhandle", 18: "setdebugging",
		19: "irq_permission", 20: "iomem_permission", 21: "ioport_permission", 22: "hypercall_init",
		24: "settimeoffset", 27: "resumedomain", 28: "sendtrigger", 29: "subscribe",
		33: "gethvmcontext", 34: "sethvmcontext", 35: "set_address_size", 37: "assign_device",
		38: "bind_pt_irq", 39: "memory_mapping", 40: "ioport_mapping", 42: "set_ext_vcpucontext",
		45: "test_assign_device", 46: "set_target", 47: "deassign_device", 48: "unbind_pt_irq",
		50: "get_device_group", 54: "debug_op", 55: "gethvmcontext_partial", 56: "vm_event_op",
		57: "mem_sharing_op", 60: "settscinfo", 62: "setvcpuextstate", 64: "set_access_required",
		65: "audit_p2m", 66: "set_virq_handler", 67: "set_broken_page_p2m", 68: "setnodeaffinity",
		71: "cacheflush", 73: "set_vcpu_msrs", 74: "setvnumainfo", 75: "psr_cmt_op", 77: "monitor_op",
		78: "psr_alloc", 79: "soft_reset", 81: "vuart_op", 83: "set_cpu_policy", 84: "vmtrace_op",
		86: "set_paging_mempool_size", 1000: "gdbsx_guestmemio", 1001: "gdbsx_pausevcpu",
		1002: "gdbsx_unpausevcpu", 1003: "gdbsx_domstatus",
	})

func domctls(harmless, destructive map[uint32]string) []Op {
	var ops []Op
	add := func(names map[uint32]string, d Danger) {
		for n, name := range names {
			ops = append(ops, Op{Number: uint64(n), Name: "XEN_DOMCTL_" + name, Danger: d})
		}
	}
	add(harmless, Harmless)
	add(destructive, Destructive)
	slices.SortFunc(ops, func(a, b Op) int { return cmp.Compare(a.Number, b.Number) })
	return ops
}
