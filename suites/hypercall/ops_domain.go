package hypercall

import (
	"encoding/binary"
	"fmt"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
)

func init() { opFacts = append(opFacts, nobodyFacts, vcpuFacts, portFacts, countFacts) }

// about says where in an operation's structure the domain stands that it is about.
type about struct {
	offset, size int // of the domain's ID and of the structure, in bytes
	want         expect.Want
	// fill sets what else is needed to get as far as the domain.
	fill func(b []byte)
}

var le = binary.LittleEndian

// The grant operations tell of a bad domain in the status, and it is judged where they are.
var abouts = map[opKey]about{
	"EVTCHNOP_bind_interdomain": {0, 12, expect.Refusal("-ESRCH"), nil},
	"EVTCHNOP_status":           {0, 24, expect.Refusal("-ESRCH"), nil},
	"EVTCHNOP_alloc_unbound":    {0, 8, expect.Refusal("-ESRCH"), nil},
	"EVTCHNOP_reset":            {0, 2, expect.Refusal("-ESRCH"), nil},
	"EVTCHNOP_reset_cont":       {0, 2, expect.Refusal("-ESRCH", "-ENOSYS"), nil},

	// A reservation of nobody's memory is told as none of the extents done.
	"XENMEM_increase_reservation": {24, 32, expect.Exactly("0"), oneExtent},
	"XENMEM_decrease_reservation": {24, 32, expect.Exactly("0"), oneExtent},
	"XENMEM_populate_physmap":     {24, 32, expect.Exactly("0"), oneExtent},
	"XENMEM_exchange":             {24, 72, expect.Refusal("-ESRCH", "-EINVAL"), nil},
	"XENMEM_add_to_physmap":       {0, 24, expect.Refusal("-ESRCH"), nil},
	"XENMEM_remove_from_physmap":  {0, 16, expect.Refusal("-ESRCH"), nil},
	"XENMEM_add_to_physmap_batch": {0, 40, expect.Refusal("-ESRCH"), nil},
	"XENMEM_set_memory_map":       {0, 24, expect.Refusal("-ESRCH"), nil},
	"XENMEM_set_pod_target":       {32, 40, expect.Refusal("-ESRCH", "-ENOSYS"), nil},
	"XENMEM_get_pod_target":       {32, 40, expect.Refusal("-ESRCH", "-ENOSYS"), nil},
	"XENMEM_access_op":            {2, 32, expect.Refusal("-ESRCH", "-ENOSYS"), nil},
	"XENMEM_claim_pages":          {24, 32, expect.Refusal("-ESRCH").Also("-EINVAL", "xen/common/memory.c do_memory_op, case XENMEM_claim_pages"), oneExtent},
	"XENMEM_get_vnumainfo":        {0, 40, expect.Refusal("-ESRCH"), nil},
	"XENMEM_acquire_resource":     {0, 32, expect.Refusal("-ESRCH"), oneFrame},
	"XENMEM_current_reservation":  {0, 2, expect.Refusal("-ESRCH"), nil},
	"XENMEM_maximum_reservation":  {0, 2, expect.Refusal("-ESRCH"), nil},
	"XENMEM_maximum_gpfn":         {0, 2, expect.Refusal("-ESRCH"), nil},

	"HVMOP_set_param":       {0, 16, expect.Refusal("-ESRCH"), nil},
	"HVMOP_get_param":       {0, 16, expect.Refusal("-ESRCH"), nil},
	"HVMOP_pagetable_dying": {0, 16, expect.Refusal("-ESRCH", "-EINVAL"), nil},
	"HVMOP_get_mem_type":    {0, 16, expect.Refusal("-ESRCH"), nil},

	"PHYSDEVOP_map_pirq":   {0, 32, expect.Refusal("-ESRCH"), func(b []byte) { b[4] = 1 }}, // MAP_PIRQ_TYPE_GSI
	"PHYSDEVOP_unmap_pirq": {0, 8, expect.Refusal("-ESRCH"), nil},

	"SCHEDOP_remote_shutdown": {0, 8, expect.Refusal("-ESRCH"), nil},
}

