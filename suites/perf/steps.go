package perf

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

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
