package hypercall

import (
	"fmt"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

func init() { opFacts = append(opFacts, profilerFacts, hypfsFacts, assistFacts, pmuFacts) }

// profilerFacts: nobody is the primary profiler, so nobody may profile. Four operations ask for no profiler
// (xenoprof.c NONPRIV_OP); of them XENOPROF_init makes domain 0 the profiler, and has a spec that ends that again.
func profilerFacts(h xen.Hypercall, o xen.Op) []fact {
	if h.Number != xen.XenoprofOp || o.Number == xen.XenoprofInit {
		return nil
	}
	want, input := expect.Refusal("-EPERM"), "no profiler"
	if o.Number == xen.XenoprofGetBuffer {
		want, input = expect.Refusal("-EFAULT").Also("-EBUSY", "xenoprof.c: somebody else has the performance counters"), "which anybody may ask for"
	}
	return []fact{{o.Name + ", unmapped, " + input, func(g *guest) []uint64 { return []uint64{o.Number, g.Unmapped()} },
		want.Also("-ENOSYS", noProfiling).Also("-EINVAL", "xenoprof.h: a younger operation"), nil}}
}

const noProfiling = "CONFIG_XENOPROF is off"

var _ = suite.Describe("xenoprof-op", func() {
	it(spec.Meta{
		ID: "xenoprof-op/init", Level: spec.Should,
		Clause: "xen/include/public/xenoprof.h XENOPROF_init, struct xenoprof_init: the number of counters, whether the caller is the primary profiler, the type of processor",
	}, func(g *guest) {
		const call = "xenoprof_op(XENOPROF_init, &init)"
		p := xen.New[xen.XenoprofInitInfo](g.Arena)
		p.Primary, p.CPUType[0] = -1, 0xff
		r := g.ask(call, xen.XenoprofOp, xen.XenoprofInit, xen.Addr(p))
		r.as(expect.Exactly("0").Also("-ENOSYS", noProfiling).Also("-ENODEV", "nmi_init (xen/arch/x86/oprofile) knows no counters of this processor"))
		if r.err() != nil {
			return
		}
		if p.Primary != 0 {
			defer g.ask("xenoprof_op(XENOPROF_shutdown)", xen.XenoprofOp, xen.XenoprofShutdown, g.Unmapped()).zero()
		}
		g.True(call+": is_primary", p.Primary == 0 || p.Primary == 1, fmt.Sprint(p.Primary), "0 or 1")
		g.True(call+": num_events", p.Events > 0 && p.Events <= 64, fmt.Sprint(p.Events), "1 to 64")
		kind, ended := xen.Buffer{Bytes: p.CPUType[:]}.String()
		g.True(call+": cpu_type", ended && kind != "" && kind[0] < 0x80, fmt.Sprintf("%q", kind), "a name that ends")
		g.Answer(call+": cpu_type", kind)
	})
})

// hypfsFacts: a name of no bytes, of too many, and one that is not there.
func hypfsFacts(h xen.Hypercall, o xen.Op) []fact {
	if h.Number != xen.HypfsOp || o.Bare {
		return nil
	}
	want := func(texts ...string) expect.Want {
		return expect.Refusal(texts...).Also("-ENOSYS", "CONFIG_HYPFS is off").Also("-ENOTSUP", "CONFIG_HYPFS is off").With(hypfsDenied)
	}
	return []fact{
		{o.Name + ", name unmapped, 8 bytes", func(g *guest) []uint64 { return []uint64{o.Number, g.Unmapped(), 8, 0, 0} }, want("-EFAULT"), nil},
		{o.Name + ", name of no bytes", func(g *guest) []uint64 { return []uint64{o.Number, g.Buffer(8).Addr(), 0, 0, 0} }, want("-EINVAL"), nil},
		{o.Name + ", name of ~0 bytes", func(g *guest) []uint64 { return []uint64{o.Number, g.Buffer(8).Addr(), ^uint64(0), 0, 0} }, want("-EINVAL"), nil},
		{o.Name + ", /nowhere", func(g *guest) []uint64 {
			b := g.Buffer(16)
			n := copy(b.Bytes, "/nowhere") + 1
			return []uint64{o.Number, b.Addr(), uint64(n), g.Buffer(64).Addr(), 64}
		}, want("-ENOENT"), nil},
	}
}

// assistFacts ask for assistance that there is none of (xen.h VMASST_TYPE_*).
func assistFacts(h xen.Hypercall, o xen.Op) []fact {
	if h.Number != xen.VMAssist {
		return nil
	}
	var list []fact
	for _, kind := range []uint64{40, 63, 64, 1 << 31, 1<<32 - 1} {
		list = append(list, fact{fmt.Sprintf("%s, type %#x", o.Name, kind), with(o.Number, kind), expect.Refusal("-EINVAL"), nil})
	}
	return list
}

// pmuFacts: without vpmu= on Xen's command line there is no performance monitoring.
func pmuFacts(h xen.Hypercall, o xen.Op) []fact {
	if h.Number != xen.XenPMUOp || !o.Bare {
		return nil
	}
	return []fact{{o.Name + ", unmapped", func(g *guest) []uint64 { return []uint64{o.Number, g.Unmapped()} },
		expect.Refusal("-ENOTSUP", "-EINVAL"), nil}}
}

// gaps are numbers of sub-operations that no header gives a name: those between the named, and some far
// beyond. The next free ones are left alone: they will be given away.
func gaps(h xen.Hypercall) []uint64 {
	var list []uint64
	for i, o := range h.Ops[1:] {
		for n := h.Ops[i].Number + 1; n < o.Number && o.Number < 100; n++ {
			list = append(list, n)
		}
	}
	if h.Number == xen.MemoryOp {
		// The upper bits say where a preempted call goes on.
		return list
	}
	return append(list, 1<<12, 1<<16, 1<<31-1)
}

// actsOnGap are calls whose numbers without a name do something all the same.
var actsOnGap = map[uint64]bool{
	xen.KexecOp: true, // unknown-op/kexec-op tells of it
	// Gaps were operations once, and some are continuations of Xen's own.
	xen.XSMOp: true,
}

var _ = suite.Describe("unused", func() {
	for _, h := range xen.Table() {
		if h.SubOp == xen.None || len(h.Ops) == 0 || actsOnGap[h.Number] {
			continue
		}
		it(spec.Meta{
			ID: "unused/" + kebab(h.Name), Level: spec.Must,
			Clause: "xen/include/public/" + h.Header + ": numbers without a name; errno.h ENOSYS: function not implemented",
		}, func(g *guest) {
			want := expect.Refusal("-ENOSYS").With(refusals(h.Number, "")...)
			switch h.Number {
			case xen.GrantTableOp:
				want = want.Also("-EINVAL", "xen/common/grant_table.c: from bit 12 on a number says where a preempted call goes on")
			case xen.XenoprofOp, xen.HypfsOp:
				want = want.Also("-EINVAL", "xenoprof.c and hypfs.c answer so to numbers that they do not know")
			}
			var facts []fact
			for _, n := range gaps(h) {
				facts = append(facts, fact{fmt.Sprintf("%d, unmapped", n), func(g *guest) []uint64 {
					args := make([]uint64, xen.MaxArgs)
					args[h.SubOp] = n
					if h.Pointer != xen.None {
						args[h.Pointer] = g.Unmapped()
					}
					if h.Count != xen.None {
						args[h.Count] = 1
					}
					return args
				}, want, nil})
			}
			g.judge(h.Name, h.Number, facts)
		})
	}
	for _, h := range controls() {
		it(spec.Meta{
			ID: "unused/" + kebab(h.Name), Level: spec.Must, Needs: []spec.Probe{Control},
			Clause: "xen/include/public/" + h.Header + ": numbers without a name; errno.h ENOSYS: function not implemented",
		}, func(g *guest) {
			v, err := spoken()
			g.Setup("finding the interface versions", err)
			var facts []fact
			for _, n := range gaps(h) {
				facts = append(facts, fact{fmt.Sprintf("%d, {0}", n), command(uint32(n), v.of(h.Number), 0), expect.Refusal("-ENOSYS", "-ENOTSUP"), nil})
			}
			g.judge(h.Name, h.Number, facts)
		})
	}
})
