package namespaces

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// script is a child program in which set-up calls are told apart from those that are judged. A
// set-up call that fails ends the process that made it, and makes the spec broken.
type script struct {
	*child.Program
	log *log
}

// log is shared by a script's processes.
type log struct {
	setup  []call
	judged []func(*spec.T)
	owned  bool // own was called
}

// call is a system call of a script, with its text as a C programmer would write it.
type call struct {
	text string
	child.Result
	log *log
}

func newScript() *script {
	return &script{child.NewProgram(), &log{}}
}

// call adds a call that is judged.
func (s *script) call(text string, nr uintptr, args ...child.Arg) call {
	for i, a := range args {
		if c, ok := a.(call); ok {
			args[i] = c.Result
		}
	}
	return call{text, s.Call(nr, args...), s.log}
}

// must adds a set-up call.
func (s *script) must(text string, nr uintptr, args ...child.Arg) call {
	c := s.call(text, nr, args...)
	s.Must()
	s.log.setup = append(s.log.setup, c)
	return c
}

// tryFork adds a clone(2) that is judged. Body is executed by the new process.
func (s *script) tryFork(text string, flags uintptr, body func(*script)) call {
	return call{text, s.Fork(flags, func(sub *child.Program) { body(&script{sub, s.log}) }), s.log}
}

// fork adds a clone(2) that belongs to the set-up.
func (s *script) fork(flags uintptr, body func(*script)) call {
	c := s.tryFork(fmt.Sprintf("clone(%#x)", flags), flags, body)
	s.Must()
	s.log.setup = append(s.log.setup, c)
	return c
}

// wait adds a wait for a forked process. The answer holds its status once the script has run.
func (s *script) wait(pid call) status {
	b := s.Buffer(4)
	return status{s.must("waitpid(pid, &status, 0)", unix.SYS_WAIT4, pid, b, 0, 0), b}
}

type status struct {
	call
	word child.Buffer
}

func (s status) get() unix.WaitStatus { return unix.WaitStatus(*(*uint32)(pointer(s.word))) }

// run runs the script, makes the spec broken when the set-up failed or time ran out, and then judges
// the calls that have an expectation.
func (s *script) run(t *spec.T) {
	t.Setup("in the child process", s.try(t))
	s.judge(t)
}

// judge judges the calls that have an expectation, in the order in which they got it.
func (s *script) judge(t *spec.T) {
	for _, f := range s.log.judged {
		f(t)
	}
}

// try runs the script and returns what failed of the set-up.
func (s *script) try(ctx context.Context) error {
	err := s.Run(ctx)
	if cause := s.check(); cause != nil {
		return cause
	}
	return err
}

// check gives the first set-up call that failed.
func (s *script) check() error {
	for _, c := range s.log.setup {
		if err := c.Err(); err != nil && !errors.Is(err, child.ErrNotReached) {
			return fmt.Errorf("%s: %s (%w)", c.text, spec.ErrnoName(err), err)
		}
	}
	return nil
}

// reached makes the spec broken when the call was never made: then there is nothing to judge.
func (c call) reached(t *spec.T) {
	if !c.Done() {
		t.Broken("%s was not reached: the process ended before", c.text)
	}
}

// refused expects the call to fail with one of the errors.
func (c call) refused(want ...unix.Errno) {
	c.log.judged = append(c.log.judged, func(t *spec.T) {
		c.reached(t)
		t.Errno(c.text, c.Err(), want...)
	})
}

// succeeds expects the call to succeed.
func (c call) succeeds() {
	c.log.judged = append(c.log.judged, func(t *spec.T) {
		c.reached(t)
		t.Success(c.text, c.Err())
	})
}

// gives expects the call to succeed with this value.
func (c call) gives(want int) {
	c.log.judged = append(c.log.judged, func(t *spec.T) {
		c.reached(t)
		t.Success(c.text, c.Err())
		t.Equal(c.text, c.Value(), want)
	})
}

func pointer(b child.Buffer) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b.Bytes)) }

// bytes gives the program's own copy of b.
func (s *script) bytes(b []byte) child.Buffer {
	c := s.Buffer(len(b))
	copy(c.Bytes, b)
	return c
}
