package spec

import (
	"fmt"
	"slices"
	"sync"

	"github.com/onsi/ginkgo/v2"
)

// Suite is a named set of specs.
type Suite struct {
	name  string
	under string
}

// NewSuite makes a suite. The name is what users write behind --suite. Packages may share a name: to
// users their specs are one suite.
func NewSuite(name string) *Suite { return &Suite{name: name} }

// Under says that the specs are about one hypervisor ("xen", "kvm"): on targets that are another they
// are not even listed. It returns the suite.
func (s *Suite) Under(hypervisor string) *Suite {
	s.under = hypervisor
	return s
}

// Describe groups specs of one kind as a Ginkgo container. Call it from a package-level variable.
func (s *Suite) Describe(kind string, body func()) bool {
	return ginkgo.Describe(kind, ginkgo.Label(s.name, kind), body)
}

// It declares a spec. It panics on a declaration that is incomplete or whose ID is taken: both are
// mistakes of the programmer.
func (s *Suite) It(m Meta, body func(t *T)) {
	m.validate()
	catalogue.Lock()
	defer catalogue.Unlock()
	if _, taken := catalogue.byID[m.ID]; taken {
		panic(fmt.Sprintf("spec %q is declared twice", m.ID))
	}
	l := Listed{Suite: s.name, Under: s.under, Meta: m}
	catalogue.byID[m.ID] = l
	catalogue.order = append(catalogue.order, m.ID)
	if catalogue.selected != nil && !catalogue.selected(l) {
		return
	}
	labels := append(ginkgo.Label(m.Labels...), m.Grade.String(), string(m.Level))
	ginkgo.It(m.ID, labels, ginkgo.SpecTimeout(m.limit(environment.Scale)), ginkgo.GracePeriod(grace),
		func(ctx ginkgo.SpecContext) { judge(ctx, l, body) })
}

// Listed is a declared spec and the suite it belongs to.
type Listed struct {
	Suite string
	Under string // the hypervisor that it is about, or "" (see [Suite.Under])
	Meta
}

// catalogue holds every spec whose container Ginkgo has built.
var catalogue = struct {
	sync.Mutex
	byID     map[string]Listed
	order    []string
	selected func(Listed) bool
}{byID: map[string]Listed{}}

var build = sync.OnceFunc(func() {
	ginkgo.PreviewSpecs("xtest")
})

// All lists every spec of the suites that are linked into this program, in order of declaration. It
// builds Ginkgo's tree, so it cannot be followed by [Run] with a selection in the same process.
func All() []Listed {
	build()
	catalogue.Lock()
	defer catalogue.Unlock()
	list := make([]Listed, 0, len(catalogue.order))
	for _, id := range catalogue.order {
		list = append(list, catalogue.byID[id])
	}
	return list
}

// Modules lists the kernel modules that the named suites can use, as they declared them.
func Modules(suites ...string) []string {
	var names []string
	for _, s := range suites {
		names = append(names, wanted[s]...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

var wanted = map[string][]string{}

// WantsModules declares kernel modules that the suite's specs can use. Machines that xtest boots load
// them where the kernel has them; whether it worked is for probes to find out.
func (s *Suite) WantsModules(names ...string) bool {
	wanted[s.name] = append(wanted[s.name], names...)
	return true
}
