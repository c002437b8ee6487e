// Package perf holds the benchmarks: what calls of the kernel cost, in a process of which nothing else
// runs. Each is a spec that passes when it was measured; whether it became slower is judged by comparing
// records, over boots.
//
// What is measured runs as a [child.Program], a list of system calls in a single-threaded process of one
// page of code, pinned to a processor: between two readings of the clock there is neither Go's runtime nor
// any other call. The same steps without their calls are measured beside, and taken off.
//
// Beware: the samples of one boot are not independent. How the kernel's addresses were laid out makes a
// boot faster or slower by percents, so a comparison takes one value from each of several boots.
package perf

import (
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

const name = "perf"

var suite = spec.NewSuite(name)

// exact probes for programs that run as an executable of their own.
var exact = spec.Probe{Name: "programs of one page", Check: func() error {
	_, err := child.Image()
	return err
}}

// measures declares a benchmark in a suite. The clause says what one operation is.
func measures(in *spec.Suite, id, clause string, l load, needs ...spec.Probe) {
	m := spec.Meta{ID: id, Clause: clause, Level: spec.Should, Needs: append([]spec.Probe{exact}, needs...), Labels: []string{spec.Bench}, Limit: limit}
	in.It(m, func(t *spec.T) { l.measure(t) })
}
