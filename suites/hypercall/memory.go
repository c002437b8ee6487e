package hypercall

import (
	"fmt"
	"os"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

const memoryH = "xen/include/public/memory.h "

// askDomain makes a memory_op about one domain.
func (g *guest) askDomain(name string, op uint64, dom xen.DomID) reply {
	d := xen.New[xen.DomID](g.Arena)
	*d = dom
	return g.ask(fmt.Sprintf("memory_op(XENMEM_%s, {.domid = %#x})", name, uint16(dom)), xen.MemoryOp, op, xen.Addr(d))
}

var _ = suite.Describe("memory-op", func() {
	it(spec.Meta{
		ID: "memory-op/maximum-ram-page", Level: spec.Must,
		Clause: memoryH + "XENMEM_maximum_ram_page: returns the highest machine frame of RAM; always succeeds; arg is NULL",
	}, func(g *guest) {
		const call = "memory_op(XENMEM_maximum_ram_page, NULL)"
		first := g.ask(call, xen.MemoryOp, xen.MemoryMaximumRAMPage, 0).value()
		g.That(call, first, gomega.BeNumerically(">", 0))
		g.Equal(call+", again", g.ask(call, xen.MemoryOp, xen.MemoryMaximumRAMPage, 0).value(), first)
	})
	it(spec.Meta{
		ID: "memory-op/reservation", Level: spec.Must,
		Clause: memoryH + "XENMEM_current_reservation: returns the domain's reservation in pages",
	}, func(g *guest) {
		r := g.askDomain("current_reservation", xen.MemoryCurrentReservation, xen.Self)
		g.That(r.call, r.value(), gomega.BeNumerically(">", 0))
		most := g.ask("memory_op(XENMEM_maximum_ram_page, NULL)", xen.MemoryOp, xen.MemoryMaximumRAMPage, 0).value()
		g.That(r.call, r.ret, gomega.BeNumerically("<=", most+1))
	})
	it(spec.Meta{
		ID: "memory-op/maximum-reservation", Level: spec.Must,
		Clause: memoryH + "XENMEM_maximum_reservation: returns the maximum in pages, or an error",
	}, func(g *guest) {
		current := g.askDomain("current_reservation", xen.MemoryCurrentReservation, xen.Self).value()
		r := g.askDomain("maximum_reservation", xen.MemoryMaximumReservation, xen.Self)
		if r.successOr(unix.EPERM) {
			g.That(r.call, r.ret, gomega.BeNumerically(">=", current))
		}
	})
	it(spec.Meta{
		ID: "memory-op/maximum-gpfn", Level: spec.Must,
		Clause: memoryH + "XENMEM_maximum_gpfn: returns the highest frame in use",
	}, func(g *guest) {
		r := g.askDomain("maximum_gpfn", xen.MemoryMaximumGPFN, xen.Self)
		g.That(r.call, r.value(), gomega.BeNumerically(">", 0))
	})
	for name, op := range inOrder(map[string]uint64{
		"current_reservation": xen.MemoryCurrentReservation, "maximum_reservation": xen.MemoryMaximumReservation, "maximum_gpfn": xen.MemoryMaximumGPFN,
	}) {
		for id, dom := range inOrder(map[string]xen.DomID{"nobody": nobody, "invalid": xen.Invalid, "all-ones": 0xffff}) {
			it(spec.Meta{
				ID: fmt.Sprintf("memory-op/%s-of-%s", kebab(name), id), Level: spec.Should,
				Clause: memoryH + "XENMEM_" + name + ": returns a negative error on failure; errno.h ESRCH: no such domain",
			}, func(g *guest) { g.askDomain(name, op, dom).refused(unix.ESRCH, unix.EPERM) })
		}
	}
	for name, op := range inOrder(map[string]uint64{"freed": xen.MemorySharingFreed, "shared": xen.MemorySharingShared}) {
		it(spec.Meta{
			ID: "memory-op/sharing-" + name, Level: spec.Must,
			Clause: memoryH + "XENMEM_get_sharing_" + name + "_pages: the call never fails, where memory sharing is built in",
		}, func(g *guest) {
			r := g.ask("memory_op(XENMEM_get_sharing_"+name+"_pages)", xen.MemoryOp, op, 0)
			if r.successOr(unix.ENOSYS, unix.EOPNOTSUPP) {
				g.Equal(r.call, r.ret, int64(0))
			}
		})
	}
	refuse(refusal{
		Meta: spec.Meta{
			ID: "memory-op/removed-op-8", Level: spec.Must,
			Clause: memoryH + "XENMEM_translate_gpfn_list: number 8 is removed; errno.h ENOSYS",
		},
		call: "memory_op(8, unmapped)", op: xen.MemoryOp,
		args: func(g *guest) []uint64 { return []uint64{8, g.Unmapped()} },
		want: []unix.Errno{unix.ENOSYS},
	})
	it(spec.Meta{
		ID: "memory-op/acquire-resource-pad", Level: spec.Must,
		Clause: memoryH + "struct xen_mem_acquire_resource: pad must be zero on input",
	}, func(g *guest) {
		r := xen.New[xen.AcquireResource](g.Arena)
		r.Dom, r.Type, r.Pad = nobody, xen.ResourceGrantTable, 1
		g.ask("memory_op(XENMEM_acquire_resource, {.pad = 1})", xen.MemoryOp, xen.MemoryAcquireResource, xen.Addr(r)).
			as(expect.Exactly("-EINVAL").If(Translated, "-EACCES", "xen/common/memory.c acquire_resource: translated guests may not map resources, whatever they ask for"))
	})
	it(spec.Meta{
		ID: "memory-op/acquire-resource-of-nobody", Level: spec.Should,
		Clause: memoryH + "struct xen_mem_acquire_resource: domid is the domain whose resource it is; errno.h ESRCH",
	}, func(g *guest) {
		r := xen.New[xen.AcquireResource](g.Arena)
		r.Dom, r.Type = nobody, xen.ResourceGrantTable
		g.ask("memory_op(XENMEM_acquire_resource, {.domid = 0x7fef})", xen.MemoryOp, xen.MemoryAcquireResource, xen.Addr(r)).
			as(expect.Refusal("-ESRCH").If(OneSize, "0", "xen/common/memory.c acquire_resource answers before it looks for the domain").With(refusesGuests["XENMEM_acquire_resource"]...))
	})
	refuse(refusal{
		Meta: spec.Meta{
			ID:     "memory-op/vnuma-of-nobody",
			Clause: memoryH + "struct xen_vnuma_topology_info: domid is the domain asked for; errno.h ESRCH",
		},
		call: "memory_op(XENMEM_get_vnumainfo, {.domid = 0x7fef})", op: xen.MemoryOp,
		args: func(g *guest) []uint64 {
			v := xen.New[xen.VNUMAInfo](g.Arena)
			v.Dom = nobody
			return []uint64{xen.MemoryGetVNUMAInfo, xen.Addr(v)}
		},
		want: []unix.Errno{unix.ESRCH},
	})
	it(spec.Meta{
		ID: "memory-op/pod-target-of-nobody", Level: spec.Should,
		Clause: memoryH + "struct xen_pod_target: domid is the domain asked for; errno.h ESRCH",
	}, func(g *guest) {
		p := xen.New[xen.PodTarget](g.Arena)
		p.Dom = nobody
		g.ask("memory_op(XENMEM_get_pod_target, {.domid = 0x7fef})", xen.MemoryOp, xen.MemoryGetPodTarget, xen.Addr(p)).refused(unix.ESRCH, unix.ENOSYS)
	})
	it(spec.Meta{
		ID: "memory-op/reserved-device-map", Level: spec.Must,
		Clause: memoryH + "struct xen_reserved_device_memory_map: nr_entries becomes the number required, signalled by -ERANGE when it was too low",
	}, func(g *guest) {
		m := xen.New[xen.ReservedMap](g.Arena)
		m.Flags = xen.ReservedMapAll
		r := g.ask("memory_op(XENMEM_reserved_device_memory_map, {.nr_entries = 0})", xen.MemoryOp, xen.MemoryReservedDeviceMap, xen.Addr(m))
		if r.successOr(unix.ERANGE, unix.ENOSYS, unix.EOPNOTSUPP) {
			g.Equal(r.call, r.ret, int64(0))
			g.Equal(r.call+": nr_entries", m.NrEntries, uint32(0))
		} else if r.ret == -int64(unix.ERANGE) {
			g.That(r.call+": nr_entries", m.NrEntries, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", 1<<20)))
		}
	})
})

var pageSize = uint64(os.Getpagesize())
