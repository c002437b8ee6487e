package xen

import (
	"cmp"
	"fmt"
	"sync"
)

// Danger is what a call with valid arguments does to its caller and the machine.
type Danger int

const (
	// Harmless calls only read, or have no effect that lasts.
	Harmless Danger = iota
	// Allocates is for calls that take something which has to be given back: ports, mappings, handles.
	Allocates
	// Destructive calls change the caller or the machine for good, stop its clock or end it.
	Destructive
)

func (d Danger) String() string {
	if d < Harmless || d > Destructive {
		return fmt.Sprintf("danger %d", int(d))
	}
	return [...]string{"harmless", "allocates", "destructive"}[d]
}

// Op is a sub-operation of a hypercall.
type Op struct {
	Number uint64
	Name   string // as in the header
	Danger Danger
	// Bare is true for operations that act although their pointer is bad, because they take none or
	// ignore it: calling them with an unmapped address is not a harmless way to see if they exist.
	Bare bool
}

// None is the index of an argument that a hypercall does not have.
const None = -1

// Hypercall is a row of the hypercall table.
type Hypercall struct {
	Number uint64
	Name   string
	Danger Danger // of the call as such, where there are no sub-operations
	// Header is where the sub-operations are declared, below xen/include/public.
	Header string
	Ops    []Op
	// SubOp, Pointer and Count are the indices of the arguments which hold the sub-operation, the
	// structure's address, and how many structures there are; None without one. SubOp is None too when
	// the sub-operation is the first word of the structure.
	SubOp, Pointer, Count int
}

// Lookup finds a hypercall by number.
func Lookup(number uint64) (Hypercall, bool) {
	for _, h := range Table() {
		if h.Number == number {
			return h, true
		}
	}
	return Hypercall{}, false
}

// Op finds a sub-operation by number.
func (h Hypercall) Op(number uint64) (Op, bool) {
	for _, o := range h.Ops {
		if o.Number == number {
			return o, true
		}
	}
	return Op{}, false
}

// TableEnd is the first number behind every table that Xen has had.
const TableEnd = 64

// Holes are the numbers below [TableEnd] that no hypercall has had (public/xen.h): unused ones, and
// those reserved to architectures of which x86 uses only two.
func Holes() []uint64 {
	var holes []uint64
	for n := range uint64(TableEnd) {
		if _, known := Lookup(n); !known {
			holes = append(holes, n)
		}
	}
	return holes
}

// Table lists the hypercalls of 64-bit PV domains (public/xen.h), with those that are gone. Numbers and
// names of sub-operations are the headers' own, see ops_table.go. It is made when it is first asked for, as all tables here:
// every machine's agent starts with this package, and few ask.
var Table = sync.OnceValue(func() []Hypercall { return withOps(calls()) })

