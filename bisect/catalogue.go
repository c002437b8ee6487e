package bisect

// Theme is boot parameters of one subject, each of which switches something that can make a difference.
type Theme struct {
	Name   string
	About  string
	Source string
	Params []string
}

// Catalogue gives the themes that the command knows. The parameters are described in the kernel's
// Documentation/admin-guide/kernel-parameters.txt (those for x86-64), and further where Source says.
func Catalogue() []Theme {
	return []Theme{
		{
			Name: "paravirt", About: "what a guest does in another way because it knows that it is one",
			Source: "arch/x86/kernel/kvm.c, kvmclock.c, arch/x86/xen/enlighten.c",
			Params: []string{
				"nopv", "xen_nopv", "no-kvmclock", "no-kvmclock-vsyscall", "no-kvmapf", "no-steal-acc", "nopvspin",
			},
		},
		{
			Name: "mitigations", About: "defences against flaws of processors, each switched off",
			Source: "Documentation/admin-guide/hw-vuln; arch/x86/kernel/cpu/bugs.c",
			Params: []string{
				"nopti", "nospectre_v1", "nospectre_v2", "spectre_v2_user=off", "spec_store_bypass_disable=off", "l1tf=off", "mds=off",
				"tsx_async_abort=off", "mmio_stale_data=off", "srbds=off", "retbleed=off", "spec_rstack_overflow=off", "gather_data_sampling=off",
				"reg_file_data_sampling=off", "spectre_bhi=off", "kvm.nx_huge_pages=off",
			},
		},
		{
			Name: "mm", About: "what memory costs: clearing, poisoning, debugging, large pages, accounting",
			Source: "Documentation/admin-guide/mm; mm/slub.c; mm/page_alloc.c",
			Params: []string{
				"init_on_alloc=1", "init_on_free=1", "slub_debug=FP", "slab_nomerge", "page_poison=1", "debug_pagealloc=on", "page_owner=on",
				"debug_guardpage_minorder=1", "transparent_hugepage=never", "page_alloc.shuffle=1", "hardened_usercopy=off",
				"randomize_kstack_offset=on", "nokaslr", "norandmaps", "cgroup.memory=nokmem", "cgroup_disable=memory", "swapaccount=0",
				"hashdist=0", "numa=off", "nohugeiomap", "nogbpages", "vm_debug=-", "kfence.sample_interval=1", "psi=1",
			},
		},
		{
			Name: "timers", About: "where time comes from, and what ticks",
			Source: "Documentation/timers; arch/x86/kernel/tsc.c",
			Params: []string{
				"nohz=off", "highres=off", "skew_tick=1", "tsc=unstable", "notsc", "clocksource=jiffies", "hpet=disable", "lapic=notscdeadline",
				"nolapic_timer", "idle=poll", "processor.max_cstate=1", "nowatchdog", "threadirqs", "preempt=none",
			},
		},
		{
			Name: "processors", About: "processors, and features of theirs",
			Source: "arch/x86/kernel/cpu/common.c; kernel/smp.c",
			Params: []string{
				"nosmp", "maxcpus=1", "nosmt", "noxsave", "noxsaveopt", "nosmap", "nosmep", "nopcid", "noinvpcid", "nox2apic", "noapic", "nolapic",
				"no5lvl", "nofsgsbase", "vsyscall=none", "ibt=off",
			},
		},
	}
}
