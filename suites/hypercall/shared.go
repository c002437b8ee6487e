package hypercall

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/onsi/gomega"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

// drivers are the kernel's part in grants and events. Tests put a stand-in under the specs here.
type drivers interface {
	Share(to xen.DomID, writable bool) (ref uint32, page []byte, end func() error, err error)
	Map(of xen.DomID, ref uint32) (page []byte, unmap func() error, err error)
	Listen(to xen.DomID) (port uint32, err error)
	Connect(to xen.DomID, remote uint32) (port uint32, err error)
	Notify(port uint32) error
	Unbind(port uint32) error
	Pending(milliseconds int) (port uint32, err error)
}

var openDrivers = func() (drivers, error) {
	d, err := xen.OpenDrivers()
	if err != nil {
		return nil, err
	}
	return d, nil
}

var ownDrivers = sync.OnceValues(func() (drivers, error) { return openDrivers() })

var _ = suite.WantsModules("xen-gntalloc", "xen-gntdev", "xen-evtchn")

// Grants probes for the kernel's drivers of grants and events.
var Grants = spec.Probe{Name: "Linux's drivers of grants and events", Check: func() error {
	_, err := ownDrivers()
	return err
}}

// sharing is a spec with pages that domain 0 grants to itself.
func sharing(id string, level spec.Level, clause string, body func(g *guest, d drivers), labels ...string) {
	it(spec.Meta{ID: id, Level: level, Clause: clause, Needs: []spec.Probe{Control, Grants}, Labels: labels}, func(g *guest) {
		d, err := ownDrivers()
		g.Setup("opening the drivers", err)
		body(g, d)
	})
}

// share grants a page to this domain until the spec ends.
func (g *guest) share(d drivers, writable bool, fill byte) (ref uint32, page []byte) {
	ref, page, end, err := d.Share(0, writable)
	g.Setup("granting a page", err)
	g.Cleanup(func() { end() })
	for i := range page {
		page[i] = fill
	}
	return ref, page
}

// copyBetween copies n bytes from one granted page to another.
func (g *guest) copyBetween(from, to uint32, n, fromOffset, toOffset uint16) xen.GrantStatus {
	c := xen.New[xen.GrantCopy](g.Arena)
	c.Source, c.Dest = xen.GrantCopyPtr{Ref: uint64(from), Offset: fromOffset}, xen.GrantCopyPtr{Ref: uint64(to), Offset: toOffset}
	c.Len, c.Flags, c.Status = n, xen.CopySourceRef|xen.CopyDestRef, untouched
	call := fmt.Sprintf("grant_table_op(GNTTABOP_copy, %d bytes of an own page from %d to %d)", n, fromOffset, toOffset)
	g.ask(call, xen.GrantTableOp, xen.GrantCopyOp, xen.Addr(c), 1).zero()
	g.Answer(call+": status", c.Status)
	return c.Status
}

var _ = suite.Describe("grant-table", func() {
	sharing("grant-table/copy", spec.Must, grantH+"GNTTABOP_copy: copies len bytes between pages, each named by a grant of its domain", func(g *guest, d drivers) {
		from, source := g.share(d, true, 0x11)
		to, dest := g.share(d, true, 0x22)
		for i := range source {
			source[i] = byte(i)
		}
		g.Equal("status of the copy", g.copyBetween(from, to, 300, 40, 1000), xen.GrantOkay)
		g.True("the destination", bytes.Equal(dest[1000:1300], source[40:340]), fmt.Sprintf("%x…", dest[1000:1016]), fmt.Sprintf("%x…", source[40:56]))
		g.Equal("the bytes around", []byte{dest[999], dest[1300]}, []byte{0x22, 0x22})
	})
	sharing("grant-table/copy-whole-page", spec.Must, grantH+"GNTTABOP_copy: a whole page can be copied", func(g *guest, d drivers) {
		from, _ := g.share(d, true, 0x33)
		to, dest := g.share(d, true, 0x44)
		g.Equal("status of the copy", g.copyBetween(from, to, uint16(pageSize), 0, 0), xen.GrantOkay)
		g.That("the destination", dest, gomega.HaveEach(byte(0x33)))
	})
	sharing("grant-table/copy-to-read-only", spec.Must, grantH+"GNTTABOP_copy: what is granted for reading cannot be written; the status is negative, GNTST_*", func(g *guest, d drivers) {
		from, _ := g.share(d, true, 0x55)
		to, dest := g.share(d, false, 0x66)
		g.That("status of the copy", g.copyBetween(from, to, 16, 0, 0), gomega.BeNumerically("<", 0))
		g.That("the destination", dest, gomega.HaveEach(byte(0x66)))
	})
	sharing("grant-table/copy-across-the-end", spec.Must, grantH+"GNTTABOP_copy, GNTST_bad_copy_arg: arguments cross a page boundary", func(g *guest, d drivers) {
		from, _ := g.share(d, true, 0x77)
		to, dest := g.share(d, true, 0x78)
		g.Equal("status of the copy", g.copyBetween(from, to, 100, 4000, 0), xen.GrantBadCopyArg)
		g.Equal("status of the copy", g.copyBetween(from, to, 100, 0, 4000), xen.GrantBadCopyArg)
		g.That("the destination", dest, gomega.HaveEach(byte(0x78)))
	})
	sharing("grant-table/map", spec.Must, grantH+"GNTTABOP_map_grant_ref, GNTTABOP_unmap_grant_ref: the granted page itself is mapped, and unmapped again", func(g *guest, d drivers) {
		ref, page := g.share(d, true, 0x5c)
		const rounds = 8
		start := time.Now()
		for i := range rounds {
			mapped, unmap, err := d.Map(0, ref)
			g.Success("mapping an own grant", err)
			got := mapped[7]
			mapped[8] = byte(i)
			g.Success("unmapping it", unmap())
			g.Equal("a byte of the mapping", got, byte(0x5c))
			g.Equal("a byte that was written through the mapping", page[8], byte(i))
		}
		g.Sample("hypercall/grant-map-unmap", float64(time.Since(start).Nanoseconds())/rounds, "ns/op")
	}, spec.Bench)
	sharing("grant-table/map-ended", spec.Must, grantH+"GNTTABOP_map_grant_ref, GNTST_bad_gntref: a grant that has ended cannot be mapped", func(g *guest, d drivers) {
		ref, _, end, err := d.Share(0, true)
		g.Setup("granting a page", err)
		g.Setup("ending the grant", end())
		_, unmap, err := d.Map(0, ref)
		if err == nil {
			unmap()
		}
		g.Answer("mapping a grant that has ended", spec.ErrnoName(err))
		g.True("mapping a grant that has ended", err != nil, "success", "a refusal")
	})
})

