package main

import (
	"fmt"
	"slices"
	"strings"

	"xtest/runner"
	"xtest/runner/kvm"
	"xtest/runner/local"
	"xtest/runner/machine"
	"xtest/runner/oci"
	"xtest/runner/qemu"
	"xtest/runner/ssh"
	"xtest/runner/uml"
	"xtest/runner/xen"
	"xtest/suites/spec"

	// Suites are linked in by their registration with Ginkgo.
	_ "xtest/suites/hypercall"
	_ "xtest/suites/hypercall/kvm"
	_ "xtest/suites/hypercall/xenstore"
	_ "xtest/suites/lsb"
	_ "xtest/suites/lsb/posix"
	_ "xtest/suites/namespaces"
	_ "xtest/suites/namespaces/lies"
	_ "xtest/suites/perf"
	_ "xtest/suites/selftest"
)

// backends, in the order in which they are listed.
var backends = []machine.Backend{uml.Backend{}, xen.Backend{}, kvm.Backend{}, qemu.Backend{}, oci.Backend{}, ssh.Backend{}, local.Backend{}}

// defaultTargets are judged when the user names none.
var defaultTargets = []string{"uml:debian-12", "xen:debian-12"}

// parseTarget turns backend:what into a target that will be judged with its backend's own suites.
func parseTarget(name string) (runner.Target, error) {
	backend, what, _ := strings.Cut(name, ":")
	for _, b := range backends {
		if b.Name() != backend {
			continue
		}
		offered := slices.ContainsFunc(b.Targets(), func(o machine.Offer) bool { return o.What == what })
		if offered || b.Takes(what) {
			return runner.Target{Name: name, Backend: b, What: what, Suites: b.Suites()}, nil
		}
	}
	return runner.Target{}, usagef("there is no target %q; %s", name, suggest(name, targetNames(), "`xtest targets list` shows all"))
}

func targetNames() []string {
	var names []string
	for _, b := range backends {
		for _, o := range b.Targets() {
			names = append(names, targetName(b, o))
		}
	}
	return names
}

// allTargetNames are those of the file, too. With a file that cannot be read they are the backends'
// alone: a completion is no place for its mistakes.
func allTargetNames(f *configFlag) []string {
	c, err := f.load()
	if err != nil {
		return targetNames()
	}
	return append(c.Names(), targetNames()...)
}

func targetName(b machine.Backend, o machine.Offer) string {
	if o.What == "" {
		return b.Name()
	}
	return b.Name() + ":" + o.What
}

// suiteNames are all suites that are linked in, sorted.
func suiteNames(specs []spec.Listed) []string {
	var names []string
	for _, s := range specs {
		if !slices.Contains(names, s.Suite) {
			names = append(names, s.Suite)
		}
	}
	slices.Sort(names)
	return names
}

// suggest names what the user may have meant, or else where to look.
func suggest(typed string, known []string, otherwise string) string {
	near := nearest(typed, known)
	if len(near) == 0 {
		return otherwise
	}
	return fmt.Sprintf("did you mean %s? (%s)", strings.Join(near, " or "), otherwise)
}
