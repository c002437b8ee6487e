package hypercall

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

// text is a sub-operation of xen_version that fills a fixed array with text.
type text struct {
	id, name string
	op       uint64
	size     int
}

var texts = []text{
	{"extraversion", "XENVER_extraversion", xen.VersionExtraversion, 16},
	{"capabilities", "XENVER_capabilities", xen.VersionCapabilities, 1024},
	{"changeset", "XENVER_changeset", xen.VersionChangeset, 64},
	{"commandline", "XENVER_commandline", xen.VersionCommandline, 1024},
}

// poison fills a buffer so that what Xen wrote can be told from what was there.
func poison(b xen.Buffer) xen.Buffer {
	for i := range b.Bytes {
		b.Bytes[i] = 0xa5
	}
	return b
}

var _ = suite.Describe("xen-version", func() {
	it(spec.Meta{
		ID: "xen-version/version", Level: spec.Must,
		Clause: "xen/include/public/version.h XENVER_version: arg is NULL; returns major:minor (16:16)",
	}, func(g *guest) {
		const call = "xen_version(XENVER_version, NULL)"
		v := g.ask(call, xen.XenVersion, xen.VersionVersion, 0).value()
		g.Answer(call, fmt.Sprintf("%d.%d", v>>16, v&0xffff))
		g.That(call, v, gomega.And(gomega.BeNumerically(">=", 3<<16), gomega.BeNumerically("<", 1<<32)))
	})
	for _, s := range texts {
		it(spec.Meta{
			ID: "xen-version/" + s.id, Level: spec.Must,
			Clause: fmt.Sprintf("xen/include/public/version.h %s: returns 0 and fills an array of %d characters", s.name, s.size),
		}, func(g *guest) {
			call := fmt.Sprintf("xen_version(%s, buf)", s.name)
			b := poison(g.Buffer(s.size))
			g.ask(call, xen.XenVersion, s.op, b.Addr()).zero()
			got, terminated := b.String()
			g.True(call, terminated, "no NUL", fmt.Sprintf("a NUL within %d characters", s.size))
			g.Answer(call, got)
			if s.op == xen.VersionCapabilities {
				g.True(call, strings.Contains(got, "xen-3.0-x86_64"), got, "the ABI of 64-bit PV domains, xen-3.0-x86_64")
			}
		})
	}
	it(spec.Meta{
		ID: "xen-version/compile-info", Level: spec.Must,
		Clause: "xen/include/public/version.h struct xen_compile_info: four strings",
	}, func(g *guest) {
		const call = "xen_version(XENVER_compile_info, &info)"
		b := poison(g.Buffer(144))
		g.ask(call, xen.XenVersion, xen.VersionCompileInfo, b.Addr()).zero()
		info := xen.At[xen.CompileInfo](b)
		for _, f := range []struct {
			name  string
			bytes []byte
		}{{"compiler", info.Compiler[:]}, {"compile_by", info.By[:]}, {"compile_domain", info.Domain[:]}, {"compile_date", info.Date[:]}} {
			s, terminated := xen.Buffer{Bytes: f.bytes}.String()
			g.True(call, terminated, f.name+" without a NUL", "strings that end in their arrays")
			g.Answer(f.name, s)
		}
	})
	it(spec.Meta{
		ID: "xen-version/platform-parameters", Level: spec.Must, Needs: []spec.Probe{PV},
		Clause: "xen/include/public/version.h struct xen_platform_parameters, arch-x86/xen-x86_64.h HYPERVISOR_VIRT_START: Xen's part of the address space begins at 0xffff800000000000",
	}, func(g *guest) {
		const call = "xen_version(XENVER_platform_parameters, &p)"
		p := xen.New[uint64](g.Arena)
		g.ask(call, xen.XenVersion, xen.VersionPlatformParameters, xen.Addr(p)).zero()
		g.Equal(call, *p, xen.VirtStart)
	})
	it(spec.Meta{
		ID: "xen-version/features", Level: spec.Must,
		Clause: "xen/include/public/version.h struct xen_feature_info: submap_idx is an input, submap an output; features.h",
	}, func(g *guest) {
		const call = "xen_version(XENVER_get_features, {.submap_idx = 0})"
		f := xen.New[xen.FeatureInfo](g.Arena)
		g.ask(call, xen.XenVersion, xen.VersionGetFeatures, xen.Addr(f)).zero()
		g.Answer(call, fmt.Sprintf("%#x", f.Submap))
		g.Equal(call+": submap_idx", f.Index, uint32(0))
		g.That(call+": submap", f.Submap, gomega.Not(gomega.BeZero()))
	})
	for id, index := range inOrder(map[string]uint32{"one-too-many": 1, "all-ones": ^uint32(0)}) {
		refuse(refusal{
			Meta: spec.Meta{
				ID:     "xen-version/features-" + id,
				Clause: "xen/include/public/features.h XENFEAT_NR_SUBMAPS: there is one submap",
			},
			call: fmt.Sprintf("xen_version(XENVER_get_features, {.submap_idx = %#x})", index), op: xen.XenVersion,
			args: func(g *guest) []uint64 {
				f := xen.New[xen.FeatureInfo](g.Arena)
				f.Index = index
				return []uint64{xen.VersionGetFeatures, xen.Addr(f)}
			},
			want: []unix.Errno{unix.EINVAL},
		})
	}
	it(spec.Meta{
		ID: "xen-version/pagesize", Level: spec.Must,
		Clause: "xen/include/public/version.h XENVER_pagesize: arg is NULL; returns the host's page size",
	}, func(g *guest) {
		const call = "xen_version(XENVER_pagesize, NULL)"
		g.Equal(call, g.ask(call, xen.XenVersion, xen.VersionPagesize, 0).value(), int64(4096))
	})
	it(spec.Meta{
		ID: "xen-version/guest-handle", Level: spec.Must,
		Clause: "xen/include/public/version.h XENVER_guest_handle: fills a xen_domain_handle_t of 16 bytes",
	}, func(g *guest) {
		const call = "xen_version(XENVER_guest_handle, &uuid)"
		b := poison(g.Buffer(17))
		g.ask(call, xen.XenVersion, xen.VersionGuestHandle, b.Addr()).zero()
		g.Answer(call, fmt.Sprintf("%x", b.Bytes[:16]))
		g.That(call, b.Bytes[:16], gomega.ContainElement(gomega.Not(gomega.Equal(byte(0xa5)))))
		g.Equal(call+": the byte behind", b.Bytes[16], byte(0xa5))
	})
})
