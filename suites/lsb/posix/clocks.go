package posix

import (
	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

const (
	absolute = 1 // TIMER_ABSTIME
	noClock  = 99
)

var _ = suite.Describe("posix", func() {
	it("clock-gettime", "clock_gettime() DESCRIPTION and ERRORS: CLOCK_MONOTONIC does not go back; clock_getres() up to 20 ms; EINVAL", func(s *script) {
		a, b, res := s.longs(0, 0), s.longs(0, 0), s.longs(9, 9)
		s.ok("clock_gettime()", unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, a)
		s.ok("clock_gettime() again", unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, b)
		s.ok("clock_getres(CLOCK_REALTIME)", unix.SYS_CLOCK_GETRES, unix.CLOCK_REALTIME, res)
		s.then(func() {
			s.t.True("clock_gettime() again", long(b, 0) > long(a, 0) || long(b, 0) == long(a, 0) && long(b, 8) >= long(a, 8), "earlier", "not earlier")
			s.t.True("clock_getres()", long(res, 0) == 0 && long(res, 8) > 0 && long(res, 8) <= 20e6, "more", "up to _POSIX_CLOCKRES_MIN, 20 ms")
		})
		s.fails("clock_gettime(99)", errs(unix.EINVAL), unix.SYS_CLOCK_GETTIME, noClock, a)
	})
	it("clock-settime", "clock_settime() ERRORS: EPERM without privilege, EINVAL or EPERM for CLOCK_MONOTONIC", func(s *script) {
		s.fails("clock_settime(CLOCK_MONOTONIC)", errs(unix.EINVAL, unix.EPERM), unix.SYS_CLOCK_SETTIME, unix.CLOCK_MONOTONIC, s.longs(1, 0))
		s.nobody()
		s.fails("clock_settime(CLOCK_REALTIME)", errs(unix.EPERM), unix.SYS_CLOCK_SETTIME, unix.CLOCK_REALTIME, s.longs(1e9, 0))
	}, spec.Root)
	it("nanosleep", "nanosleep() DESCRIPTION and ERRORS: sleeps no less than asked; EINVAL for nanoseconds beyond 10^9", func(s *script) {
		a, b := s.longs(0, 0), s.longs(0, 0)
		s.setup("clock_gettime()", unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, a)
		s.ok("nanosleep(20 ms)", unix.SYS_NANOSLEEP, s.longs(0, 20e6), 0)
		s.setup("clock_gettime()", unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, b)
		s.then(func() {
			s.t.True("nanosleep(20 ms)", (long(b, 0)-long(a, 0))*1e9+long(b, 8)-long(a, 8) >= 20e6, "less", "20 ms or more")
		})
		s.fails("nanosleep(10^9 ns)", errs(unix.EINVAL), unix.SYS_NANOSLEEP, s.longs(0, 1e9), 0)
	})
	it("clock-nanosleep", "clock_nanosleep() DESCRIPTION and ERRORS: returns at once for a time that has passed; EINVAL", func(s *script) {
		s.ok("clock_nanosleep(TIMER_ABSTIME, past)", unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, absolute, s.longs(0, 1), 0)
		s.fails("clock_nanosleep(99)", errs(unix.EINVAL), unix.SYS_CLOCK_NANOSLEEP, noClock, 0, s.longs(0, 1), 0)
		s.fails("clock_nanosleep(10^9 ns)", errs(unix.EINVAL), unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, 0, s.longs(0, 1e9), 0)
	})
	it("timer", "timer_settime() and timer_gettime() DESCRIPTION: a signal at expiry, once or at each interval; 0 behind it", func(s *script) {
		s.mask(setMask, bit(int(unix.SIGALRM)))
		id, gone, left := s.words(0), s.longs(9, 9, 9, 9), s.longs(9, 9, 9, 9)
		s.ok("timer_create()", unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, 0, id)
		s.then(func() { s.t.Setup("the first timer's number", numbered(word(id, 0))) })
		s.ok("timer_settime(5 ms)", unix.SYS_TIMER_SETTIME, 0, 0, s.longs(0, 0, 0, 5e6), 0)
		s.gives("sigtimedwait(SIGALRM)", int(unix.SIGALRM), unix.SYS_RT_SIGTIMEDWAIT, s.longs(bit(int(unix.SIGALRM))), 0, s.longs(5, 0), 8)
		s.ok("timer_gettime()", unix.SYS_TIMER_GETTIME, 0, gone)
		s.then(func() { s.t.Equal("it_value behind expiry", [2]uint64{long(gone, 16), long(gone, 24)}, [2]uint64{}) })
		s.ok("timer_settime(1 h)", unix.SYS_TIMER_SETTIME, 0, 0, s.longs(0, 0, 3600, 0), 0)
		s.ok("timer_gettime()", unix.SYS_TIMER_GETTIME, 0, left)
		s.then(func() {
			s.t.True("it_value", long(left, 16) >= 3590 && long(left, 16) <= 3600, "another", "nearly an hour")
		})
		s.ok("timer_delete()", unix.SYS_TIMER_DELETE, 0)
		s.fails("timer_gettime(deleted)", errs(unix.EINVAL), unix.SYS_TIMER_GETTIME, 0, left)
		s.fails("timer_create(99)", errs(unix.EINVAL), unix.SYS_TIMER_CREATE, noClock, 0, id)
	})
	it("setitimer", "setitimer() DESCRIPTION and ERRORS: SIGALRM at expiry; gives the time that was left; EINVAL", func(s *script) {
		s.mask(setMask, bit(int(unix.SIGALRM)))
		s.ok("setitimer(5 ms)", unix.SYS_SETITIMER, 0, s.longs(0, 0, 0, 5000), 0)
		s.gives("sigtimedwait(SIGALRM)", int(unix.SIGALRM), unix.SYS_RT_SIGTIMEDWAIT, s.longs(bit(int(unix.SIGALRM))), 0, s.longs(5, 0), 8)
		s.ok("setitimer(1 h)", unix.SYS_SETITIMER, 0, s.longs(0, 0, 3600, 0), 0)
		old := s.longs(0, 0, 0, 0)
		s.ok("setitimer(0)", unix.SYS_SETITIMER, 0, s.longs(0, 0, 0, 0), old)
		s.then(func() {
			s.t.True("the time that was left", long(old, 16) >= 3590 && long(old, 16) <= 3600, "another", "nearly an hour")
		})
		s.fails("setitimer(99)", errs(unix.EINVAL), unix.SYS_SETITIMER, 99, s.longs(0, 0, 0, 0), 0)
		s.fails("setitimer(10^6 us)", errs(unix.EINVAL), unix.SYS_SETITIMER, 0, s.longs(0, 0, 0, 1e6), 0)
	})
})