func calls() []Hypercall {
	return []Hypercall{
		plain(0, "set_trap_table", Destructive),
		plain(1, "mmu_update", Destructive),
		plain(2, "set_gdt", Destructive),
		plain(3, "stack_switch", Destructive),
		plain(4, "set_callbacks", Destructive),
		plain(5, "fpu_taskswitch", Harmless),
		plain(6, "sched_op_compat", Destructive),
		{Number: PlatformOp, Name: "platform_op", Header: "platform.h", SubOp: None, Pointer: 0, Count: None},
		plain(8, "set_debugreg", Destructive),
		plain(GetDebugreg, "get_debugreg", Harmless),
		plain(10, "update_descriptor", Destructive),
		{Number: MemoryOp, Name: "memory_op", Header: "memory.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: Multicall, Name: "multicall", Header: "xen.h", SubOp: None, Pointer: 0, Count: 1},
		plain(14, "update_va_mapping", Destructive),
		plain(15, "set_timer_op", Destructive),
		{Number: EventChannelOpCompat, Name: "event_channel_op_compat", Danger: Destructive, Header: "event_channel.h", SubOp: None, Pointer: 0, Count: None},
		{Number: XenVersion, Name: "xen_version", Header: "version.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: ConsoleIO, Name: "console_io", Header: "xen.h", SubOp: 0, Pointer: 2, Count: 1},
		{Number: 19, Name: "physdev_op_compat", Danger: Destructive, Header: "physdev.h", SubOp: None, Pointer: 0, Count: None},
		{Number: GrantTableOp, Name: "grant_table_op", Header: "grant_table.h", SubOp: 0, Pointer: 1, Count: 2},
		{Number: VMAssist, Name: "vm_assist", Danger: Destructive, Header: "xen.h", SubOp: 0, Pointer: None, Count: None},
		plain(22, "update_va_mapping_otherdomain", Destructive),
		plain(23, "iret", Destructive),
		{Number: VCPUOp, Name: "vcpu_op", Header: "vcpu.h", SubOp: 0, Pointer: 2, Count: None},
		plain(25, "set_segment_base", Destructive),
		{Number: MMUExtOp, Name: "mmuext_op", Danger: Destructive, Header: "xen.h", SubOp: None, Pointer: 0, Count: 1},
		{Number: XSMOp, Name: "xsm_op", Header: "xsm/flask_op.h", SubOp: None, Pointer: 0, Count: None},
		{Number: NMIOp, Name: "nmi_op", Header: "nmi.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: SchedOp, Name: "sched_op", Header: "sched.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: CallbackOp, Name: "callback_op", Header: "callback.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: XenoprofOp, Name: "xenoprof_op", Danger: Destructive, Header: "xenoprof.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: EventChannelOp, Name: "event_channel_op", Header: "event_channel.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: PhysdevOp, Name: "physdev_op", Header: "physdev.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: HVMOp, Name: "hvm_op", Header: "hvm/hvm_op.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: SysctlOp, Name: "sysctl", Header: "sysctl.h", SubOp: None, Pointer: 0, Count: None},
		{Number: DomctlOp, Name: "domctl", Header: "domctl.h", SubOp: None, Pointer: 0, Count: None},
		{Number: KexecOp, Name: "kexec_op", Header: "kexec.h", SubOp: 0, Pointer: 1, Count: None},
		plain(TmemOp, "tmem_op", Harmless),
		{Number: ArgoOp, Name: "argo_op", Header: "argo.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: XenPMUOp, Name: "xenpmu_op", Header: "pmu.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: DMOp, Name: "dm_op", Header: "hvm/dm_op.h", SubOp: None, Pointer: 2, Count: 1},
		{Number: HypfsOp, Name: "hypfs_op", Header: "hypfs.h", SubOp: 0, Pointer: 1, Count: None},
		{Number: MCA, Name: "mca", Danger: Destructive, Header: "arch-x86/xen-mca.h", SubOp: None, Pointer: 0, Count: None},
		plain(49, "paging_domctl_cont", Destructive),
	}
}

// headerNames are hypercalls that xen.h leaves to architectures and that x86 has given a name.
var headerNames = map[string]string{"mca": "arch_0"}

func withOps(table []Hypercall) []Hypercall {
	for i, h := range table {
		table[i].Ops = opsOf(h.Name, cmp.Or(headerNames[h.Name], h.Name))
	}
	return table
}

func plain(number uint64, name string, d Danger) Hypercall {
	return Hypercall{Number: number, Name: name, Danger: d, Header: "xen.h", SubOp: None, Pointer: None, Count: None}
}

// pvOnly are the hypercalls that HVM and PVH domains do not have (xen/include/hypercall-defs.c, and before
// Xen 4.17 hvm_hypercall_table in xen/arch/x86/hvm/hypercall.c).
var pvOnly = []uint64{0, 1, 2, 3, 4, 5, 6, 8, GetDebugreg, 10, 14, EventChannelOpCompat, 19, 22, 23, 25, NMIOp, CallbackOp, KexecOp, 48}

// PVOnly gives the hypercalls that HVM and PVH domains do not have, by number.
func PVOnly() []Hypercall {
	var list []Hypercall
	for _, n := range pvOnly {
		h, _ := Lookup(n)
		list = append(list, h)
	}
	return list
}
