package hypercall

import (
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

const multicallH = "xen/include/public/xen.h HYPERVISOR_multicall, struct multicall_entry: "

const entrySize = 64

// entries gives n entries that ask for the page size, with results that no call gives.
func entries(b xen.Buffer) []xen.MultiEntry {
	list := xen.Slice[xen.MultiEntry](b)
	for i := range list {
		list[i].Op, list[i].Args[0], list[i].Result = xen.XenVersion, xen.VersionPagesize, -7777
	}
	return list
}

var _ = suite.Describe("multicall", func() {
	for _, n := range []int{1, 2, 128} {
		it(spec.Meta{
			ID: fmt.Sprintf("multicall/%d", n), Level: spec.Must, Needs: []spec.Probe{Multicalls},
			Clause: multicallH + "an array of nr_calls calls, each with its own result",
		}, func(g *guest) {
			call := fmt.Sprintf("multicall(list, %d)", n)
			list := entries(g.Buffer((n + 1) * entrySize))
			g.ask(call, xen.Multicall, xen.Addr(&list[0]), uint64(n)).zero()
			for i, e := range list[:n] {
				g.Equal(fmt.Sprintf("%s: result of %d, XENVER_pagesize", call, i), e.Result, int64(4096))
			}
			g.Equal(call+": the result behind the list", list[n].Result, int64(-7777))
		})
	}
	it(spec.Meta{
		ID: "multicall/0", Level: spec.Must, Needs: []spec.Probe{Multicalls},
		Clause: multicallH + "a list of no calls is not read",
	}, func(g *guest) { g.ask("multicall(unmapped, 0)", xen.Multicall, g.Unmapped(), 0).zero() })
	it(spec.Meta{
		ID: "multicall/mixed", Level: spec.Must, Needs: []spec.Probe{Multicalls},
		Clause: multicallH + "each call has its own result; a refused one does not end the list",
	}, func(g *guest) {
		const call = "multicall({pagesize, number 63, EFAULT, pagesize}, 4)"
		list := entries(g.Buffer(4 * entrySize))
		list[1].Op = 63
		list[2].Args[0], list[2].Args[1] = xen.VersionExtraversion, g.Unmapped()
		g.ask(call, xen.Multicall, xen.Addr(&list[0]), 4).zero()
		for i, want := range []int64{4096, -int64(unix.ENOSYS), -int64(unix.EFAULT), 4096} {
			g.Equal(fmt.Sprintf("%s: result of %d", call, i), reply{ret: list[i].Result}.String(), reply{ret: want}.String())
		}
	})
	it(spec.Meta{
		ID: "multicall/straddling", Level: spec.Must, Needs: []spec.Probe{Multicalls},
		Clause: multicallH + "the list is a virtual address, and an entry may span pages",
	}, func(g *guest) {
		list := entries(g.Straddling(entrySize))
		g.ask("multicall(across two pages, 1)", xen.Multicall, xen.Addr(&list[0]), 1).zero()
		g.Equal("result", list[0].Result, int64(4096))
	})
	it(spec.Meta{
		ID: "multicall/half-mapped", Level: spec.Must, Needs: []spec.Probe{Multicalls},
		Clause: multicallH + "call_list has nr_calls entries; errno.h EFAULT: bad address",
	}, func(g *guest) {
		list := entries(g.AtEdge(entrySize))
		g.ask("multicall(one entry before an unmapped page, 2)", xen.Multicall, xen.Addr(&list[0]), 2).refused(unix.EFAULT)
		g.Answer("result of the entry that is there", list[0].Result)
	})
	it(spec.Meta{
		ID: "multicall/nested", Level: spec.Should, Needs: []spec.Probe{Multicalls},
		Clause: multicallH + "a multicall in a multicall is refused; errno.h EINVAL",
	}, func(g *guest) {
		const call = "multicall({multicall(inner, 1)}, 1)"
		outer, inner := entries(g.Buffer(entrySize)), entries(g.Buffer(entrySize))
		outer[0].Op, outer[0].Args[0], outer[0].Args[1] = xen.Multicall, xen.Addr(&inner[0]), 1
		g.ask(call, xen.Multicall, xen.Addr(&outer[0]), 1).zero()
		g.Equal(call+": result of the inner multicall", reply{ret: outer[0].Result}.String(), "-EINVAL")
		g.Equal(call+": result of the inner call", inner[0].Result, int64(-7777))
	})
	for id, count := range inOrder(map[string]uint64{"one": 1, "sign-bit": 1 << 31, "all-ones": 1<<32 - 1}) {
		refuse(refusal{
			Meta: spec.Meta{
				ID: "multicall/unmapped-" + id, Level: spec.Must, Needs: []spec.Probe{Multicalls},
				Clause: multicallH + "call_list is an address; errno.h EFAULT: bad address",
			},
			call: fmt.Sprintf("multicall(unmapped, %#x)", count), op: xen.Multicall,
			args: func(g *guest) []uint64 { return []uint64{g.Unmapped(), count} },
			want: []unix.Errno{unix.EFAULT},
		})
	}
})
