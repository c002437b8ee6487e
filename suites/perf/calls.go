package perf

import "golang.org/x/sys/unix"

var _ = suite.Describe("syscall", func() {
	const n = 64
	measures("syscall/null", "getppid(2): a call that does next to nothing", load{ops: n, timed: func(s *steps) {
		s.Repeat(n, func() { s.Do("getppid()", unix.SYS_GETPPID) })
	}})
})
