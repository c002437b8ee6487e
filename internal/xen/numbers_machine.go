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

var sysctlOps = []Op{
	{Number: uint64(SysctlReadConsole), Name: "XEN_SYSCTL_readconsole"},
	{Number: 2, Name: "XEN_SYSCTL_tbuf_op", Danger: Destructive},
	{Number: uint64(SysctlPhysInfo), Name: "XEN_SYSCTL_physinfo"},
	{Number: uint64(SysctlSchedID), Name: "XEN_SYSCTL_sched_id"},
	{Number: uint64(SysctlPerfcOp), Name: "XEN_SYSCTL_perfc_op"},
	{Number: uint64(SysctlDomainInfoList), Name: "XEN_SYSCTL_getdomaininfolist"},
	{Number: 7, Name: "XEN_SYSCTL_debug_keys", Danger: Destructive},
	{Number: uint64(SysctlGetCPUInfo), Name: "XEN_SYSCTL_getcpuinfo"},
	{Number: uint64(SysctlAvailHeap), Name: "XEN_SYSCTL_availheap"},
	{Number: 10, Name: "XEN_SYSCTL_get_pmstat"},
	{Number: 11, Name: "XEN_SYSCTL_cpu_hotplug", Danger: Destructive},
	{Number: 12, Name: "XEN_SYSCTL_pm_op", Danger: Destructive},
	{Number: 14, Name: "XEN_SYSCTL_page_offline_op", Danger: Destructive},
	{Number: 15, Name: "XEN_SYSCTL_lockprof_op"},
	{Number: uint64(SysctlCPUTopoInfo), Name: "XEN_SYSCTL_cputopoinfo"},
	{Number: uint64(SysctlNUMAInfo), Name: "XEN_SYSCTL_numainfo"},
	{Number: uint64(SysctlCPUPoolOp), Name: "XEN_SYSCTL_cpupool_op", Danger: Destructive},
	{Number: uint64(SysctlSchedulerOp), Name: "XEN_SYSCTL_scheduler_op", Danger: Destructive},
	{Number: uint64(SysctlCoverageOp), Name: "XEN_SYSCTL_coverage_op"},
	{Number: 21, Name: "XEN_SYSCTL_psr_cmt_op"},
	{Number: 22, Name: "XEN_SYSCTL_pcitopoinfo"},
	{Number: 23, Name: "XEN_SYSCTL_psr_alloc"},
	{Number: 25, Name: "XEN_SYSCTL_get_cpu_levelling_caps"},
	{Number: uint64(SysctlCPUFeatureset), Name: "XEN_SYSCTL_get_cpu_featureset"},
	{Number: 27, Name: "XEN_SYSCTL_livepatch_op", Danger: Destructive},
	{Number: uint64(SysctlCPUPolicy), Name: "XEN_SYSCTL_get_cpu_policy"},
}

// Commands of platform_op (public/platform.h XENPF_*).
const (
	PlatformGetCPUVersion uint32 = 48
	PlatformGetIdleTime   uint32 = 53
	PlatformGetCPUInfo    uint32 = 55
)

var platformOps = []Op{
	{Number: 17, Name: "XENPF_settime32", Danger: Destructive},
	{Number: 31, Name: "XENPF_add_memtype", Danger: Destructive},
	{Number: 32, Name: "XENPF_del_memtype", Danger: Destructive},
	{Number: 33, Name: "XENPF_read_memtype"},
	{Number: 35, Name: "XENPF_microcode_update", Danger: Destructive},
	{Number: 39, Name: "XENPF_platform_quirk", Danger: Destructive},
	{Number: uint64(PlatformGetCPUVersion), Name: "XENPF_get_cpu_version"},
	{Number: 49, Name: "XENPF_efi_runtime_call", Danger: Destructive},
	{Number: 50, Name: "XENPF_firmware_info"},
	{Number: 51, Name: "XENPF_enter_acpi_sleep", Danger: Destructive},
	{Number: 52, Name: "XENPF_change_freq", Danger: Destructive},
	{Number: uint64(PlatformGetIdleTime), Name: "XENPF_getidletime"},
	{Number: 54, Name: "XENPF_set_processor_pminfo", Danger: Destructive},
	{Number: uint64(PlatformGetCPUInfo), Name: "XENPF_get_cpuinfo"},
	{Number: 56, Name: "XENPF_cpu_online", Danger: Destructive},
	{Number: 57, Name: "XENPF_cpu_offline", Danger: Destructive},
	{Number: 58, Name: "XENPF_cpu_hotadd", Danger: Destructive},
	{Number: 59, Name: "XENPF_mem_hotadd", Danger: Destructive},
	{Number: 60, Name: "XENPF_core_parking", Danger: Destructive},
	{Number: 61, Name: "XENPF_resource_op", Danger: Destructive},
	{Number: 62, Name: "XENPF_settime64", Danger: Destructive},
	{Number: 63, Name: "XENPF_get_symbol"},
	{Number: 64, Name: "XENPF_get_dom0_console"},
	{Number: 65, Name: "XENPF_get_ucode_revision"},
	{Number: 66, Name: "XENPF_microcode_update2", Danger: Destructive},
}

