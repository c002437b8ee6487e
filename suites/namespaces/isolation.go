package namespaces

import (
	"xtest/internal/ns"
	"xtest/suites/spec"
)

// controlled is the label of specs on what a namespace separates or must not: each has a negative
// control, since only [isolates] and [crosses] give it.
const controlled = "isolation"

// observation is what one process's act looked like from another process.
type observation struct {
	call   string // the calls that show it, as a C programmer would write them
	seen   string // what they gave
	shared bool   // whether the act was seen
}

// isolates declares a spec on what a namespace of kind k separates. Observe lets an inner process act,
// cloned with flags, and tells whether an outer one that stayed sees it. It is called with the
// namespace, where nothing may be seen, and then without it: an observation that sees nothing there
// either would pass on any kernel, and makes the spec broken.
func isolates(m spec.Meta, k ns.Kind, observe func(t *spec.T, flags uintptr) observation) {
	m.Needs = append([]spec.Probe{canMake(k)}, m.Needs...)
	m.Labels = append(m.Labels, controlled)
	suite.It(m, func(t *spec.T) {
		compare(t, t.ID(), k, func(flags uintptr) observation { return observe(t, flags) })
	})
}

// verdict is the part of [spec.T] that compare uses.
type verdict interface {
	True(call string, holds bool, got, expected string)
	Broken(format string, args ...any)
}

func compare(v verdict, id string, k ns.Kind, observe func(flags uintptr) observation) {
	o := observe(k.Flag)
	v.True(k.C+": "+o.call, !o.shared, o.seen, "not shared with the other namespace")
	o = observe(0)
	if !o.shared {
		v.Broken("void: %s passes without the namespace too: %s gave %s", id, o.call, o.seen)
	}
}

// crosses declares a spec on what a namespace of kind k must not separate. Its negative control is
// the observation without the act: seen there too, it proves nothing.
func crosses(m spec.Meta, k ns.Kind, observe func(t *spec.T, flags uintptr, act bool) observation) {
	m.Needs = append([]spec.Probe{canMake(k)}, m.Needs...)
	m.Labels = append(m.Labels, controlled)
	suite.It(m, func(t *spec.T) {
		o := observe(t, k.Flag, true)
		t.True(k.C+": "+o.call, o.shared, o.seen, "shared with the other namespace")
		if o = observe(t, k.Flag, false); o.shared {
			t.Broken("void: %s is seen without the act too: %s gave %s", t.ID(), o.call, o.seen)
		}
	})
}