// oneExtent fills struct xen_memory_reservation and struct xen_memory_exchange's first half.
func oneExtent(b []byte) { le.PutUint64(b[8:], 1) }

// oneFrame fills struct xen_mem_acquire_resource: without a list of frames it asks for a size, which Xen
// 4.14 tells of any domain.
func oneFrame(b []byte) {
	le.PutUint32(b[8:], 1)
	le.PutUint64(b[24:], xen.Buffer{Bytes: b}.Addr())
}

func nobodyFacts(h xen.Hypercall, o xen.Op) []fact {
	var list []fact
	if h.Number == xen.DMOp {
		for _, dom := range []xen.DomID{nobody, xen.Self, xen.Invalid} {
			list = append(list, fact{fmt.Sprintf("%#x, 1, {%s}", uint16(dom), o.Name), dmOp(o, dom), expect.Refusal("-ESRCH", "-EPERM", "-EINVAL", "-ENOSYS"), nil})
		}
		return list
	}
	if h.Number == xen.MMUExtOp {
		return mmuFacts(o)
	}
	a, ok := abouts[o.Name]
	if !ok {
		return nil
	}
	for _, dom := range []xen.DomID{nobody, xen.Invalid} {
		list = append(list, fact{fmt.Sprintf("%s, domain %#x", o.Name, uint16(dom)), func(g *guest) []uint64 {
			b := g.Buffer(a.size)
			le.PutUint16(b.Bytes[a.offset:], uint16(dom))
			if a.fill != nil {
				a.fill(b.Bytes)
			}
			return []uint64{o.Number, b.Addr()}
		}, a.want.With(refusals(h.Number, o.Name)...), nil})
	}
	return list
}

// dmOp makes a device model's operation (hvm/dm_op.h struct xen_dm_op) with one buffer.
func dmOp(o xen.Op, dom xen.DomID) func(g *guest) []uint64 {
	return func(g *guest) []uint64 {
		op, buf := g.Buffer(64), g.Buffer(16) // struct xen_dm_op_buf: address, size
		le.PutUint32(op.Bytes, uint32(o.Number))
		le.PutUint64(buf.Bytes, op.Addr())
		le.PutUint64(buf.Bytes[8:], 64)
		return []uint64{uint64(dom), 1, buf.Addr()}
	}
}

// mmuFacts are of operations on page tables (xen.h struct mmuext_op): on those of a domain that does
// not exist nothing is done, nor on a list that is not there.
func mmuFacts(o xen.Op) []fact {
	list := func(g *guest) uint64 {
		b := g.Buffer(24)
		le.PutUint32(b.Bytes, uint32(o.Number))
		return b.Addr()
	}
	return []fact{
		{o.Name + ", 1, NULL, 0x7fef", func(g *guest) []uint64 { return []uint64{list(g), 1, 0, uint64(nobody)} }, expect.Refusal("-ESRCH"), nil},
		{o.Name + ", 1, NULL, DOMID_INVALID", func(g *guest) []uint64 { return []uint64{list(g), 1, 0, uint64(xen.Invalid)} }, expect.Refusal("-ESRCH"), nil},
		{o.Name + ", 0, NULL, DOMID_SELF", func(g *guest) []uint64 { return []uint64{list(g), 0, 0, uint64(xen.Self)} }, expect.Exactly("0"), &PV},
	}
}

// badVCPUs are more than a domain can have: 8192 at most.
var badVCPUs = []uint64{8192, 1 << 31, 1<<32 - 1}

func vcpuFacts(h xen.Hypercall, o xen.Op) []fact {
	if h.Number != xen.VCPUOp {
		return nil
	}
	var list []fact
	for _, vcpu := range badVCPUs {
		list = append(list, fact{fmt.Sprintf("%s, %#x, unmapped", o.Name, vcpu), func(g *guest) []uint64 { return []uint64{o.Number, vcpu, g.Unmapped()} },
			expect.Refusal("-ENOENT", "-EINVAL").Also("-ENOSYS", "vcpu.h: a younger operation"), nil})
	}
	return list
}