// Sub-operations of physdev_op (public/physdev.h PHYSDEVOP_*).
const PhysdevIRQStatusQuery uint64 = 5

var physdevOps = []Op{
	{Number: PhysdevIRQStatusQuery, Name: "PHYSDEVOP_irq_status_query"},
	{Number: 6, Name: "PHYSDEVOP_set_iopl", Danger: Destructive},
	{Number: 7, Name: "PHYSDEVOP_set_iobitmap", Danger: Destructive},
	{Number: 8, Name: "PHYSDEVOP_apic_read", Danger: Destructive},
	{Number: 9, Name: "PHYSDEVOP_apic_write", Danger: Destructive},
	{Number: 10, Name: "PHYSDEVOP_alloc_irq_vector", Danger: Destructive},
	{Number: 12, Name: "PHYSDEVOP_eoi", Danger: Destructive},
	{Number: 13, Name: "PHYSDEVOP_map_pirq", Danger: Destructive},
	{Number: 14, Name: "PHYSDEVOP_unmap_pirq", Danger: Destructive},
	{Number: 15, Name: "PHYSDEVOP_manage_pci_add", Danger: Destructive},
	{Number: 16, Name: "PHYSDEVOP_manage_pci_remove", Danger: Destructive},
	{Number: 17, Name: "PHYSDEVOP_pirq_eoi_gmfn_v1", Danger: Destructive},
	{Number: 19, Name: "PHYSDEVOP_restore_msi", Danger: Destructive},
	{Number: 20, Name: "PHYSDEVOP_manage_pci_add_ext", Danger: Destructive},
	{Number: 21, Name: "PHYSDEVOP_setup_gsi", Danger: Destructive},
	{Number: 23, Name: "PHYSDEVOP_get_free_pirq", Danger: Allocates},
	{Number: 24, Name: "PHYSDEVOP_pci_mmcfg_reserved", Danger: Destructive},
	{Number: 25, Name: "PHYSDEVOP_pci_device_add", Danger: Destructive},
	{Number: 26, Name: "PHYSDEVOP_pci_device_remove", Danger: Destructive},
	{Number: 27, Name: "PHYSDEVOP_restore_msi_ext", Danger: Destructive},
	{Number: 28, Name: "PHYSDEVOP_pirq_eoi_gmfn_v2", Danger: Destructive},
	{Number: 29, Name: "PHYSDEVOP_dbgp_op", Danger: Destructive},
	{Number: 30, Name: "PHYSDEVOP_prepare_msix", Danger: Destructive},
	{Number: 31, Name: "PHYSDEVOP_release_msix", Danger: Destructive},
}

var kexecOps = []Op{
	{Number: 0, Name: "KEXEC_CMD_kexec", Danger: Destructive},
	{Number: 1, Name: "KEXEC_CMD_kexec_load_v1", Danger: Destructive},
	{Number: 2, Name: "KEXEC_CMD_kexec_unload_v1", Danger: Destructive},
	{Number: 3, Name: "KEXEC_CMD_kexec_get_range"},
	{Number: 4, Name: "KEXEC_CMD_kexec_load", Danger: Destructive},
	{Number: 5, Name: "KEXEC_CMD_kexec_unload", Danger: Destructive},
	{Number: 6, Name: "KEXEC_CMD_kexec_status"},
}

var pmuOps = []Op{
	{Number: 0, Name: "XENPMU_mode_get"},
	{Number: 1, Name: "XENPMU_mode_set", Danger: Destructive},
	{Number: 2, Name: "XENPMU_feature_get"},
	{Number: 3, Name: "XENPMU_feature_set", Danger: Destructive},
	{Number: 4, Name: "XENPMU_init", Danger: Destructive},
	{Number: 5, Name: "XENPMU_finish", Danger: Destructive},
	{Number: 6, Name: "XENPMU_lvtpc_set", Danger: Destructive, Bare: true},
	{Number: 7, Name: "XENPMU_flush", Danger: Destructive, Bare: true},
}

// Sub-operations of hypfs_op (public/hypfs.h XEN_HYPFS_OP_*).
const HypfsGetVersion uint64 = 0

var hypfsOps = []Op{
	{Number: HypfsGetVersion, Name: "XEN_HYPFS_OP_get_version", Bare: true},
	{Number: 1, Name: "XEN_HYPFS_OP_read"},
	{Number: 2, Name: "XEN_HYPFS_OP_write_contents", Danger: Destructive},
}

var flaskOps = []Op{
	{Number: 1, Name: "FLASK_LOAD", Danger: Destructive},
	{Number: 2, Name: "FLASK_GETENFORCE"},
	{Number: 3, Name: "FLASK_SETENFORCE", Danger: Destructive},
	{Number: 10, Name: "FLASK_POLICYVERS"},
	{Number: 11, Name: "FLASK_GETBOOL"},
	{Number: 15, Name: "FLASK_DISABLE", Danger: Destructive},
	{Number: 18, Name: "FLASK_AVC_HASHSTATS"},
	{Number: 19, Name: "FLASK_AVC_CACHESTATS"},
}
