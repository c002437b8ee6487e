package namespaces

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
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
	calls  int // written so far
	events int
	setup  []call
	judged []judgement
	owned  bool          // own was called
	long   time.Duration // how long the script takes where it takes longer than others
}

// judgement is a call with what is expected of it.
type judgement struct {
	call
	judge func(*spec.T)
}

// call is a system call of a script, with its text as a C programmer would write it.
type call struct {
	text string
	child.Result
	log *log
	at  int // its place in the order in which the script was written
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
	s.log.calls++
	return call{text, s.Call(nr, args...), s.log, s.log.calls}
}

// must adds a set-up call.
func (s *script) must(text string, nr uintptr, args ...child.Arg) call {
	return s.require(s.call(text, nr, args...))
}

// require makes a call that was added last, as one that is judged, a set-up call.
func (s *script) require(c call) call {
	s.Must()
	s.log.setup = append(s.log.setup, c)
	return c
}

// tryFork adds a clone(2) that is judged. Body is executed by the new process.
func (s *script) tryFork(text string, flags uintptr, body func(*script)) call {
	s.log.calls++
	at := s.log.calls
	return call{text, s.Fork(flags, func(sub *child.Program) { body(&script{sub, s.log}) }), s.log, at}
}

// fork adds a clone(2) that belongs to the set-up.
func (s *script) fork(flags uintptr, body func(*script)) call {
	return s.require(s.tryFork(fmt.Sprintf("clone(%#x)", flags), flags, body))
}

// wait adds a wait for a forked process. The answer holds its status once the script has run.
func (s *script) wait(pid call) status {
	b := s.Buffer(4)
	return status{s.must("waitpid(pid, &status, 0)", unix.SYS_WAIT4, pid, b, 0, 0), b}
}

// waitStopped waits for a forked process to end or to be stopped.
func (s *script) waitStopped(pid call) status {
	b := s.Buffer(4)
	return status{s.must("waitpid(pid, &status, WUNTRACED)", unix.SYS_WAIT4, pid, b, unix.WUNTRACED, 0), b}
}

type status struct {
	call
	word child.Buffer
}

func (s status) get() unix.WaitStatus { return unix.WaitStatus(*(*uint32)(pointer(s.word))) }

// run runs the script and judges the calls that have an expectation, in the order in which they got
// it. When the set-up failed or time ran out, what came before is judged, and the spec is broken
// unless that fails.
func (s *script) run(t *spec.T) {
	err := s.try(t)
	for _, j := range s.sound(err) {
		j.judge(t)
	}
	if err == nil {
		return
	}
	for _, j := range s.log.judged {
		if !j.Done() {
			t.Broken("in the child process: %v; not reached: %s", err, j.text)
		}
	}
	t.Broken("in the child process: %v", err)
}

// sound gives the judgements that a failure of the script leaves valid: of calls that were made and
// that stand before the one that failed.
func (s *script) sound(failure error) []judgement {
	if failure == nil {
		return s.log.judged
	}
	var sound []judgement
	failed := s.failed()
	for _, j := range s.log.judged {
		if j.Done() && (failed == nil || j.at < failed.at) {
			sound = append(sound, j)
		}
	}
	return sound
}

// hurried is set by [Hurry].
var hurried bool

// Hurry has scripts give up as soon as an idle machine allows. Under a kernel that lies they wait for what never
// comes, and to give up is how they catch it; on any other machine it is no verdict that it was busy.
func Hurry() { hurried = true }

// waits is how long a process of a script waits for what another one or the kernel is to do, in seconds. It is
// shorter than most specs' limit (spec.DefaultLimit), so that what never comes is told by the call that waited.
func waits() int64 {
	if hurried {
		return 2
	}
	return 6
}

// patience is how long a script may take that no spec's limit ends: far longer than any needs, and short enough
// to tell a target on which processes wait for each other for ever.
func patience() time.Duration {
	if hurried {
		return 4 * time.Second
	}
	return 30 * time.Second
}

// share is how long something may take within a spec, which may run on an emulated and busy machine: nearly all that
// is left to it, so that there is time to say what was waited for. Without a limit it is the time given.
func share(ctx context.Context, without time.Duration) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline) * 9 / 10
	}
	return without
}

// limit is how long the script may take.
func (s *script) limit(ctx context.Context) time.Duration {
	long := max(s.log.long, patience())
	if hurried {
		return long
	}
	return share(ctx, long)
}

// try runs the script and returns what failed of the set-up.
func (s *script) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit(ctx))
	defer cancel()
	err := s.Run(ctx)
	if cause := s.check(); cause != nil {
		return cause
	}
	return err
}

// check tells the first set-up call that failed.
func (s *script) check() error {
	if c := s.failed(); c != nil {
		return fmt.Errorf("%s: %s (%w)", c.text, spec.ErrnoName(c.Err()), c.Err())
	}
	return nil
}

// failed gives the first set-up call that failed, or nil.
func (s *script) failed() *call {
	var first *call
	for i, c := range s.log.setup {
		if err := c.Err(); err != nil && !errors.Is(err, child.ErrNotReached) && (first == nil || c.at < first.at) {
			first = &s.log.setup[i]
		}
	}
	return first
}

// reached makes the spec broken when the call was never made: then there is nothing to judge.
func (c call) reached(t *spec.T) {
	if !c.Done() {
		t.Broken("%s was not reached: the process ended before", c.text)
	}
}

func (c call) expect(judge func(*spec.T)) {
	c.log.judged = append(c.log.judged, judgement{c, judge})
}

// refused expects the call to fail with one of the errors.
func (c call) refused(want ...unix.Errno) {
	c.expect(func(t *spec.T) {
		c.reached(t)
		t.Errno(c.text, c.Err(), want...)
	})
}

// succeeds expects the call to succeed.
func (c call) succeeds() {
	c.expect(func(t *spec.T) {
		c.reached(t)
		t.Success(c.text, c.Err())
	})
}

// gives expects the call to succeed with this value.
func (c call) gives(want int) {
	c.expect(func(t *spec.T) {
		c.reached(t)
		t.Success(c.text, c.Err())
		t.Equal(c.text, c.Value(), want)
	})
}

// known expects success, where want holds 0, or one of the errors in want. It is for what manuals and
// kernels disagree about: where says who gives which answer. Any other one is recorded as new.
func (c call) known(where string, want ...unix.Errno) {
	c.expect(func(t *spec.T) {
		c.reached(t)
		var got unix.Errno
		errors.As(c.Err(), &got)
		if slices.Contains(want, got) {
			t.Note("%s: %s", c.text, spec.ErrnoName(c.Err()))
			return
		}
		t.New(c.text, spec.ErrnoName(c.Err()), where)
	})
}

func pointer(b child.Buffer) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b.Bytes)) }

// bytes gives the program's own copy of b.
func (s *script) bytes(b []byte) child.Buffer {
	c := s.Buffer(len(b))
	copy(c.Bytes, b)
	return c
}
