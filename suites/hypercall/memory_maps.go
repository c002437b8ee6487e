package hypercall

import (
	"encoding/binary"
	"fmt"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

// askMap makes a memory_op about a memory map with room for count entries at buffer, which may be 0.
func (g *guest) askMap(name string, op uint64, count uint32, buffer uint64) (reply, *xen.MemoryMap) {
	m := xen.New[xen.MemoryMap](g.Arena)
	m.NrEntries, m.Buffer = count, buffer
	return g.ask(fmt.Sprintf("memory_op(XENMEM_%s, {.nr_entries = %d})", name, count), xen.MemoryOp, op, xen.Addr(m)), m
}

var _ = suite.Describe("memory-op", func() {
	it(spec.Meta{
		ID: "memory-op/machine-memory-map", Level: spec.Must, Needs: []spec.Probe{Control},
		Clause: memoryH + "XENMEM_machine_memory_map: with a NULL buffer nr_entries is the number required; entries are as BIOS INT 0x15 EAX=0xE820 gives them",
	}, func(g *guest) {
		r, m := g.askMap("machine_memory_map", xen.MemoryMachineMemoryMap, 0, 0)
		r.zero()
		n := m.NrEntries
		g.That(r.call+": nr_entries", n, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", 1024)))
		// Whether exactly n entries are room enough has a spec of its own.
		b := g.Buffer(int(n+1) * xen.E820Size)
		r, m = g.askMap("machine_memory_map", xen.MemoryMachineMemoryMap, n+1, b.Addr())
		r.zero()
		g.Equal(r.call+": nr_entries", m.NrEntries, n)
		ram := uint64(0)
		for e := b.Bytes[:int(n)*xen.E820Size]; len(e) > 0; e = e[xen.E820Size:] {
			const usable = 1
			if binary.LittleEndian.Uint32(e[16:]) == usable {
				ram += binary.LittleEndian.Uint64(e[8:])
			}
		}
		pages := g.askDomain("current_reservation", xen.MemoryCurrentReservation, xen.Self).value()
		g.True(r.call, ram >= uint64(pages)*pageSize, fmt.Sprintf("%d bytes of RAM", ram), fmt.Sprintf("at least the %d pages of this domain", pages))
	})
	it(spec.Meta{
		ID: "memory-op/machine-memory-map-exact", Level: spec.Should, Needs: []spec.Probe{Control},
		Clause: memoryH + "XENMEM_machine_memory_map: with a NULL buffer nr_entries is the number of entries required to store the complete map",
	}, func(g *guest) {
		g.Note("Xen 4.17 refuses this: arch_memory_op (xen/arch/x86/mm.c) wants room for one entry more than its own map has")
		r, m := g.askMap("machine_memory_map", xen.MemoryMachineMemoryMap, 0, 0)
		r.zero()
		n := m.NrEntries
		g.That(r.call+": nr_entries", n, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", 1024)))
		r, m = g.askMap("machine_memory_map", xen.MemoryMachineMemoryMap, n, g.Buffer(int(n)*xen.E820Size).Addr())
		r.record().zero()
		g.Equal(r.call+": nr_entries", m.NrEntries, n)
	})
	it(spec.Meta{
		ID: "memory-op/machine-memory-map-short", Level: spec.Should, Needs: []spec.Probe{Control},
		Clause: memoryH + "struct xen_memory_map: nr_entries is the number of entries which can be stored in buffer",
	}, func(g *guest) {
		// One entry lies before an unmapped page: a second one cannot go unnoticed.
		b := poison(g.AtEdge(xen.E820Size))
		r, m := g.askMap("machine_memory_map", xen.MemoryMachineMemoryMap, 1, b.Addr())
		if r.successOr(unix.EINVAL, unix.ERANGE, unix.ENOBUFS) {
			g.Equal(r.call+": nr_entries", m.NrEntries, uint32(1))
			g.That(r.call+": the entry", b.Bytes, gomega.ContainElement(gomega.Not(gomega.Equal(byte(0xa5)))))
		}
	})
	it(spec.Meta{
		ID: "memory-op/machine-memory-map-unmapped", Level: spec.Must, Needs: []spec.Probe{Control},
		Clause: memoryH + "struct xen_memory_map: buffer is an address; errno.h EFAULT: bad address",
	}, func(g *guest) {
		r, _ := g.askMap("machine_memory_map", xen.MemoryMachineMemoryMap, 1024, g.Unmapped())
		r.refused(unix.EFAULT)
	})
	it(spec.Meta{
		ID: "memory-op/machphys-mapping", Level: spec.Must, Needs: []spec.Probe{PV},
		Clause: memoryH + "struct xen_machphys_mapping; arch-x86/xen-x86_64.h MACH2PHYS_VIRT_START",
	}, func(g *guest) {
		const call = "memory_op(XENMEM_machphys_mapping, &m)"
		m := xen.New[xen.MachphysMapping](g.Arena)
		g.ask(call, xen.MemoryOp, xen.MemoryMachphysMapping, xen.Addr(m)).zero()
		g.Answer(call, fmt.Sprintf("%#x to %#x", m.VStart, m.VEnd))
		g.Equal(call+": v_start", m.VStart, xen.VirtStart)
		g.True(call, m.VEnd > m.VStart, fmt.Sprintf("%#x", m.VEnd), "a v_end above v_start")
		most := g.ask("memory_op(XENMEM_maximum_ram_page, NULL)", xen.MemoryOp, xen.MemoryMaximumRAMPage, 0).value()
		g.True(call, m.MaxMFN >= uint64(most)-1, fmt.Sprintf("max_mfn %#x", m.MaxMFN), fmt.Sprintf("one that covers RAM to frame %#x", most))
	})
	for id, room := range inOrder(map[string]uint32{"none": 0, "one": 1, "all-ones": ^uint32(0)}) {
		it(spec.Meta{
			ID: "memory-op/machphys-list-" + id, Level: spec.Must, Needs: []spec.Probe{PV},
			Clause: memoryH + "struct xen_machphys_mfn_list: max_extents is the size of extent_start; fewer are filled if the table is smaller; nr_extents is how many were",
		}, func(g *guest) {
			call := fmt.Sprintf("memory_op(XENMEM_machphys_mfn_list, {.max_extents = %#x})", room)
			most := g.ask("memory_op(XENMEM_maximum_ram_page, NULL)", xen.MemoryOp, xen.MemoryMaximumRAMPage, 0).value()
			// The table has 8 bytes for each frame, in extents of 2 MiB.
			extents := uint32(uint64(most)*8>>21) + 1
			if extents > 2048 {
				g.NotApplicable("the machine-to-physical table has about %d extents, more than this spec has room for", extents)
			}
			l := xen.New[xen.MachphysList](g.Arena)
			// The list ends at an unmapped page.
			l.MaxExtents, l.NrExtents, l.Start = room, 0xa5a5a5a5, g.AtEdge(int(max(1, min(room, 2048)))*8).Addr()
			g.ask(call, xen.MemoryOp, xen.MemoryMachphysList, xen.Addr(l)).zero()
			if room <= extents {
				g.Equal(call+": nr_extents", l.NrExtents, room)
			} else {
				g.That(call+": nr_extents", l.NrExtents, gomega.And(gomega.BeNumerically(">=", extents-1), gomega.BeNumerically("<=", extents+1)))
			}
		})
	}
	refuse(refusal{
		Meta: spec.Meta{
			ID: "memory-op/machphys-list-unmapped", Level: spec.Must, Needs: []spec.Probe{PV},
			Clause: memoryH + "struct xen_machphys_mfn_list: extent_start is an address; errno.h EFAULT: bad address",
		},
		call: "memory_op(XENMEM_machphys_mfn_list, {.max_extents = 1, .extent_start = unmapped})", op: xen.MemoryOp,
		args: func(g *guest) []uint64 {
			l := xen.New[xen.MachphysList](g.Arena)
			l.MaxExtents, l.Start = 1, g.Unmapped()
			return []uint64{xen.MemoryMachphysList, xen.Addr(l)}
		},
		want: []unix.Errno{unix.EFAULT},
	})
})
