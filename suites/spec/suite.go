package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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

// Describe groups specs of one kind as a Ginkgo container. Call it from a package-level variable. The
// body runs when the specs are listed or judged, for this program also starts as many other things.
func (s *Suite) Describe(kind string, body func()) bool {
	catalogue.Lock()
	defer catalogue.Unlock()
	catalogue.groups = append(catalogue.groups, group{s.name, kind, body})
	return true
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
	if catalogue.listing || catalogue.selected != nil && !catalogue.selected(l) {
		return
	}
	catalogue.planted = append(catalogue.planted, seed{l, body})
}

// seed is a spec that is to go into Ginkgo's tree.
type seed struct {
	Listed
	body func(*T)
}

func (s seed) plant() {
	labels := ginkgo.Label()
	if catalogue.selected == nil { // else the choice has been made, and nobody filters by them
		labels = append(ginkgo.Label(s.Labels...), s.Grade.String(), string(s.Level))
	}
	ginkgo.It(s.ID, labels, ginkgo.SpecTimeout(s.limit(environment.Scale)), ginkgo.GracePeriod(grace),
		func(ctx ginkgo.SpecContext) { judge(ctx, s.Listed, s.body) })
}

// Listed is a declared spec and the suite it belongs to.
type Listed struct {
	Suite string
	Under string // the hypervisor that it is about, or "" (see [Suite.Under])
	Meta
}

// group is a described kind of specs whose body has yet to run.
type group struct {
	suite, kind string
	body        func()
}

// catalogue holds every spec that was declared since the groups' bodies were last run.
var catalogue = struct {
	sync.Mutex
	groups   []group
	byID     map[string]Listed
	order    []string
	listing  bool // specs are declared to be listed, not to be run
	selected func(Listed) bool
	planted  []seed // the selected specs of the kind whose groups are being run
}{byID: map[string]Listed{}}

// listAll runs the bodies without Ginkgo, whose tree takes far longer to build than the list.
var listAll = sync.OnceFunc(func() {
	for _, g := range declare(true, nil) {
		g.body()
	}
})

// plant hands the groups of the named suites to Ginkgo, those of all suites when none is named. Ginkgo sorts its
// tree by names, and takes long over one that is not sorted yet: each comparison copies both specs' nodes.
func plant(suites []string, selected func(Listed) bool) {
	groups := slices.Clone(declare(false, selected))
	slices.SortStableFunc(groups, func(a, b group) int {
		return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.suite, b.suite))
	})
	for len(groups) > 0 {
		first := groups[0]
		n := 1
		for n < len(groups) && groups[n].kind == first.kind && groups[n].suite == first.suite {
			n++
		}
		same := groups[:n]
		if groups = groups[n:]; len(suites) == 0 || slices.Contains(suites, first.suite) {
			ginkgo.Describe(first.kind, ginkgo.Label(first.suite, first.kind), func() { plantAll(same) })
		}
	}
}

// plantAll plants the groups of one kind.
func plantAll(groups []group) {
	catalogue.planted = nil
	for _, g := range groups {
		g.body()
	}
	slices.SortFunc(catalogue.planted, func(a, b seed) int { return strings.Compare(a.ID, b.ID) })
	for _, s := range catalogue.planted {
		s.plant()
	}
	catalogue.planted = nil
}

// declare empties the catalogue for the bodies to fill it.
func declare(listing bool, selected func(Listed) bool) []group {
	catalogue.Lock()
	defer catalogue.Unlock()
	catalogue.byID, catalogue.order = map[string]Listed{}, nil
	catalogue.listing, catalogue.selected = listing, selected
	return catalogue.groups
}

// All lists every spec of the suites that are linked into this program, in order of declaration. It
// cannot follow [Run] in the same process.
func All() []Listed {
	listAll()
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
