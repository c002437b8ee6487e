// Package hypercall holds the specs of Xen's hypercalls, as a PV domain 0 makes them: what the public
// headers promise of results, structures and refusals. What the headers leave open is kept as an
// answer, to be compared between versions, and not judged.
//
// Beware: no spec may make a call that [xtest/internal/xen.Table] grades destructive with arguments
// that Xen could accept, unless the spec is graded destructive itself and so has a boot of its own.
package hypercall

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/runner/event"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

var suite = spec.NewSuite("hypercall").Under("xen")

// connect opens the way to the hypervisor. Tests put a stand-in under the specs here.
var connect = func() (xen.Caller, error) {
	p, err := xen.OpenPrivcmd()
	if err != nil {
		return nil, err
	}
	return p, nil
}

var hypervisor = sync.OnceValues(func() (xen.Caller, error) { return connect() })

// arenaPages is how much memory a spec has to hand to Xen, in pages.
const arenaPages = 8

// nobody is the highest ordinary domain ID, which no machine here has given away.
const nobody = xen.FirstReserved - 1

// guest is a spec's hand on the hypervisor.
type guest struct {
	*spec.T
	*xen.Arena
	xen xen.Caller
}

// arenas are those that no spec has. Mapping and locking one costs a domain 0 under emulation more than most specs
// take.
var arenas struct {
	sync.Mutex
	idle []*xen.Arena
}

func borrow() (*xen.Arena, error) {
	arenas.Lock()
	defer arenas.Unlock()
	n := len(arenas.idle)
	if n == 0 {
		return xen.NewArena(arenaPages)
	}
	a := arenas.idle[n-1]
	arenas.idle = arenas.idle[:n-1]
	a.Reset()
	return a, nil
}

// giveBack ends a spec's use of an arena. One that overruns its limit keeps it until it comes to an end.
func giveBack(a *xen.Arena) {
	arenas.Lock()
	defer arenas.Unlock()
	arenas.idle = append(arenas.idle, a)
}

// it declares a spec that makes hypercalls, with memory of its own to hand over.
func it(m spec.Meta, body func(g *guest)) {
	m.Grade = max(m.Grade, spec.Guest)
	m.Needs = append([]spec.Probe{PrivCmd}, m.Needs...)
	suite.It(m, func(t *spec.T) {
		c, err := hypervisor()
		t.Setup("reaching the hypervisor", err)
		a, err := borrow()
		t.Setup("making memory to hand to Xen", err)
		defer giveBack(a)
		body(&guest{t, a, c})
	})
}

// refusal is a spec of one call that must be answered by an error.
type refusal struct {
	spec.Meta
	call string
	op   uint64
	args func(g *guest) []uint64
	want []unix.Errno
}

func refuse(r refusal) {
	if r.Level == "" {
		r.Level = spec.Should
	}
	it(r.Meta, func(g *guest) { g.ask(r.call, r.op, r.args(g)...).refused(r.want...) })
}

// reply is what Xen said to a call.
type reply struct {
	g    *guest
	call string
	ret  int64
}

// ask makes a hypercall. Call is what is done, as a C programmer would write it.
func (g *guest) ask(call string, op uint64, args ...uint64) reply {
	ret, err := g.xen.Hypercall(op, args...)
	g.Setup(call, err)
	return reply{g, call, ret}
}

func (r reply) err() error { return xen.Err(r.ret) }

// String is the answer as a person reads it.
func (r reply) String() string {
	if err := r.err(); err != nil {
		return "-" + spec.ErrnoName(err)
	}
	return fmt.Sprint(r.ret)
}

// got is the answer as the expectations take it.
func (r reply) got() expect.Got {
	got := expect.Got{Text: r.String(), Register: fmt.Sprintf("%#x", uint64(r.ret))}
	if err := r.err(); err != nil {
		got.Refused, got.Errno = true, spec.ErrnoName(err)
	}
	return got
}

// as judges the answer by data, and records it.
func (r reply) as(want expect.Want) { expect.Judge(r.g.T, r.call, want, r.got()) }

// record keeps the answer with the result, unjudged.
func (r reply) record() reply {
	got := r.got()
	r.g.Record(event.Answer{Call: r.call, Value: got.Text, Register: got.Register, Errno: got.Errno})
	return r
}

// value judges that the call succeeded, and is what it returned.
func (r reply) value() int64 {
	r.as(expect.Success())
	return r.ret
}

// zero judges that the call returned 0.
func (r reply) zero() { r.as(expect.Exactly("0")) }

// refused judges that the call was answered by an error, and records by which. Where the clause is a
// MUST it names the errors in known, and others are wrong; elsewhere they are new.
func (r reply) refused(known ...unix.Errno) {
	if r.g.Level() == spec.Must {
		r.as(expect.Exactly(names(known)...))
		return
	}
	r.as(expect.Refusal(names(known)...))
}

// names writes errors as answers.
func names(list []unix.Errno) []string {
	var texts []string
	for _, no := range list {
		texts = append(texts, "-"+unix.ErrnoName(no))
	}
	return texts
}

// successOr judges that the call succeeded or was answered by one of the errors in or, and says
// whether it did succeed. It is for what a hypervisor may be built without.
func (r reply) successOr(or ...unix.Errno) bool {
	if r.err() == nil {
		r.record()
		return true
	}
	r.as(expect.Exactly(names(or)...))
	return false
}

// inOrder goes through variants of a spec by name, so that specs are declared in one order always.
func inOrder[V any](variants map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(variants)) {
			if !yield(name, variants[name]) {
				return
			}
		}
	}
}

// kebab writes a header's name as it stands in a spec's ID.
func kebab(name string) string { return strings.ReplaceAll(name, "_", "-") }
