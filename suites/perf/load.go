package perf

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// load is what a benchmark puts a kernel to. Its parts add to a program; all but start are run again in
// every round.
type load struct {
	ops    int                   // operations in a round
	start  func(s *steps)        // once, before the first round; may be nil
	before func(s *steps)        // before the clock is read; may be nil
	timed  func(s *steps)        // what is measured
	after  func(s *steps)        // behind the clock; may be nil
	files  func() ([]int, error) // opens what the program is to inherit, as steps.files; may be nil
}

// steps are the parts of a program as a load adds to them.
type steps struct {
	*child.Program
	files []int
	idle  bool   // calls are not made
	on    func() // before each round is timed; may be nil
	off   func() // behind it; may be nil
	made  []made
}

// file is the first file that the program inherits, or -1.
func (s *steps) file() int {
	if len(s.files) == 0 {
		return -1
	}
	return s.files[0]
}

// only opens one file for a program, or none.
func only(open func() (int, error)) func() ([]int, error) {
	if open == nil {
		return nil
	}
	return func() ([]int, error) {
		fd, err := open()
		if err != nil {
			return nil, err
		}
		return []int{fd}, nil
	}
}

// words makes a structure of 8-byte words.
func (s *steps) words(values ...uint64) child.Buffer {
	b := s.Buffer(8 * len(values))
	for i, v := range values {
		binary.NativeEndian.PutUint64(b.Bytes[8*i:], v)
	}
	return b
}

// made is a call that has to succeed.
type made struct {
	what string
	r    child.Result
}

// Do adds a call that has to succeed.
func (s *steps) Do(what string, nr uintptr, args ...child.Arg) child.Result {
	r := s.Try(nr, args...)
	if !s.idle {
		s.made = append(s.made, made{what, r})
	}
	return r
}

// failed is the error of the first call that had to succeed and did not.
func (s *steps) failed() error {
	for _, m := range s.made {
		if err := m.r.Err(); err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
	}
	return nil
}

// Try adds a call that may fail.
func (s *steps) Try(nr uintptr, args ...child.Arg) child.Result {
	if s.idle {
		s.Nothing(args...)
		return child.Result{}
	}
	return s.Call(nr, args...)
}

// Spawn adds a clone(2) that has to succeed.
func (s *steps) Spawn(flags uintptr, more []child.Arg, body func(sub *child.Program)) child.Result {
	if s.idle {
		s.Nothing(append([]child.Arg{flags}, more...)...)
		return child.Result{}
	}
	r := s.Clone(flags, more, body)
	s.made = append(s.made, made{"clone()", r})
	return r
}

// Access touches memory, see [child.Program.Touch].
func (s *steps) Access(at child.Arg, size int, write bool) {
	if s.idle {
		s.Nothing(at, size)
		return
	}
	s.Touch(at, size, write)
}

const (
	// rounds are those of one program, warm-up included.
	rounds = 40
	// kept is how many samples are kept of a program: the last ones.
	kept = 15
	// programs is how often a benchmark that does not settle is started.
	programs = 3
	limit    = 30 * time.Second
)

// stamps are the readings of the clock in a round: around what is timed, and around the same without calls.
const stamps = 4

// measure runs the load until it has settled, and records samples.
func (l load) measure(t *spec.T) {
	unit := unit(t)
	var files []int
	if l.files != nil {
		var err error
		files, err = l.files()
		defer closeAll(files)
		t.Setup("opening what is mapped", err)
	}
	if t.Traced() {
		l.trace(t, files)
		return
	}
	t.Drain()
	before := readCounters()
	total := 0
	for n := 1; ; n++ {
		values, empty := l.run(t, files)
		total += rounds * l.ops
		from, settled := settle(values)
		if !settled && n < programs {
			continue
		}
		if !settled {
			t.Note("it did not settle within %d rounds", n*rounds)
		}
		from = max(from, len(values)-kept)
		t.Samples(t.ID(), values[from:], unit)
		t.Note("taken off: %.4g %s", empty, unit)
		break
	}
	before.sample(t, total)
	l.count(t, files)
}

// unit is what an operation is measured in.
func unit(t *spec.T) string {
	if t.Counted() {
		return "insns/op"
	}
	return "ns/op"
}

func closeAll(files []int) {
	for _, fd := range files {
		unix.Close(fd)
	}
}

// run gives each round's cost of an operation, in nanoseconds or instructions, without the cost of an empty
// round, which it gives as well.
func (l load) run(t *spec.T, files []int) (values []float64, empty float64) {
	p := child.NewProgram()
	s := &steps{Program: p, files: files}
	clock := l.program(s, rounds)
	t.Setup("running the benchmark", p.Run(t))
	t.Setup("running the benchmark", s.failed())
	var took, idle []float64
	for i := range rounds {
		at := func(n int) time.Duration { return clock.At(i*stamps + n) }
		took = append(took, float64(at(1)-at(0)))
		idle = append(idle, float64(at(3)-at(2)))
	}
	empty = median(idle)
	for _, v := range took {
		values = append(values, round((v-empty)/float64(l.ops)))
	}
	return values, round(empty / float64(l.ops))
}

// program adds the whole benchmark to s.
func (l load) program(s *steps, rounds int) *child.Clock {
	clock := s.Clock(rounds * stamps)
	s.pin()
	add := func(part func(*steps)) {
		if part != nil {
			part(s)
		}
	}
	call := func(hook func()) {
		if hook != nil {
			hook()
		}
	}
	add(l.start)
	s.Repeat(rounds, func() {
		add(l.before)
		call(s.on)
		clock.Stamp(0, stamps)
		l.timed(s)
		s.plant()
		clock.Stamp(1, stamps)
		call(s.off)
		add(l.after)
		s.idle = true
		clock.Stamp(2, stamps)
		l.timed(s)
		clock.Stamp(3, stamps)
		s.idle = false
	})
	return clock
}

// pin keeps the program on one processor: the last that it may use, since the first one often has the
// machine's interrupts.
func (s *steps) pin() {
	var set, one unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return
	}
	for cpu := len(set)*64 - 1; cpu >= 0; cpu-- {
		if set.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	var mask []uint64
	for _, word := range one {
		mask = append(mask, uint64(word))
	}
	s.Do("sched_setaffinity()", unix.SYS_SCHED_SETAFFINITY, 0, 8*len(mask), s.words(mask...))
}

// plantParam is a boot parameter that makes benchmarks slower, for trying out who finds it: how many
// steps without a call are added to what is timed, each some 40 instructions.
const plantParam = "xtest.plant"

func (s *steps) plant() {
	for range planted() {
		s.Nothing()
	}
}