var _ = suite.Describe("event-channel", func() {
	sharing("event-channel/delivered", spec.Must, eventH+"EVTCHNOP_send: an event that is sent to a port comes at the port it is connected to, and at no other", func(g *guest, d drivers) {
		local, err := d.Listen(0)
		g.Setup("making a port", err)
		g.Cleanup(func() { d.Unbind(local) })
		remote, err := d.Connect(0, local)
		g.Setup("connecting a port", err)
		g.Cleanup(func() { d.Unbind(remote) })
		// Linux tells a port of its connection by an event.
		for port := uint32(1); port != 0; {
			port, err = d.Pending(0)
			g.Setup("emptying the ports", err)
		}
		const rounds = 64
		var took time.Duration
		for range rounds {
			start := time.Now()
			g.Success("EVTCHNOP_send", d.Notify(remote))
			got, err := d.Pending(5000)
			took += time.Since(start)
			g.Success("waiting for the event", err)
			g.Equal("port of the event", got, local)
		}
		got, err := d.Pending(0)
		g.Success("looking for another event", err)
		g.Equal("port of an event that was not sent", got, uint32(0))
		g.Sample("hypercall/event-send-receive", float64(took.Nanoseconds())/rounds, "ns/op")
	}, spec.Bench)
})

var _ = suite.Describe("multicall", func() {
	it(spec.Meta{
		ID: "multicall/preempted", Level: spec.Must, Needs: []spec.Probe{Multicalls},
		Clause: multicallH + "Xen stops in long lists to let events through and goes on where it was: each call is made once",
	}, func(g *guest) {
		const n = 16384
		a, err := xen.NewArena(n*entrySize/int(pageSize) + 1)
		g.Setup("making memory for a long list", err)
		g.Cleanup(func() { a.Close() })
		list := entries(a.Buffer(n * entrySize))
		g.ask("multicall(list, 16384)", xen.Multicall, xen.Addr(&list[0]), n).zero()
		for i := range list {
			if list[i].Result != 4096 {
				g.Equal(fmt.Sprintf("multicall(list, 16384): result of %d", i), list[i].Result, int64(4096))
			}
		}
	})
	it(spec.Meta{
		ID: "multicall/order", Level: spec.Must, Needs: []spec.Probe{Multicalls},
		Clause: multicallH + "the calls are made in the order of the list",
	}, func(g *guest) {
		// A port that is closed before it is closed again.
		port := g.unbound()
		p := xen.New[xen.EvtchnPort](g.Arena)
		p.Port = port
		list := entries(g.Buffer(2 * entrySize))
		for i := range list {
			list[i].Op, list[i].Args[0], list[i].Args[1] = xen.EventChannelOp, xen.EventClose, xen.Addr(p)
		}
		g.ask("multicall({close, close}, 2)", xen.Multicall, xen.Addr(&list[0]), 2).zero()
		g.Equal("result of the first close", reply{ret: list[0].Result}.String(), "0")
		g.Equal("result of the second close", reply{ret: list[1].Result}.String(), "-"+unix.ErrnoName(unix.EINVAL))
	})
})

var _ = suite.Describe("number", func() {
	it(spec.Meta{
		ID: "number/round-trip", Level: spec.Must,
		Clause: "xen/include/public/version.h XENVER_version: returns the same at each call, from a call that does nothing else",
	}, func(g *guest) {
		const rounds = 500
		first, err := g.xen.Hypercall(xen.XenVersion, xen.VersionVersion, 0)
		g.Setup("asking for the version", err)
		g.True("xen_version(XENVER_version, NULL)", first > 0, fmt.Sprint(first), "a version")
		start := time.Now()
		for range rounds {
			ret, err := g.xen.Hypercall(xen.XenVersion, xen.VersionVersion, 0)
			if err != nil || ret != first {
				g.Setup("asking for the version", err)
				g.Equal("xen_version(XENVER_version, NULL)", ret, first)
			}
		}
		g.Sample("hypercall/null", float64(time.Since(start).Nanoseconds())/rounds, "ns/op")
	})
})