// ports are the offsets of ports, VCPUs and interrupts in the structures of event_channel_op; all of
// their bits are set.
var ports = map[opKey]struct {
	offset, size int
	want         expect.Want
}{
	"EVTCHNOP_close":        {0, 4, expect.Refusal("-EINVAL")},
	"EVTCHNOP_send":         {0, 4, expect.Refusal("-EINVAL")},
	"EVTCHNOP_unmask":       {0, 4, expect.Refusal("-EINVAL")},
	"EVTCHNOP_bind_vcpu":    {0, 8, expect.Refusal("-EINVAL")},
	"EVTCHNOP_bind_ipi":     {0, 8, expect.Refusal("-ENOENT", "-EINVAL")},
	"EVTCHNOP_bind_virq":    {0, 12, expect.Refusal("-EINVAL")},
	"EVTCHNOP_bind_pirq":    {0, 12, expect.Refusal("-EINVAL", "-EPERM")},
	"EVTCHNOP_init_control": {12, 16, expect.Refusal("-ENOENT", "-EINVAL")},
	"EVTCHNOP_expand_array": {0, 8, expect.Refusal("-EINVAL", "-ENOSYS")},
	"EVTCHNOP_set_priority": {0, 8, expect.Refusal("-EINVAL", "-ENOSYS")},

	"PHYSDEVOP_eoi":              {0, 4, expect.Refusal("-EINVAL")},
	"PHYSDEVOP_irq_status_query": {0, 8, expect.Refusal("-EINVAL")},
	"PHYSDEVOP_set_iopl":         {0, 4, expect.Refusal("-EINVAL")},
	"PHYSDEVOP_setup_gsi":        {0, 8, expect.Refusal("-EINVAL")},
	"CALLBACKOP_register":        {0, 16, expect.Refusal("-ENOSYS", "-EINVAL")},
	"CALLBACKOP_unregister":      {0, 4, expect.Refusal("-ENOSYS", "-EINVAL")},
	"KEXEC_CMD_kexec":            {0, 4, expect.Refusal("-EINVAL")},
	"KEXEC_CMD_kexec_unload":     {0, 4, expect.Refusal("-EINVAL")},
	"KEXEC_CMD_kexec_status":     {0, 4, expect.Refusal("-EINVAL")},
	"KEXEC_CMD_kexec_get_range":  {0, 24, expect.Refusal("-EINVAL")},
}

// portFacts set all bits of the number that an operation is about.
func portFacts(h xen.Hypercall, o xen.Op) []fact {
	p, ok := ports[o.Name]
	if !ok {
		return nil
	}
	want := p.want.With(refusals(h.Number, o.Name)...)
	return []fact{{o.Name + ", ~0", func(g *guest) []uint64 {
		b := g.Buffer(p.size)
		le.PutUint32(b.Bytes[p.offset:], ^uint32(0))
		return []uint64{o.Number, b.Addr()}
	}, want, nil}}
}

// countFacts say how many structures there are: none is nothing to be done, and too many for a signed
// count is refused or ends where memory does.
func countFacts(h xen.Hypercall, o xen.Op) []fact {
	if h.Number != xen.GrantTableOp {
		return nil
	}
	var list []fact
	for _, c := range []struct {
		n    uint64
		want expect.Want
	}{
		{1 << 31, expect.Refusal("-EINVAL", "-EFAULT")},
		{1<<32 - 1, expect.Refusal("-EINVAL", "-EFAULT")},
		{1<<31 - 1, expect.Refusal("-EINVAL", "-EFAULT")},
	} {
		list = append(list, fact{fmt.Sprintf("%s, unmapped, %#x", o.Name, c.n), func(g *guest) []uint64 { return []uint64{o.Number, g.Unmapped(), c.n} },
			c.want.Also("-ENOSYS", "no longer there, or not built in"), nil})
	}
	return list
}
