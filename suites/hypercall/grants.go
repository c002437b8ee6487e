package hypercall

import (
	"fmt"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

const grantH = "xen/include/public/grant_table.h "

// noStatusFrames is why translated domains get none.
const noStatusFrames = "xen/arch/x86/hvm/hypercall.c hvm_grant_table_op leaves it out: frames are mapped by XENMEM_add_to_physmap"

// untouched is no grant status: it shows whether Xen wrote one.
const untouched xen.GrantStatus = 0x5a5a

var _ = suite.Describe("grant-table", func() {
	it(spec.Meta{
		ID: "grant-table/query-size", Level: spec.Must,
		Clause: grantH + "GNTTABOP_query_size: the current and maximum sizes; dom may be DOMID_SELF",
	}, func(g *guest) {
		const call = "grant_table_op(GNTTABOP_query_size, {DOMID_SELF}, 1)"
		q := xen.New[xen.GrantQuerySize](g.Arena)
		q.Dom, q.Status = xen.Self, untouched
		g.ask(call, xen.GrantTableOp, xen.GrantQuerySizeOp, xen.Addr(q), 1).zero()
		g.Equal(call+": status", q.Status, xen.GrantOkay)
		g.That(call+": max_nr_frames", q.MaxNrFrames, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically(">=", q.NrFrames)))
		g.Answer("max_nr_frames", q.MaxNrFrames)
	})
	it(spec.Meta{
		ID: "grant-table/query-size-of-nobody", Level: spec.Must,
		Clause: grantH + "GNTTABOP_query_size, GNTST_bad_domain: the status of an unrecognised domain",
	}, func(g *guest) {
		const call = "grant_table_op(GNTTABOP_query_size, {0x7fef}, 1)"
		q := xen.New[xen.GrantQuerySize](g.Arena)
		q.Dom, q.Status = nobody, untouched
		g.ask(call, xen.GrantTableOp, xen.GrantQuerySizeOp, xen.Addr(q), 1).zero()
		g.Equal(call+": status", q.Status, xen.GrantBadDomain)
	})
	it(spec.Meta{
		ID: "grant-table/get-version", Level: spec.Must,
		Clause: grantH + "GNTTABOP_get_version: the version in effect; the only defined ones are 1 and 2",
	}, func(g *guest) {
		const call = "grant_table_op(GNTTABOP_get_version, {DOMID_SELF}, 1)"
		v := xen.New[xen.GrantGetVersion](g.Arena)
		v.Dom = xen.Self
		g.ask(call, xen.GrantTableOp, xen.GrantGetVersionOp, xen.Addr(v), 1).zero()
		g.Answer(call, v.Version)
		g.That(call, v.Version, gomega.Or(gomega.Equal(uint32(1)), gomega.Equal(uint32(2))))
	})
	refuse(refusal{
		Meta: spec.Meta{
			ID:     "grant-table/get-version-of-nobody",
			Clause: grantH + "GNTTABOP_get_version: dom is a domain; errno.h ESRCH",
		},
		call: "grant_table_op(GNTTABOP_get_version, {0x7fef}, 1)", op: xen.GrantTableOp,
		args: func(g *guest) []uint64 {
			return append(structure(xen.GrantGetVersionOp, func(s *xen.GrantGetVersion) { s.Dom = nobody })(g), 1)
		},
		want: []unix.Errno{unix.ESRCH},
	})
	it(spec.Meta{
		ID: "grant-table/status-frames", Level: spec.Should,
		Clause: grantH + "GNTTABOP_get_status_frames: frames of a version 2 table; otherwise status is negative",
	}, func(g *guest) {
		const call = "grant_table_op(GNTTABOP_get_status_frames, {0, DOMID_SELF}, 1)"
		f := xen.New[xen.GrantStatusFrames](g.Arena)
		f.Dom, f.Status = xen.Self, untouched
		r := g.ask(call, xen.GrantTableOp, xen.GrantGetStatusFrames, xen.Addr(f), 1)
		r.as(expect.Exactly("0").If(Translated, "-ENOSYS", noStatusFrames))
		if r.err() != nil {
			return
		}
		g.Answer(call, f.Status)
		g.That(call+": status", f.Status, gomega.Or(gomega.Equal(xen.GrantOkay), gomega.Equal(xen.GrantGeneralError)))
	})
	it(spec.Meta{
		ID: "grant-table/map-from-nobody", Level: spec.Must,
		Clause: grantH + "HYPERVISOR_grant_table_op: an array of count structures; GNTTABOP_map_grant_ref: status is negative on error; GNTST_bad_domain",
	}, func(g *guest) {
		const call = "grant_table_op(GNTTABOP_map_grant_ref, {.dom = 0x7fef}, 2)"
		m := xen.Slice[xen.GrantMap](g.Buffer(3 * 32))
		for i := range m {
			m[i].Flags, m[i].Dom, m[i].Status = xen.GrantMapHost, nobody, untouched
		}
		g.ask(call, xen.GrantTableOp, xen.GrantMapRef, xen.Addr(&m[0]), 2).zero()
		for i, want := range []xen.GrantStatus{xen.GrantBadDomain, xen.GrantBadDomain, untouched} {
			g.Equal(fmt.Sprintf("%s: status of %d", call, i), m[i].Status, want)
		}
	})
	it(spec.Meta{
		ID: "grant-table/unmap-bad-handle", Level: spec.Must,
		Clause: grantH + "GNTTABOP_unmap_grant_ref, GNTST_bad_handle: unrecognised handle",
	}, func(g *guest) {
		const call = "grant_table_op(GNTTABOP_unmap_grant_ref, {.handle = ~0}, 1)"
		u := xen.New[xen.GrantUnmap](g.Arena)
		u.Handle, u.Status = ^uint32(0), untouched
		g.ask(call, xen.GrantTableOp, xen.GrantUnmapRef, xen.Addr(u), 1).zero()
		g.Equal(call+": status", u.Status, xen.GrantBadHandle)
	})
	for id, c := range inOrder(map[string]struct {
		fill func(c *xen.GrantCopy)
		want xen.GrantStatus
	}{
		"from-nobody":   {func(c *xen.GrantCopy) { c.Source.Dom, c.Len = nobody, 8 }, xen.GrantBadDomain},
		"across-a-page": {func(c *xen.GrantCopy) { c.Source.Offset, c.Len = 4000, 200 }, xen.GrantBadCopyArg},
		"of-64k":        {func(c *xen.GrantCopy) { c.Len = 0xffff }, xen.GrantBadCopyArg},
	}) {
		it(spec.Meta{
			ID: "grant-table/copy-" + id, Level: spec.Must,
			Clause: grantH + "GNTTABOP_copy, GNTST_bad_copy_arg: arguments cross a page boundary; GNTST_bad_domain: unrecognised domain",
		}, func(g *guest) {
			call := "grant_table_op(GNTTABOP_copy, " + id + ", 1)"
			p := xen.New[xen.GrantCopy](g.Arena)
			p.Source.Dom, p.Dest.Dom, p.Status = xen.Self, xen.Self, untouched
			// The highest reference is far beyond any table: nothing can be copied.
			p.Source.Ref, p.Dest.Ref, p.Flags = 1<<32-1, 1<<32-1, xen.CopySourceRef|xen.CopyDestRef
			c.fill(p)
			g.ask(call, xen.GrantTableOp, xen.GrantCopyOp, xen.Addr(p), 1).zero()
			g.Answer(call, p.Status)
			g.That(call+": status", p.Status, gomega.Or(gomega.Equal(c.want), gomega.Equal(xen.GrantBadRef)))
		})
	}
	it(spec.Meta{
		ID: "grant-table/swap-bad-references", Level: spec.Must,
		Clause: grantH + "GNTTABOP_swap_grant_ref, GNTST_bad_gntref: unrecognised reference",
	}, func(g *guest) {
		const call = "grant_table_op(GNTTABOP_swap_grant_ref, {~0, ~0}, 1)"
		s := xen.New[xen.GrantSwap](g.Arena)
		s.RefA, s.RefB, s.Status = ^uint32(0), ^uint32(0), untouched
		g.ask(call, xen.GrantTableOp, xen.GrantSwapRef, xen.Addr(s), 1).zero()
		g.Equal(call+": status", s.Status, xen.GrantBadRef)
	})
	it(spec.Meta{
		ID: "grant-table/count-zero", Level: spec.Should,
		Clause: grantH + "HYPERVISOR_grant_table_op: an array of no structures is not read",
	}, func(g *guest) {
		g.ask("grant_table_op(GNTTABOP_map_grant_ref, unmapped, 0)", xen.GrantTableOp, xen.GrantMapRef, g.Unmapped(), 0).zero()
	})
	for id, count := range inOrder(map[string]uint64{"sign-bit": 1 << 31, "all-ones": 1<<32 - 1}) {
		refuse(refusal{
			Meta: spec.Meta{
				ID:     "grant-table/count-" + id,
				Clause: grantH + "HYPERVISOR_grant_table_op: count is how many structures there are; errno.h EINVAL, EFAULT",
			},
			call: fmt.Sprintf("grant_table_op(GNTTABOP_map_grant_ref, unmapped, %#x)", count), op: xen.GrantTableOp,
			args: func(g *guest) []uint64 { return []uint64{xen.GrantMapRef, g.Unmapped(), count} },
			want: []unix.Errno{unix.EINVAL, unix.EFAULT},
		})
	}
	refuse(refusal{
		Meta: spec.Meta{
			ID: "grant-table/array-half-mapped", Level: spec.Must,
			Clause: grantH + "HYPERVISOR_grant_table_op: args points to an array of count structures; errno.h EFAULT: bad address",
		},
		call: "grant_table_op(GNTTABOP_map_grant_ref, one before an unmapped page, 2)", op: xen.GrantTableOp,
		args: func(g *guest) []uint64 {
			b := g.AtEdge(32)
			xen.At[xen.GrantMap](b).Dom = nobody
			return []uint64{xen.GrantMapRef, b.Addr(), 2}
		},
		want: []unix.Errno{unix.EFAULT},
	})
})
