package hypercall

import (
	"strings"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

// fact is one call with one input and what is expected of it.
type fact struct {
	// input says what goes in, as a person reads it.
	input string
	args  func(g *guest) []uint64
	want  expect.Want
	// needs must hold on this machine for the fact to be judged; a fact without it is left out.
	needs *spec.Probe
}

// judge makes the calls of all facts, each with fresh memory. Call is the function's name.
func (g *guest) judge(call string, number uint64, facts []fact) {
	for _, f := range facts {
		if f.needs != nil && !g.Has(*f.needs) {
			continue
		}
		g.Reset()
		args := f.args(g)
		g.ask(call+"("+f.input+")", number, args...).as(f.want)
	}
}

// with gives arguments that do not depend on memory.
func with(args ...uint64) func(*guest) []uint64 { return func(*guest) []uint64 { return args } }

// opKey names a sub-operation in data: the header's name.
type opKey = string

// opID is the ID of a sub-operation's spec.
func opID(h xen.Hypercall, o xen.Op) string {
	return "op/" + kebab(h.Name) + "-" + kebab(strings.ToLower(shortName(h, o)))
}

// shortName is a sub-operation's name without the prefix that all of its family have.
func shortName(h xen.Hypercall, o xen.Op) string {
	return strings.TrimPrefix(o.Name, xen.Prefix(h))
}

// opFacts are sources of facts about a sub-operation. Each gives those that apply, or none.
var opFacts []func(h xen.Hypercall, o xen.Op) []fact

// factsOf collects all that is known of a sub-operation.
func factsOf(h xen.Hypercall, o xen.Op) []fact {
	var all []fact
	for _, source := range opFacts {
		all = append(all, source(h, o)...)
	}
	return all
}

// elsewhere are specs of sub-operations that have no inputs to be refused.
var elsewhere = map[opKey]string{
	"XENMEM_maximum_ram_page":         "memory-op/maximum-ram-page",
	"XENMEM_get_sharing_freed_pages":  "memory-op/sharing-freed",
	"XENMEM_get_sharing_shared_pages": "memory-op/sharing-shared",
	"XENVER_version":                  "xen-version/version",
	"XENVER_pagesize":                 "xen-version/pagesize",
	"CONSOLEIO_read":                  "console-io/read",
	"SCHEDOP_yield":                   "sched-op/yield",
	"SCHEDOP_block":                   "sched-op/block",
	"XENOPROF_init":                   "xenoprof-op/init",
	"XENNMI_unregister_callback":      "nmi-op/unregister",
	"XEN_HYPFS_OP_get_version":        "hypfs-op/version",
}

// Covered counts the sub-operations of the public headers, and those of them that have a spec.
func Covered() (specs, total int, without []string) {
	for _, h := range xen.Table() {
		for _, o := range h.Ops {
			total++
			if len(factsOf(h, o)) > 0 || elsewhere[o.Name] != "" {
				specs++
			} else {
				without = append(without, o.Name)
			}
		}
	}
	return specs, total, without
}

var _ = suite.Describe("op", func() {
	for _, h := range xen.Table() {
		for _, o := range h.Ops {
			facts := factsOf(h, o)
			if len(facts) == 0 {
				continue
			}
			m := spec.Meta{
				ID: opID(h, o), Level: spec.Must,
				Clause: "xen/include/public/" + h.Header + " " + o.Name + ": which inputs are refused, and how; errno.h",
			}
			if h.Number == xen.SysctlOp || h.Number == xen.DomctlOp || h.Number == xen.PlatformOp || h.Number == xen.MCA {
				m.Needs = []spec.Probe{Control}
			}
			it(m, func(g *guest) { g.judge(h.Name, h.Number, facts) })
		}
	}
})
