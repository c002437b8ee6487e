package perf

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ftrace"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

const (
	// warm is how many rounds run before any is traced.
	warm = 16
	// tracedRounds are traced: a few show the same as many, since each call of the kernel's is on the trace.
	tracedRounds = 2
	// traceFile is what the trace is kept as: text, compressed, behind a line with the number of operations.
	traceFile = "trace.gz"
)

// trace runs the load with the kernel's tracer switched on around what is timed, in the last rounds, and keeps
// what it saw. The program itself switches, so nothing else of ours is on the trace.
func (l load) trace(t *spec.T, files []int) {
	tracer, err := ftrace.Open()
	if errors.Is(err, ftrace.ErrNone) {
		t.NotApplicable("%v", err)
	}
	t.Setup("making the tracer ready", err)
	t.Cleanup(func() { tracer.Close() })
	p := child.NewProgram()
	s := &steps{Program: p, files: files}
	on, off := s.String("1"), s.String("0")
	s.pin()
	round := func(around func(value child.Arg)) {
		for _, part := range []func(*steps){l.before, func(*steps) { around(on) }, l.timed, func(*steps) { around(off) }, l.after} {
			if part != nil {
				part(s)
			}
		}
	}
	if l.start != nil {
		l.start(s)
	}
	s.Repeat(warm, func() { round(func(child.Arg) {}) })
	s.Repeat(tracedRounds, func() {
		round(func(value child.Arg) {
			s.Do("switching the tracer", unix.SYS_WRITE, int(tracer.Switch().Fd()), value, 1)
		})
	})
	t.Setup("running the benchmark", p.Run(t))
	t.Setup("running the benchmark", s.failed())
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprintf(w, "# operations: %d\n", tracedRounds*l.ops)
	_, err = tracer.WriteTo(w)
	t.Setup("reading the trace", errors.Join(err, w.Close()))
	t.Keep(traceFile, packed.Bytes())
}
