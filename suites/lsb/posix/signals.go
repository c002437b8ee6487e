package posix

import (
	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// bit is a signal in a set of the kernel's.
func bit(signal int) uint64 { return 1 << (signal - 1) }

const (
	block   = 0 // SIG_BLOCK
	unblock = 1 // SIG_UNBLOCK
	setMask = 2 // SIG_SETMASK
	sigRT   = 40
)

// byDefault gives a signal its default action, and unblocks all: a child may inherit others.
func (s *script) byDefault(signal unix.Signal) {
	s.setup("sigaction(SIG_DFL)", unix.SYS_RT_SIGACTION, int(signal), s.longs(0, 0, 0, 0), 0, 8)
	s.mask(setMask, 0)
}

// mask adds a sigprocmask(2).
func (s *script) mask(how int, set uint64) {
	s.setup("sigprocmask()", unix.SYS_RT_SIGPROCMASK, how, s.longs(set), 0, 8)
}

var _ = suite.Describe("posix", func() {
	it("kill", "kill() ERRORS: ESRCH for no process, EINVAL for no signal, LSB 20.2; 0 only asks", func(s *script) {
		pid := s.setup("getpid()", unix.SYS_GETPID)
		s.ok("kill(self, 0)", unix.SYS_KILL, pid, 0)
		s.fails("kill(2^30, 0)", errs(unix.ESRCH), unix.SYS_KILL, 1<<30, 0)
		s.fails("kill(self, -5)", errs(unix.EINVAL), unix.SYS_KILL, pid, -5)
		s.fails("kill(self, 65)", errs(unix.EINVAL), unix.SYS_KILL, pid, 65)
	})
	it("kill-eperm", "kill() ERRORS EPERM: another user's process", func(s *script) {
		parent := s.setup("getpid()", unix.SYS_GETPID)
		s.wait(s.fork(func(o *script) {
			o.nobody()
			o.fails("kill(another's, 0)", errs(unix.EPERM), unix.SYS_KILL, parent, 0)
			o.fails("kill(another's, SIGCONT)", errs(unix.EPERM), unix.SYS_KILL, parent, int(unix.SIGTERM))
		}))
	}, spec.Root)
	it("sigpending", "sigprocmask() and sigpending(): a blocked signal waits, once, and is delivered when it is unblocked", func(s *script) {
		set, old := s.longs(0), s.longs(99)
		status := s.wait(s.fork(func(o *script) {
			pid := o.setup("getpid()", unix.SYS_GETPID)
			o.byDefault(unix.SIGUSR1)
			o.mask(setMask, bit(int(unix.SIGUSR1)))
			o.ok("kill(self, SIGUSR1)", unix.SYS_KILL, pid, int(unix.SIGUSR1))
			o.ok("kill(self, SIGUSR1) again", unix.SYS_KILL, pid, int(unix.SIGUSR1))
			o.ok("sigpending()", unix.SYS_RT_SIGPENDING, set, 8)
			o.Call(unix.SYS_RT_SIGPROCMASK, unblock, o.longs(bit(int(unix.SIGUSR1))), old, 8)
		}))
		s.then(func() {
			s.t.Equal("sigpending()", long(set, 0), bit(int(unix.SIGUSR1)))
			s.t.True("the process behind SIG_UNBLOCK", status().Signaled() && status().Signal() == unix.SIGUSR1, "not killed", "killed by SIGUSR1")
		})
	})
	it("sigprocmask", "sigprocmask() DESCRIPTION and ERRORS: gives the set of before; SIGKILL and SIGSTOP cannot be blocked; EINVAL", func(s *script) {
		old, now := s.longs(0), s.longs(0)
		s.mask(setMask, bit(1))
		s.ok("sigprocmask(SIG_BLOCK)", unix.SYS_RT_SIGPROCMASK, block, s.longs(bit(2)|bit(int(unix.SIGKILL))|bit(int(unix.SIGSTOP))), old, 8)
		s.ok("sigprocmask(0)", unix.SYS_RT_SIGPROCMASK, block, 0, now, 8)
		s.then(func() {
			s.t.Equal("the set of before", long(old, 0), bit(1))
			s.t.Equal("the set now", long(now, 0), bit(1)|bit(2))
		})
		s.fails("sigprocmask(99)", errs(unix.EINVAL), unix.SYS_RT_SIGPROCMASK, 99, s.longs(0), 0, 8)
	})
	it("sigaction", "sigaction() DESCRIPTION and ERRORS: gives what was set before; EINVAL for SIGKILL, SIGSTOP and no signal", func(s *script) {
		old := s.longs(7, 0, 0, 0)
		s.ignore(unix.SIGUSR1)
		s.ok("sigaction(SIGUSR1, 0, &old)", unix.SYS_RT_SIGACTION, int(unix.SIGUSR1), 0, old, 8)
		s.then(func() { s.t.Equal("the handler of before", long(old, 0), uint64(1)) })
		for _, n := range []int{int(unix.SIGKILL), int(unix.SIGSTOP), -5, 0, 65} {
			s.fails("sigaction("+unix.SignalName(unix.Signal(n))+")", errs(unix.EINVAL), unix.SYS_RT_SIGACTION, n, s.longs(1, 0, 0, 0), 0, 8)
		}
		pid := s.setup("getpid()", unix.SYS_GETPID)
		s.ok("kill(self, SIGUSR1), which is ignored", unix.SYS_KILL, pid, int(unix.SIGUSR1))
	})
	it("sigtimedwait", "sigtimedwait() RETURN VALUE and ERRORS: the number of a pending signal, which is taken; EAGAIN at the timeout", func(s *script) {
		pid := s.setup("getpid()", unix.SYS_GETPID)
		s.mask(setMask, bit(int(unix.SIGUSR2)))
		s.setup("kill()", unix.SYS_KILL, pid, int(unix.SIGUSR2))
		info := s.Buffer(128)
		wait := func(text string) {
			s.gives(text, int(unix.SIGUSR2), unix.SYS_RT_SIGTIMEDWAIT, s.longs(bit(int(unix.SIGUSR2))), info, s.longs(1, 0), 8)
		}
		wait("sigtimedwait()")
		s.then(func() {
			s.t.Equal("si_signo, si_pid", [2]int{int(word(info, 0)), int(word(info, 16))}, [2]int{int(unix.SIGUSR2), pid.Value()})
		})
		s.fails("sigtimedwait() again", errs(unix.EAGAIN), unix.SYS_RT_SIGTIMEDWAIT, s.longs(bit(int(unix.SIGUSR2))), 0, s.longs(0, 1000), 8)
	})
	it("sigqueue", "sigqueue() DESCRIPTION: signals from SIGRTMIN on are queued, each with its value, the lowest number first", func(s *script) {
		pid := s.setup("getpid()", unix.SYS_GETPID)
		set := bit(sigRT) | bit(sigRT+1)
		s.mask(setMask, set)
		for _, q := range [][2]uint32{{sigRT + 1, 3}, {sigRT, 1}, {sigRT, 2}} {
			info := s.words(q[0], 0, 0xffffffff, 0, 0, 0, q[1]) // SI_QUEUE
			s.ok("sigqueue()", unix.SYS_RT_SIGQUEUEINFO, pid, int(q[0]), info)
		}
		for i, want := range [][2]uint32{{sigRT, 1}, {sigRT, 2}, {sigRT + 1, 3}} {
			info := s.Buffer(128)
			s.ok("sigwaitinfo()", unix.SYS_RT_SIGTIMEDWAIT, s.longs(set), info, s.longs(1, 0), 8)
			s.then(func() {
				s.t.Equal("signal and value of "+[]string{"the first", "the second", "the third"}[i], [2]uint32{word(info, 0), word(info, 24)}, want)
			})
		}
	})
	it("wait-status", "wait() DESCRIPTION: the low eight bits of the exit status; the signal of a process that one ended", func(s *script) {
		exited := s.wait(s.fork(func(o *script) { o.Call(unix.SYS_EXIT_GROUP, 0x1234) }))
		killed := s.wait(s.fork(func(o *script) {
			o.Call(unix.SYS_KILL, o.Call(unix.SYS_GETPID), int(unix.SIGKILL))
		}))
		s.then(func() {
			s.t.Equal("WEXITSTATUS of exit(0x1234)", exited().ExitStatus(), 0x34)
			s.t.True("WIFSIGNALED", killed().Signaled() && !killed().Exited(), "no", "yes")
			s.t.Equal("WTERMSIG", killed().Signal(), unix.SIGKILL)
		})
	})
	it("wait-stopped", "waitpid() DESCRIPTION WUNTRACED and WCONTINUED: a child that stopped, and one that was continued", func(s *script) {
		pid := s.fork(func(o *script) { o.Call(unix.SYS_KILL, o.Call(unix.SYS_GETPID), int(unix.SIGSTOP)) })
		stop, cont := s.words(0), s.words(0)
		s.ok("waitpid(WUNTRACED)", unix.SYS_WAIT4, pid, stop, unix.WUNTRACED, 0)
		s.ok("kill(SIGCONT)", unix.SYS_KILL, pid, int(unix.SIGCONT))
		s.ok("waitpid(WCONTINUED)", unix.SYS_WAIT4, pid, cont, unix.WCONTINUED, 0)
		s.then(func() {
			st := unix.WaitStatus(word(stop, 0))
			s.t.True("WIFSTOPPED, WSTOPSIG", st.Stopped() && st.StopSignal() == unix.SIGSTOP, "something else", "stopped by SIGSTOP")
			s.t.True("WIFCONTINUED", unix.WaitStatus(word(cont, 0)).Continued() || unix.WaitStatus(word(cont, 0)).Exited(), "neither", "continued, or ended since")
		})
	})
	it("wait-errors", "waitpid() ERRORS and RETURN VALUE: ECHILD without children, EINVAL for no option, 0 with WNOHANG", func(s *script) {
		s.fails("waitpid(-1)", errs(unix.ECHILD), unix.SYS_WAIT4, -1, 0, 0, 0)
		s.fails("waitpid(options 0x10)", errs(unix.EINVAL), unix.SYS_WAIT4, -1, 0, 0x10, 0)
		r, _ := s.pipe("p", 0)
		pid := s.fork(func(o *script) { o.Call(unix.SYS_READ, r, o.Buffer(1), 1) })
		s.gives("waitpid(WNOHANG)", 0, unix.SYS_WAIT4, pid, 0, unix.WNOHANG, 0)
		s.setup("kill()", unix.SYS_KILL, pid, int(unix.SIGKILL))
		s.ok("waitpid()", unix.SYS_WAIT4, pid, 0, 0, 0)
		s.fails("waitpid() again", errs(unix.ECHILD), unix.SYS_WAIT4, pid, 0, 0, 0)
	})
	it("wait-ignored", "wait() ERRORS ECHILD and sigaction() SIG_IGN: children of a process that ignores SIGCHLD leave no status", func(s *script) {
		s.ignore(unix.SIGCHLD)
		pid := s.fork(func(o *script) {})
		s.fails("waitpid()", errs(unix.ECHILD), unix.SYS_WAIT4, pid, 0, 0, 0)
	})
	it("waitid", "waitid() DESCRIPTION: si_pid, si_status and si_code; WNOWAIT leaves the child to be waited for", func(s *script) {
		pid := s.fork(func(o *script) { o.Call(unix.SYS_EXIT_GROUP, 5) })
		info := s.Buffer(128)
		s.ok("waitid(P_PID, WEXITED|WNOWAIT)", unix.SYS_WAITID, unix.P_PID, pid, info, unix.WEXITED|unix.WNOWAIT, 0)
		s.ok("waitid(P_PID, WEXITED)", unix.SYS_WAITID, unix.P_PID, pid, info, unix.WEXITED, 0)
		const exited = 1 // CLD_EXITED
		s.then(func() {
			s.t.Equal("si_code", int(word(info, 8)), exited)
			s.t.Equal("si_status", int(word(info, 24)), 5)
			s.t.Equal("si_pid", int(word(info, 16)), pid.Value())
		})
		s.fails("waitid(99)", errs(unix.EINVAL), unix.SYS_WAITID, 99, 0, 0, unix.WEXITED, 0)
		s.fails("waitid(options 0)", errs(unix.EINVAL), unix.SYS_WAITID, unix.P_ALL, 0, 0, 0, 0)
	})
})
