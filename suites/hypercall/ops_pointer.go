package hypercall

import (
	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
)

// Every sub-operation reads its structure first. One that is not there is refused without anything
// being done, whatever the operation: that shows which operations exist.
func init() {
	opFacts = append(opFacts, pointerFacts, monitorFacts)
}

// refusesPointer are operations that say no before they look at their structure, or in place of it:
// by answer, with its source.
var refusesPointer = map[opKey][]expect.Known{
	"GNTTABOP_dump_table":                 {{Text: "-ENOSYS", Source: "xen/common/grant_table.c do_grant_table_op has no such case"}},
	"XENMEM_paging_op":                    {{Text: "-ENOSYS", Source: "CONFIG_MEM_PAGING is off"}},
	"XENMEM_sharing_op":                   {{Text: "-ENOSYS", Source: "CONFIG_MEM_SHARING is off"}, {Text: "-EOPNOTSUPP", Source: "CONFIG_MEM_SHARING is off"}},
	"XENMEM_access_op":                    {{Text: "-ENOSYS", Source: "CONFIG_VM_EVENT is off"}},
	"XENMEM_machphys_compat_mfn_list":     {{Text: "-ENOTSUP", Source: "CONFIG_PV32 is off"}, {Text: "-ENOSYS", Source: "CONFIG_PV32 is off"}},
	"XENMEM_set_pod_target":               {{Text: "-ENOSYS", Source: "CONFIG_HVM is off"}},
	"XENMEM_get_pod_target":               {{Text: "-ENOSYS", Source: "CONFIG_HVM is off"}},
	"HVMOP_set_pci_intx_level":            goneDMOp,
	"HVMOP_set_isa_irq_level":             goneDMOp,
	"HVMOP_set_pci_link_route":            goneDMOp,
	"HVMOP_set_mem_access":                goneDMOp,
	"HVMOP_get_mem_access":                goneDMOp,
	"HVMOP_set_evtchn_upcall_vector":      {{Text: "-EINVAL", Source: "xen/arch/x86/hvm/hvm.c hvmop_set_evtchn_upcall_vector: the caller is no HVM domain"}},
	"HVMOP_altp2m":                        {{Text: "-ENOTSUP", Source: "xen/arch/x86/hvm/hvm.c do_altp2m_op: the processor cannot, or altp2m is not switched on"}},
	"VCPUOP_register_runstate_phys_area":  youngerVCPUOp,
	"VCPUOP_register_vcpu_time_phys_area": youngerVCPUOp,
	"XENVER_extraversion2":                youngerVersion,
	"XENVER_capabilities2":                youngerVersion,
	"XENVER_changeset2":                   youngerVersion,
	"XENVER_commandline2":                 youngerVersion,
	"KEXEC_CMD_kexec_load_v1":             {{Text: "-ENOSYS", Source: "no longer there"}},
	"PHYSDEVOP_free_irq_vector":           {{Text: "-ENOSYS", Source: "xen/arch/x86/physdev.c do_physdev_op has no such case: vectors are Xen's own"}},
	"PHYSDEVOP_pci_device_reset":          {{Text: "-ENOSYS", Source: "physdev.h declares it since Xen 4.20"}},
	"PHYSDEVOP_pirq_eoi_gmfn_v1":          {{Text: "-ENOSYS", Source: "a PV domain's alone"}},
	"PHYSDEVOP_pirq_eoi_gmfn_v2":          {{Text: "-ENOSYS", Source: "a PV domain's alone"}},
}

var (
	goneDMOp       = []expect.Known{{Text: "-ENOSYS", Source: "hvm_op.h: only for interface versions before 4.9; dm_op took its place"}}
	youngerVCPUOp  = []expect.Known{{Text: "-ENOSYS", Source: "vcpu.h declares it since Xen 4.19"}}
	youngerVersion = []expect.Known{{Text: "-ENOSYS", Source: "version.h declares it since Xen 4.20"}}
)

// refusesAll are whole calls that a Xen can be built or started without.
var refusesAll = map[uint64][]expect.Known{
	xen.ArgoOp:     {{Text: "-ENOSYS", Source: "CONFIG_ARGO is off"}, {Text: "-EOPNOTSUPP", Source: "argo= is not on Xen's command line"}},
	xen.XenPMUOp:   {{Text: "-ENOTSUP", Source: "vpmu= is not on Xen's command line"}, {Text: "-EINVAL", Source: "vpmu= is not on Xen's command line (before 4.6)"}},
	xen.KexecOp:    {{Text: "-ENOSYS", Source: "CONFIG_KEXEC is off"}},
	xen.NMIOp:      {{Text: "-ENOSYS", Source: "a PV domain's alone"}},
	xen.CallbackOp: {{Text: "-ENOSYS", Source: "a PV domain's alone"}},
}

// nullAsks are operations that answer with a size when they get no address.
var nullAsks = map[opKey]bool{
	"XENVER_build_id": true, "XENVER_extraversion2": true, "XENVER_capabilities2": true,
	"XENVER_changeset2": true, "XENVER_commandline2": true,
}

// ofOneByte are operations whose structure is one byte long: a byte is all they need.
var ofOneByte = map[opKey]bool{"KEXEC_CMD_kexec_unload": true, "KEXEC_CMD_kexec_status": true}

// handlers are calls that have a source of facts of their own: their pointers lie elsewhere.
var handlers = map[uint64]bool{xen.XenoprofOp: true, xen.HypfsOp: true}

func pointerFacts(h xen.Hypercall, o xen.Op) []fact {
	if h.SubOp == xen.None || h.Pointer == xen.None || o.Bare || handlers[h.Number] {
		return nil
	}
	want := expect.Refusal("-EFAULT").With(refusals(h.Number, o.Name)...)
	at := func(input string, address func(g *guest) uint64) fact {
		return fact{o.Name + ", " + input, func(g *guest) []uint64 {
			args := make([]uint64, xen.MaxArgs)
			args[h.SubOp], args[h.Pointer] = o.Number, address(g)
			if h.Count != xen.None {
				args[h.Count] = 1
				if h.Number == xen.ConsoleIO {
					args[h.Count] = 2 // bytes, where others count structures
				}
			}
			return args
		}, want, nil}
	}
	list := []fact{
		at("unmapped", func(g *guest) uint64 { return g.Unmapped() }),
		at("non-canonical", func(*guest) uint64 { return 1 << 63 }),
		at("the last byte", func(*guest) uint64 { return ^uint64(0) }),
	}
	if !ofOneByte[o.Name] {
		list = append(list, at("one byte before an unmapped page", func(g *guest) uint64 { return g.AtEdge(1).Addr() }))
	}
	if !nullAsks[o.Name] {
		list = append(list, at("NULL", func(*guest) uint64 { return 0 }))
	}
	ofXen := at("of Xen", func(*guest) uint64 { return xen.VirtStart + 0x30000000000 })
	ofXen.needs = &PV
	return append(list, ofXen)
}

// monitorFacts are of the two operations of hvm_op that want no address and refuse one.
func monitorFacts(h xen.Hypercall, o xen.Op) []fact {
	if o.Name != "HVMOP_flush_tlbs" && o.Name != "HVMOP_guest_request_vm_event" {
		return nil
	}
	return []fact{{o.Name + ", unmapped", func(g *guest) []uint64 { return []uint64{o.Number, g.Unmapped()} },
		expect.Refusal("-EINVAL").Also("-ENOSYS", "not built in"), nil}}
}
