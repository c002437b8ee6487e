package hypercall

import (
	"fmt"
	"slices"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

// readEarly gives the calls that the firmware made. Tests put others in their place.
var readEarly = xen.ReadEarly

// Early probes for calls that were made from 32-bit code before there was a kernel.
var Early = spec.Probe{Name: "calls from 32-bit code", Check: func() error {
	_, err := readEarly()
	return err
}}

// entry32 is a spec of calls with a number that were made from 32-bit code.
func entry32(id, clause string, of func(e xen.Early) bool, body func(g *guest, e xen.Early)) {
	it(spec.Meta{ID: "entry-32/" + id, Level: spec.Must, Clause: clause, Needs: []spec.Probe{Translated, Early}}, func(g *guest) {
		list, err := readEarly()
		g.Setup("reading the calls", err)
		list = slices.DeleteFunc(slices.Clone(list), func(e xen.Early) bool { return !of(e) })
		g.True("the firmware's calls", len(list) > 0, "none", "at least one")
		for _, e := range list {
			g.Reset()
			body(g, e)
		}
	})
}

// narrower are answers that differ from those to 64-bit code: the calls come by way of code that translates their
// structures.
var narrower = map[opKey]expect.Known{
	"XENMEM_machphys_mfn_list":              {Text: "-ENOTSUP", Source: "CONFIG_PV32 is off"},
	"XENMEM_claim_pages":                    {Text: "-ENOSYS", Source: compatMemoryC + "has no such case"},
	"XENMEM_acquire_resource":               {Text: "-EFAULT", Source: compatMemoryC + "reads the structure before it is looked at who calls"},
	"VCPUOP_register_vcpu_time_memory_area": {Text: "-ENOSYS", Source: "Xen 4.14's compat_vcpu_op (xen/common/compat/domain.c) has no such case, later ones have"},
	"XENMEM_machine_memory_map":             {Text: "-EFAULT", Source: compatMemoryC + "reads the structure before it is looked at who calls"},
}

const compatMemoryC = "xen/common/compat/memory.c, xen/arch/x86/x86_64/compat/mm.c: compat_memory_op "

// ofNumbers chooses calls by number.
func ofNumbers(numbers []uint64) func(e xen.Early) bool {
	return func(e xen.Early) bool { return slices.Contains(numbers, uint64(e.Number)) }
}

var _ = suite.Describe("entry-32", func() {
	var pvOnly []uint64
	for _, h := range xen.PVOnly() {
		pvOnly = append(pvOnly, h.Number)
	}
	const clause = "xen/include/public/arch-x86/xen-x86_32.h: the same calls, arguments in EBX, ECX, EDX, ESI, EDI; "
	for id, numbers := range inOrder(map[string][]uint64{"unused-numbers": xen.Holes(), "pv-calls": pvOnly}) {
		entry32(id, clause+"errno.h ENOSYS: no such call of an HVM domain", ofNumbers(numbers), func(g *guest, e xen.Early) {
			reply{g, fmt.Sprintf("hypercall %d from 32-bit code", e.Number), int64(e.Result)}.as(expect.Exactly("-ENOSYS"))
		})
	}
	for _, h := range subOps() {
		if slices.Contains(pvOnly, h.Number) {
			continue
		}
		entry32(kebab(h.Name), clause+"a structure that is not there is refused as from 64-bit code", ofNumbers([]uint64{h.Number}), func(g *guest, e xen.Early) {
			op := uint64(e.Args[h.SubOp])
			o, _ := h.Op(op)
			call := fmt.Sprintf("%s(%s, unmapped)", h.Name, o.Name)
			wide := g.ask(call, h.Number, unmappedArgs(g, h, op)...)
			g.True(call, wide.err() != nil, wide.String(), "a refusal")
			want := expect.Refusal(wide.String())
			if k, ok := narrower[o.Name]; ok {
				want = want.With(k)
			}
			reply{g, call + " from 32-bit code", int64(e.Result)}.as(want)
		})
	}
})
