package perf

import (
	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// repeated is a load of n times the same in each round.
func repeated(n int, start, timed func(s *steps)) load {
	return load{ops: n, start: start, timed: func(s *steps) { s.Repeat(n, func() { timed(s) }) }}
}

var _ = suite.Describe("syscall", func() {
	measures(suite, "syscall/null", "getppid(2): a call that does next to nothing", repeated(64, nil, func(s *steps) {
		s.Do("getppid()", unix.SYS_GETPPID)
	}))
})

var _ = suite.Describe("file", func() {
	const path = "/dev/null"
	var name, status child.Buffer
	start := func(s *steps) { name, status = s.String(path), s.Buffer(256) }
	measures(suite, "file/open-close", "open(2) and close(2): opening /dev/null and closing it", repeated(32, start, func(s *steps) {
		fd := s.Do("open()", unix.SYS_OPEN, name, unix.O_RDWR, 0)
		s.Do("close()", unix.SYS_CLOSE, fd)
	}))
	measures(suite, "file/stat", "stat(2): the status of /dev/null", repeated(32, start, func(s *steps) {
		s.Do("stat()", unix.SYS_STAT, name, status)
	}))
})

var _ = suite.Describe("timer", func() {
	var fd child.Result
	var off, hour, short child.Buffer
	start := func(s *steps) {
		fd = s.Do("timerfd_create()", unix.SYS_TIMERFD_CREATE, unix.CLOCK_MONOTONIC, 0)
		// struct itimerspec: an interval, then the time until it expires.
		off, hour, short = s.Buffer(32), s.words(0, 0, 3600, 0), s.words(0, 20_000)
		s.Do("prctl(PR_SET_TIMERSLACK)", unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, 1)
	}
	measures(suite, "timer/arm", "timerfd_settime(2): setting a timer and setting it back", repeated(32, start, func(s *steps) {
		s.Do("timerfd_settime()", unix.SYS_TIMERFD_SETTIME, fd, 0, hour, 0)
		s.Do("timerfd_settime()", unix.SYS_TIMERFD_SETTIME, fd, 0, off, 0)
	}))
	measures(suite, "timer/sleep-20us", "nanosleep(2): sleeping 20 µs, which are part of the result", repeated(16, start, func(s *steps) {
		s.Do("nanosleep()", unix.SYS_NANOSLEEP, short, 0)
	}))
})
