package hypercall

import (
	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

// refusedTo are the answers by which a domain of a kind is refused what others may do, before anything else
// is looked at.
func refusedTo(kind *spec.Probe, text, source string) expect.Known {
	return expect.Known{Text: text, Source: source, When: kind}
}

const hvmCallsC = "xen/arch/x86/hvm/hypercall.c "

// refusesGuests are the operations that guests are refused, or domains whose memory Xen translates.
var refusesGuests = map[opKey][]expect.Known{
	"GNTTABOP_cache_flush":         {refusedTo(&Translated, "-ENOSYS", noGrantOp)},
	"GNTTABOP_get_status_frames":   {refusedTo(&Translated, "-ENOSYS", noStatusFrames)},
	"GNTTABOP_transfer":            {refusedTo(&Translated, "-ENOSYS", noGrantOp)},
	"GNTTABOP_unmap_and_replace":   {refusedTo(&Translated, "-ENOSYS", noGrantOp)},
	"XENMEM_machine_memory_map":    {refusedTo(&Translated, "-ENOSYS", hvmCallsC+"hvm_memory_op leaves it out"), refusedTo(&Guest, "-EPERM", dummyH+"xsm_machine_memory_map: control domains alone; Xen 4.20's hvm_memory_op passes it on")},
	"XENMEM_machphys_mapping":      {refusedTo(&Translated, "-ENOSYS", hvmCallsC+"hvm_memory_op leaves it out")},
	"XENMEM_acquire_resource":      {refusedTo(&Translated, "-EACCES", "xen/common/memory.c acquire_resource: of domains whose memory Xen translates, the hardware domain alone may")},
	"PHYSDEVOP_dbgp_op":            {refusedTo(&Guest, "-EPERM", "xen/arch/x86/physdev.c do_physdev_op: the hardware domain alone may")},
	"PHYSDEVOP_pci_mmcfg_reserved": {refusedTo(&Guest, "-EPERM", dummyH+"xsm_resource_setup_misc: control domains alone")},
	"SCHEDOP_pin_override":         {refusedTo(&Guest, "-EPERM", "xen/common/sched/core.c do_sched_op: the hardware domain alone may")},
	"VCPUOP_get_physid":            {refusedTo(&Guest, "-EINVAL", "xen/arch/x86/domain.c: the hardware domain alone is told, when its VCPUs are pinned")},
	"XENVER_build_id":              {refusedTo(&Guest, "-EPERM", dummyH+"xsm_xen_version: control domains alone")},
	"XENVER_commandline2":          {refusedTo(&Guest, "-EPERM", dummyH+"xsm_xen_version: control domains alone")},
	"XEN_HYPFS_OP_read":            {hypfsDenied},
	"XEN_HYPFS_OP_write_contents":  {hypfsDenied},
	"CONSOLEIO_write":              {consoleDenied},
}

const noGrantOp = hvmCallsC + "hvm_grant_table_op leaves it out"

var (
	hypfsDenied   = refusedTo(&Guest, "-EPERM", dummyH+"xsm_hypfs_op: control domains alone, whatever the operation")
	consoleDenied = refusedTo(&Guest, "-EPERM", dummyH+"xsm_console_io: a console's domain alone, whatever the operation, unless CONFIG_VERBOSE_DEBUG is on")
)

// refusesGuestsAll are whole calls that guests are refused.
var refusesGuestsAll = map[uint64]expect.Known{
	xen.PhysdevOp: refusedTo(&Translated, "-ENOSYS", hvmCallsC+"hvm_physdev_op knows five operations, on PIRQs, where the domain has them"),
	xen.HypfsOp:   hypfsDenied,
	xen.KexecOp:   refusedTo(&Guest, "-EPERM", dummyH+"xsm_kexec: control domains alone, whatever the operation"),
	xen.ConsoleIO: consoleDenied,
	xen.VMAssist:  refusedTo(&Translated, "-EINVAL", "xen/common/domain.c vm_assist: types that the domain cannot have are refused first, and type 0 is one"),
}

// refusals are those of a call, and of one of its operations if one is named, that do not depend on the input:
// for what this Xen lacks, and for what this domain may not.
func refusals(number uint64, op opKey) (list []expect.Known) {
	list = append(append(list, refusesPointer[op]...), refusesAll[number]...)
	list = append(list, refusesGuests[op]...)
	if k, ok := refusesGuestsAll[number]; ok {
		list = append(list, k)
	}
	return list
}
