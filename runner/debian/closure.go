package debian

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Closure returns the named packages and everything they depend on (Pre-Depends and Depends), by
// name. Of alternatives it takes one that is already in, else the first that can be had; of several
// providers of a virtual package the one with the highest priority, then the first by name. What
// include refuses (nil refuses nothing) is left out with all that only it needs, and counts as
// satisfied. A package or dependency that cannot be had is an error that names it.
func (ix *Index) Closure(names []string, include func(*Package) bool) ([]*Package, error) {
	c := closure{ix: ix, in: map[string]*Package{}, virtual: map[string][]*Package{}, include: include}
	for _, n := range names {
		p := ix.Package(n)
		if p == nil {
			p = ix.provider(relation{name: n})
		}
		if p == nil {
			return nil, fmt.Errorf("there is no package %s in %s; check its name, or run \"xtest cache update\"", n, ix)
		}
		c.take(p)
	}
	for len(c.todo) > 0 {
		p := c.todo[0]
		c.todo = c.todo[1:]
		for _, dep := range append(splitList(p.PreDepends), splitList(p.Depends)...) {
			if err := c.satisfy(p, dep); err != nil {
				return nil, err
			}
		}
	}
	var all []*Package
	for _, p := range c.in {
		if include == nil || include(p) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *Package) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

type closure struct {
	ix      *Index
	in      map[string]*Package
	virtual map[string][]*Package // what is in, by what it provides
	todo    []*Package
	include func(*Package) bool
}

func (c *closure) take(p *Package) {
	if c.in[p.Name] != nil {
		return
	}
	c.in[p.Name] = p
	for _, v := range splitList(p.Provides) {
		if r, ok := parseRelation(v); ok {
			c.virtual[r.name] = append(c.virtual[r.name], p)
		}
	}
	if c.include == nil || c.include(p) {
		c.todo = append(c.todo, p)
	}
}

func (c *closure) satisfy(p *Package, dep string) error {
	var first *Package
	for _, alternative := range strings.Split(dep, "|") {
		r, ok := parseRelation(alternative)
		if !ok || !r.forArch(c.ix.Arch) {
			continue
		}
		if q := c.in[r.name]; q != nil && r.satisfiedBy(q) {
			return nil
		}
		if slices.ContainsFunc(c.virtual[r.name], r.satisfiedBy) {
			return nil
		}
		if first == nil {
			first = c.ix.provider(r)
		}
	}
	if first == nil {
		return fmt.Errorf("the package %s %s needs %q, which is not in %s; run \"xtest cache update\", or leave the package out", p.Name, p.Version, dep, c.ix)
	}
	c.take(first)
	return nil
}

// priorities in the order in which a provider is preferred.
var priorities = []string{"required", "important", "standard", "optional"}

// provider returns the package that satisfies r: the one of that name, else the best of those that
// provide it; nil when there is none.
func (ix *Index) provider(r relation) *Package {
	if p := ix.Package(r.name); p != nil && r.satisfiedBy(p) {
		return p
	}
	var best *Package
	rank := func(p *Package) int {
		if i := slices.Index(priorities, p.Priority); i >= 0 {
			return i
		}
		return len(priorities)
	}
	for _, name := range ix.provides[r.name] {
		p := ix.Package(name)
		if p == nil || !r.satisfiedBy(p) {
			continue
		}
		if best == nil || cmp.Or(rank(p)-rank(best), cmp.Compare(p.Name, best.Name)) < 0 {
			best = p
		}
	}
	return best
}
