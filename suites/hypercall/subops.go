package hypercall

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

// unknownOp is a sub-operation that no hypercall has. The argument's upper bits say where a preempted
// call goes on: memory_op has 6 bits for the operation.
func unknownOp(h xen.Hypercall) uint64 {
	if h.Number == xen.MemoryOp {
		return 63
	}
	return 200
}

// unmappedArgs are the arguments of a call of op with an unmapped structure.
func unmappedArgs(g *guest, h xen.Hypercall, op uint64) []uint64 {
	args := make([]uint64, xen.MaxArgs)
	args[h.SubOp], args[h.Pointer] = op, g.Unmapped()
	if h.Count != xen.None {
		args[h.Count] = 1
	}
	return args
}

// subOps are the hypercalls that take a sub-operation and a structure, controls those whose sub-operation
// is the structure's first word.
func subOps() (list []xen.Hypercall) {
	for _, h := range xen.Table() {
		if h.SubOp != xen.None && h.Pointer != xen.None && len(h.Ops) > 0 && h.Number != xen.XenoprofOp {
			list = append(list, h)
		}
	}
	return list
}

func controls() (list []xen.Hypercall) {
	for _, h := range xen.Table() {
		switch h.Number {
		case xen.SysctlOp, xen.DomctlOp, xen.PlatformOp:
			list = append(list, h)
		}
	}
	return list
}

// What sub-operations there are shows without performing one: those that exist read their structure
// first and find that it is not there.
var _ = suite.Describe("bad-pointer", func() {
	for _, h := range subOps() {
		it(spec.Meta{
			ID: "bad-pointer/" + kebab(h.Name), Level: spec.Must,
			Clause: fmt.Sprintf("xen/include/public/%s: the argument is a structure's address; errno.h EFAULT: bad address", h.Header),
		}, func(g *guest) {
			answers := map[string][]string{}
			for _, o := range h.Ops {
				if o.Bare {
					continue
				}
				r := g.ask(fmt.Sprintf("%s(%s, unmapped)", h.Name, o.Name), h.Number, unmappedArgs(g, h, o.Number)...)
				g.True(r.call, r.err() != nil, r.String(), "an error: EFAULT, or ENOSYS where it is not built in")
				answers[r.String()] = append(answers[r.String()], fmt.Sprint(o.Number))
			}
			for answer, ops := range inOrder(answers) {
				g.Answer(h.Name+" with an unmapped structure: "+answer, strings.Join(ops, " "))
			}
		})
	}
	for _, h := range controls() {
		for id, at := range inOrder(map[string]func(g *guest) uint64{
			"unmapped":    func(g *guest) uint64 { return g.Unmapped() },
			"half-mapped": func(g *guest) uint64 { return g.AtEdge(16).Addr() },
			"null":        func(*guest) uint64 { return 0 },
		}) {
			refuse(refusal{
				Meta: spec.Meta{
					ID: fmt.Sprintf("bad-pointer/%s-%s", kebab(h.Name), id), Level: spec.Must, Needs: []spec.Probe{Control},
					Clause: fmt.Sprintf("xen/include/public/%s: the argument is a structure's address; errno.h EFAULT: bad address", h.Header),
				},
				call: fmt.Sprintf("%s(%s)", h.Name, id), op: h.Number,
				args: func(g *guest) []uint64 { return []uint64{at(g)} },
				want: []unix.Errno{unix.EFAULT},
			})
		}
	}
})

// knownUnknown are notes on Xens that are known to take operations that do not exist.
var knownUnknown = map[uint64]string{
	xen.KexecOp: "Xen 4.17 answers 0: do_kexec_op_internal (xen/common/kexec.c) means to answer EINVAL and overwrites it by the privilege check's result",
}

var _ = suite.Describe("unknown-op", func() {
	for _, h := range subOps() {
		it(spec.Meta{
			ID: "unknown-op/" + kebab(h.Name), Level: spec.Should,
			Clause: fmt.Sprintf("xen/include/public/%s: no such operation; errno.h ENOSYS: function not implemented", h.Header),
		}, func(g *guest) {
			if note := knownUnknown[h.Number]; note != "" {
				g.Note("%s", note)
			}
			g.ask(fmt.Sprintf("%s(%d, unmapped)", h.Name, unknownOp(h)), h.Number, unmappedArgs(g, h, unknownOp(h))...).
				as(expect.Refusal("-ENOSYS", "-ENOTSUP", "-EINVAL").With(refusals(h.Number, "")...))
		})
	}
})
