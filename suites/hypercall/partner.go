package hypercall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

// commandLine gives the kernel's parameters. Tests put others in their place.
var commandLine = func() ([]byte, error) { return os.ReadFile("/proc/cmdline") }

// offered is the port and the page that dom0 has for this guest.
func offered() (port, ref uint32, err error) {
	text, err := commandLine()
	if err != nil {
		return 0, 0, err
	}
	for word := range strings.FieldsSeq(string(text)) {
		if value, ok := strings.CutPrefix(word, xen.PartnerParam+"="); ok {
			if _, err := fmt.Sscanf(value, "%d,%d", &port, &ref); err != nil {
				return 0, 0, fmt.Errorf("the parameter %s: %w", word, err)
			}
			return port, ref, nil
		}
	}
	return 0, 0, errors.New("this domain has no partner in dom0")
}

// Partnered probes for a dom0 that answers this guest's events.
var Partnered = spec.Probe{Name: "a partner in dom0", Check: func() error {
	_, _, err := offered()
	return err
}}

// partnered is a spec between this guest and dom0: page is dom0's, call sends an event and waits for the answer.
func partnered(id, clause string, body func(g *guest, d drivers, page *xen.Partner, call func())) {
	it(spec.Meta{ID: id, Level: spec.Must, Clause: clause, Needs: []spec.Probe{Guest, Grants, Partnered}, Labels: []string{spec.Bench}}, func(g *guest) {
		remote, ref, err := offered()
		g.Setup("reading what dom0 offers", err)
		d, err := ownDrivers()
		g.Setup("opening the drivers", err)
		mapped, unmap, err := d.Map(0, ref)
		g.Success("mapping a page that dom0 granted", err)
		g.Cleanup(func() { unmap() })
		page := (*xen.Partner)(unsafe.Pointer(unsafe.SliceData(mapped)))
		g.Equal("the page's first 8 bytes, which dom0 wrote", page.Magic, uint64(xen.PartnerMagic))
		local, err := d.Connect(0, remote)
		g.Success("EVTCHNOP_bind_interdomain to the port that dom0 offers", err)
		g.Cleanup(func() { d.Unbind(local) })
		for port := uint32(1); port != 0; { // Linux tells a port of its connection by an event
			port, err = d.Pending(0)
			g.Setup("emptying the ports", err)
		}
		body(g, d, page, func() {
			g.Success("EVTCHNOP_send", d.Notify(local))
			got, err := d.Pending(10_000)
			g.Success("waiting for dom0's event", err)
			g.Equal("port of dom0's event", got, local)
		})
	})
}

var _ = suite.Describe("guest", func() {
	// A port accepts one domain's binding once, so one spec does all that goes over it.
	partnered("guest/partner", eventH+"EVTCHNOP_bind_interdomain, EVTCHNOP_send; "+grantH+"GNTTABOP_map_grant_ref: events go to and fro between domains, and each maps the other's page",
		func(g *guest, d drivers, page *xen.Partner, call func()) {
			call()
			const rounds = 64
			before := page.Count.Load()
			start := time.Now()
			for range rounds {
				call()
			}
			took := time.Since(start)
			g.Equal("events that dom0 counted in the shared page", page.Count.Load()-before, uint64(rounds))
			g.Sample("hypercall/event-to-dom0-and-back", float64(took.Nanoseconds())/rounds, "ns/op")

			_, ref, err := offered()
			g.Setup("reading what dom0 offers", err)
			start = time.Now()
			for range rounds {
				mapped, unmap, err := d.Map(0, ref)
				g.Success("mapping dom0's page again", err)
				magic := binary.LittleEndian.Uint64(mapped)
				g.Success("unmapping it", unmap())
				g.Equal("its first 8 bytes", magic, uint64(xen.PartnerMagic))
			}
			g.Sample("hypercall/grant-map-unmap-of-dom0", float64(time.Since(start).Nanoseconds())/rounds, "ns/op")

			const mark = 0x1122334455667788
			own, mine, end, err := d.Share(0, true)
			g.Setup("granting a page to dom0", err)
			g.Cleanup(func() { end() })
			binary.LittleEndian.PutUint64(mine, mark)
			page.Ref.Store(uint64(own))
			call()
			page.Ref.Store(0)
			g.Equal("dom0 failed to map this domain's page", page.Failed.Load(), uint64(0))
			g.Equal("this domain's page as dom0 saw it", page.Seen.Load(), uint64(mark))
			n := page.Rounds.Load()
			g.True("how often dom0 mapped this domain's page", n > 0, fmt.Sprint(n), "at least once")
			g.Sample("hypercall/grant-map-unmap-by-dom0", float64(page.Took.Load())/float64(n), "ns/op")
		})
})
