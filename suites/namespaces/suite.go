// Package namespaces holds the specs on Linux namespaces: what each of the eight kinds separates,
// who may create and join them, and what /proc/PID/ns and the NS_* requests tell of them.
//
// What a spec does, it does in a forked process that first moves into namespaces of its own (see
// script.own), so that neither a spec nor its negative control touches the machine's.
//
// Beware: the suite runs as root, as an ordinary user, and as PID 1 of a guest. Nothing may depend
// on which; what needs a right or a kind of namespace names a probe for it.
package namespaces

import "xtest/suites/spec"

var suite = spec.NewSuite("namespaces")

// veth is a module in the distributions' kernels.
var _ = suite.WantsModules("veth")
