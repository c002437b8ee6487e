package perf

import (
	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

var _ = suite.Describe("fork", func() {
	const n = 4
	measures("fork/exit", "fork(2): making a process of a page of code, its end and wait4(2)", load{ops: n, timed: func(s *steps) {
		s.Repeat(n, func() {
			pid := s.Spawn(0, nil, func(*child.Program) {})
			s.Do("wait4()", unix.SYS_WAIT4, pid, 0, 0, 0)
		})
	}})
})
