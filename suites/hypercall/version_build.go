package hypercall

import (
	"encoding/binary"
	"fmt"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

const buildID = "xen/include/public/version.h XENVER_build_id: "

// askBuildID asks for a build ID into a buffer that says it has room for len bytes.
func (g *guest) askBuildID(length uint32, room int) (reply, []byte) {
	b := g.Buffer(4 + room)
	binary.LittleEndian.PutUint32(b.Bytes, length)
	return g.ask(fmt.Sprintf("xen_version(XENVER_build_id, {.len = %d})", length), xen.XenVersion, xen.VersionBuildID, b.Addr()), b.Bytes[4:]
}

// buildIDSize is the build ID's size in bytes. A Xen linked without one has nothing to judge.
func (g *guest) buildIDSize() int64 {
	r := g.ask("xen_version(XENVER_build_id, NULL)", xen.XenVersion, xen.VersionBuildID, 0)
	if !r.successOr(unix.ENODATA) {
		g.NotApplicable("this Xen has no build ID: %v", r)
	}
	g.That(r.call, r.ret, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<=", 1024)))
	return r.ret
}

var _ = suite.Describe("xen-version", func() {
	it(spec.Meta{
		ID: "xen-version/build-id", Level: spec.Must, Needs: []spec.Probe{Control},
		Clause: buildID + "returns the number of bytes written; with an empty parameter, the size",
	}, func(g *guest) {
		size := g.buildIDSize()
		r, id := g.askBuildID(uint32(size), int(size))
		g.Equal(r.call, r.value(), size)
		g.Answer(r.call, fmt.Sprintf("%x", id))
		g.That(r.call, id, gomega.ContainElement(gomega.Not(gomega.BeZero())))
	})
	it(spec.Meta{
		ID: "xen-version/build-id-short", Level: spec.Must, Needs: []spec.Probe{Control},
		Clause: buildID + "len is the size of buf",
	}, func(g *guest) {
		size := g.buildIDSize()
		for _, short := range []uint32{0, 1, uint32(size) - 1} {
			r, id := g.askBuildID(short, int(size))
			r.refused(unix.ENOBUFS, unix.EINVAL)
			g.That(r.call, id[short:], gomega.HaveEach(byte(0)))
		}
	})
	it(spec.Meta{
		ID: "xen-version/straddling", Level: spec.Must,
		Clause: "xen/include/public/version.h XENVER_extraversion: an address is a guest's virtual address, and may span pages",
	}, func(g *guest) {
		const call = "xen_version(XENVER_extraversion, across two pages)"
		whole, split := poison(g.Buffer(16)), poison(g.Straddling(16))
		g.ask("xen_version(XENVER_extraversion, buf)", xen.XenVersion, xen.VersionExtraversion, whole.Addr()).zero()
		g.ask(call, xen.XenVersion, xen.VersionExtraversion, split.Addr()).zero()
		want, terminated := whole.String()
		g.True(call, terminated, "no NUL", "a NUL within 16 characters")
		got, _ := split.String()
		g.Equal(call, got, want)
	})
	for _, s := range texts {
		refuse(refusal{
			Meta: spec.Meta{
				ID: "xen-version/" + s.id + "-half-mapped", Level: spec.Must, Needs: readers(s.op),
				Clause: fmt.Sprintf("xen/include/public/version.h %s: arg has room for %d characters; errno.h EFAULT: bad address", s.name, s.size),
			},
			call: fmt.Sprintf("xen_version(%s, %d bytes before an unmapped page)", s.name, s.size/2), op: xen.XenVersion,
			args: func(g *guest) []uint64 { return []uint64{s.op, g.AtEdge(s.size / 2).Addr()} },
			want: []unix.Errno{unix.EFAULT},
		})
	}
	for id, at := range inOrder(map[string]uint64{"null": 0, "of-xen": xen.VirtStart + 0x30000000000, "non-canonical": 1 << 63, "last-byte": ^uint64(0)}) {
		refuse(refusal{
			Meta: spec.Meta{
				ID: "xen-version/pointer-" + id, Level: spec.Must, Needs: []spec.Probe{PV},
				Clause: "xen/include/public/errno.h EFAULT: bad address; arch-x86/xen-x86_64.h: addresses from 0xffff800000000000 on are Xen's",
			},
			call: fmt.Sprintf("xen_version(XENVER_extraversion, %#x)", at), op: xen.XenVersion,
			args: func(*guest) []uint64 { return []uint64{xen.VersionExtraversion, at} },
			want: []unix.Errno{unix.EFAULT},
		})
	}
	for i, s := range texts {
		op := xen.VersionExtraversion2 + uint64(i)
		it(spec.Meta{
			ID: fmt.Sprintf("xen-version/%s2-size", s.id), Level: spec.Must, Needs: readers(s.op),
			Clause: fmt.Sprintf("xen/include/public/version.h %s2 (Xen 4.20): with an empty parameter it returns the size of what %s may have to cut short", s.name, s.name),
		}, func(g *guest) {
			r := g.ask(fmt.Sprintf("xen_version(%s2, NULL)", s.name), xen.XenVersion, op, 0)
			if !r.successOr(unix.ENOSYS, unix.ENODATA) {
				return
			}
			g.Answer(r.call, "there")
			b := g.Buffer(s.size)
			g.ask(fmt.Sprintf("xen_version(%s, buf)", s.name), xen.XenVersion, s.op, b.Addr()).zero()
			fixed, _ := b.String()
			g.That(r.call, r.ret, gomega.BeNumerically(">=", len(fixed)))
		})
	}
})

// readers are the domains that Xen tells the text: its command line is for control domains, others are told
// "<denied>" (xen/common/kernel.c).
func readers(op uint64) []spec.Probe {
	if op == xen.VersionCommandline {
		return []spec.Probe{Control}
	}
	return nil
}
