package perf

import (
	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// trips is how many times something goes to and fro in a round.
const trips = 16

// pipes opens n pipes for a program: the end that is read, then the one that is written.
func pipes(n int) func() ([]int, error) {
	return func() (all []int, err error) {
		for range n {
			ends := make([]int, 2)
			if err := unix.Pipe2(ends, unix.O_CLOEXEC); err != nil {
				return all, err
			}
			all = append(all, ends...)
		}
		return all, nil
	}
}

// sockets opens a pair of connected ones.
func sockets() ([]int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return pair[:], nil
}

// bytesTo is a load that writes size bytes into one descriptor and reads them from another.
func bytesTo(size int, files func() ([]int, error), from, to int) load {
	var data child.Buffer
	l := repeated(2*trips, func(s *steps) { data = s.Buffer(size) }, func(s *steps) {
		s.Do("write()", unix.SYS_WRITE, s.files[to], data, size)
		s.Do("read()", unix.SYS_READ, s.files[from], data, size)
	})
	l.files = files
	return l
}

// between is a load of two processes on one processor: a byte goes to the other one and comes back.
func between(files func() ([]int, error), from, to, otherFrom, otherTo int) load {
	var data child.Buffer
	l := repeated(trips, func(s *steps) {
		data = s.Buffer(8)
		other := s.Buffer(8)
		s.Spawn(0, nil, func(sub *child.Program) {
			sub.Forever(func() {
				sub.Call(unix.SYS_READ, s.files[otherFrom], other, 1)
				sub.Call(unix.SYS_WRITE, s.files[otherTo], other, 1)
			})
		})
	}, func(s *steps) {
		s.Do("write()", unix.SYS_WRITE, s.files[to], data, 1)
		s.Do("read()", unix.SYS_READ, s.files[from], data, 1)
	})
	l.files = files
	return l
}

var _ = suite.Describe("pipe", func() {
	measures(suite, "pipe/1-byte", "write(2), read(2): a byte through a pipe, within a process", bytesTo(1, pipes(1), 0, 1))
	measures(suite, "pipe/4k", "write(2), read(2): 4 kB through a pipe, within a process", bytesTo(4096, pipes(1), 0, 1))
})

var _ = suite.Describe("unix", func() {
	measures(suite, "unix/1-byte", "write(2), read(2): a byte through a pair of unix(7) stream sockets, within a process", bytesTo(1, sockets, 0, 1))
	measures(suite, "unix/4k", "write(2), read(2): 4 kB through a pair of unix(7) stream sockets, within a process", bytesTo(4096, sockets, 0, 1))
})

var _ = suite.Describe("switch", func() {
	measures(suite, "switch/pipe", "write(2), read(2): a byte to another process on the same processor and back, through pipes: two switches", between(pipes(2), 0, 3, 2, 1))
	measures(suite, "switch/unix", "write(2), read(2): a byte to another process on the same processor and back, through unix(7) sockets: two switches", between(sockets, 0, 0, 1, 1))
	var ours, theirs, nobody child.Buffer
	measures(suite, "switch/futex", "futex(2): two processes on the same processor wake each other in turn: two switches, in six calls", repeated(trips, func(s *steps) {
		ours, theirs, nobody = s.Buffer(8), s.Buffer(8), s.Buffer(8)
		s.Spawn(0, nil, func(sub *child.Program) {
			sub.Forever(func() {
				sub.Call(unix.SYS_FUTEX, theirs, futexWait, 0, 0)
				sub.Call(unix.SYS_FUTEX, nobody, futexWakeOp, 0, 0, theirs, setZero)
				sub.Call(unix.SYS_FUTEX, ours, futexWakeOp, 1, 0, ours, setOne)
			})
		})
	}, func(s *steps) {
		s.Do("futex(FUTEX_WAKE_OP)", unix.SYS_FUTEX, theirs, futexWakeOp, 1, 0, theirs, setOne)
		s.Try(unix.SYS_FUTEX, ours, futexWait, 0, 0) // refused where the word is set already
		s.Do("futex(FUTEX_WAKE_OP)", unix.SYS_FUTEX, nobody, futexWakeOp, 0, 0, ours, setZero)
	}))
})

// Of linux/futex.h: the operations, and what FUTEX_WAKE_OP does with its second word, FUTEX_OP(FUTEX_OP_SET,
// value, FUTEX_OP_CMP_EQ, 0).
const (
	futexWait   = 0
	futexWakeOp = 5
	setZero     = 0
	setOne      = 1 << 12
)

var _ = suite.Describe("futex", func() {
	var word child.Buffer
	measures(suite, "futex/wake", "futex(2): FUTEX_WAKE of a word that nobody waits for", repeated(64, func(s *steps) { word = s.Buffer(8) }, func(s *steps) {
		s.Do("futex(FUTEX_WAKE)", unix.SYS_FUTEX, word, 1, 1)
	}))
})

var _ = suite.Describe("signal", func() {
	var self child.Result
	measures(suite, "signal/handled", "kill(2), sigreturn(2): a signal that a process sends to itself, and its handler, which does nothing", repeated(32, func(s *steps) {
		s.Do("rt_sigaction()", unix.SYS_RT_SIGACTION, int(unix.SIGUSR1), s.Handler(), 0, 8)
		self = s.Do("getpid()", unix.SYS_GETPID)
	}, func(s *steps) {
		s.Do("kill()", unix.SYS_KILL, self, int(unix.SIGUSR1))
	}))
})
