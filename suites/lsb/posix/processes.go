package posix

import (
	"strings"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// refused adds an execve(2) that must fail.
func (s *script) refused(text string, name child.Buffer, e ...unix.Errno) {
	s.fails(text, e, unix.SYS_EXECVE, name, s.addresses(name), s.addresses())
}

// limit sets a resource limit of the process.
func (s *script) limit(resource int, soft, hard uint64) {
	s.setup("setrlimit()", unix.SYS_PRLIMIT64, 0, resource, s.longs(soft, hard), 0)
}

var _ = suite.Describe("posix", func() {
	it("exec-errors", "exec ERRORS: ENOENT, ENOTDIR, EACCES for what is not executable and for a directory, ENOEXEC for no known format", func(s *script) {
		s.file("plain", "text\n")
		s.file("odd", "\x00\x01\x02\x03no format")
		s.setup("chmod()", unix.SYS_FCHMODAT, cwd, s.path("odd"), 0o755)
		s.refused("execve(absent)", s.path("absent"), unix.ENOENT)
		s.refused("execve(plain/x)", s.path("plain/x"), unix.ENOTDIR)
		s.refused("execve(not executable)", s.path("plain"), unix.EACCES)
		s.refused("execve(directory)", s.path("."), unix.EACCES)
		s.refused("execve(no format)", s.path("odd"), unix.ENOEXEC)
	}, executableFolder)
	it("exec-interpreter", "exec and LSB 20.3: a script whose interpreter is not there, or may not be executed, is refused", func(s *script) {
		s.file("a", "#!/xtest/absent\n")
		s.file("b", "#!/dev/null\n")
		s.setup("chmod()", unix.SYS_FCHMODAT, cwd, s.path("a"), 0o755)
		s.setup("chmod()", unix.SYS_FCHMODAT, cwd, s.path("b"), 0o755)
		s.refused("execve(interpreter absent)", s.path("a"), unix.ENOENT)
		s.refused("execve(interpreter a device)", s.path("b"), unix.EACCES)
	}, executableFolder)
	it("exec-e2big", "exec ERRORS E2BIG: an argument beyond what the system takes", func(s *script) {
		s.file("f", "#!/bin/sh\n")
		s.setup("chmod()", unix.SYS_FCHMODAT, cwd, s.path("f"), 0o755)
		long := s.String(strings.Repeat("x", 200<<10))
		s.fails("execve(200 KiB)", errs(unix.E2BIG), unix.SYS_EXECVE, s.path("f"), s.addresses(long), s.addresses())
	}, executableFolder)
	it("fork", "fork() DESCRIPTION: another process ID, the caller as parent, a copy of the descriptors that shares offsets", func(s *script) {
		pid := s.setup("getpid()", unix.SYS_GETPID)
		s.file("f", "abc")
		fd := s.open("f", rdonly)
		var inner, parent child.Result
		sub := s.fork(func(o *script) {
			inner, parent = o.ok("getpid()", unix.SYS_GETPID), o.ok("getppid()", unix.SYS_GETPPID)
			o.setup("read()", unix.SYS_READ, fd, o.Buffer(2), 2)
		})
		s.wait(sub)
		s.gives("lseek() behind the child's read()", 2, unix.SYS_LSEEK, fd, 0, unix.SEEK_CUR)
		s.then(func() {
			s.t.Equal("getppid() in the child", parent.Value(), pid.Value())
			s.t.Equal("getpid() in the child", inner.Value(), sub.Value())
		})
	})
	it("fork-signals", "fork() DESCRIPTION: no signal is pending in the child, and its mask is the parent's", func(s *script) {
		pid := s.setup("getpid()", unix.SYS_GETPID)
		s.mask(setMask, bit(int(unix.SIGUSR1)))
		s.setup("kill()", unix.SYS_KILL, pid, int(unix.SIGUSR1))
		pending, mask := s.longs(99), s.longs(0)
		s.wait(s.fork(func(o *script) {
			o.ok("sigpending() in the child", unix.SYS_RT_SIGPENDING, pending, 8)
			o.ok("sigprocmask() in the child", unix.SYS_RT_SIGPROCMASK, block, 0, mask, 8)
		}))
		s.then(func() {
			s.t.Equal("sigpending() in the child", long(pending, 0), uint64(0))
			s.t.Equal("the child's mask", long(mask, 0), bit(int(unix.SIGUSR1)))
		})
	})
	it("rlimit-nofile", "open() ERRORS EMFILE and setrlimit() RLIMIT_NOFILE: one more than the greatest descriptor", func(s *script) {
		s.limit(unix.RLIMIT_NOFILE, 0, 0)
		s.fails("open() at the limit", errs(unix.EMFILE), unix.SYS_OPENAT, cwd, s.path("f"), newFile, 0o600)
		s.fails("dup(0) at the limit", errs(unix.EMFILE, unix.EBADF), unix.SYS_DUP, 0)
		s.fails("fcntl(F_DUPFD, 9) beyond the limit", errs(unix.EINVAL, unix.EBADF), unix.SYS_FCNTL, 0, unix.F_DUPFD, 9)
	})
	it("rlimit-fsize", "write() ERRORS EFBIG and setrlimit() RLIMIT_FSIZE: SIGXFSZ, or EFBIG where that is ignored; up to the limit is written", func(s *script) {
		fd := s.open("f", newFile)
		s.limit(unix.RLIMIT_FSIZE, 10, 10)
		s.ignore(unix.SIGXFSZ)
		s.gives("write(20) with a limit of 10", 10, unix.SYS_WRITE, fd, s.Buffer(20), 20)
		s.fails("write() at the limit", errs(unix.EFBIG), unix.SYS_WRITE, fd, s.Buffer(1), 1)
		s.fails("ftruncate() beyond the limit", errs(unix.EFBIG), unix.SYS_FTRUNCATE, fd, 11)
	})
	it("rlimit-errors", "setrlimit() ERRORS: EINVAL for a soft limit above the hard one and no resource; EPERM for raising the hard one", func(s *script) {
		s.fails("setrlimit({2, 1})", errs(unix.EINVAL), unix.SYS_PRLIMIT64, 0, unix.RLIMIT_CORE, s.longs(2, 1), 0)
		s.fails("setrlimit(99)", errs(unix.EINVAL), unix.SYS_PRLIMIT64, 0, 99, s.longs(1, 1), 0)
		s.limit(unix.RLIMIT_CORE, 1, 1)
		s.nobody()
		s.fails("setrlimit(raised)", errs(unix.EPERM), unix.SYS_PRLIMIT64, 0, unix.RLIMIT_CORE, s.longs(2, 2), 0)
		b := s.longs(9, 9)
		s.ok("getrlimit()", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_CORE, 0, b)
		s.then(func() { s.t.Equal("getrlimit()", [2]uint64{long(b, 0), long(b, 8)}, [2]uint64{1, 1}) })
	}, spec.Root)
	it("setuid", "setuid() and seteuid() ERRORS EPERM: another user without privilege; the saved user can be taken again", func(s *script) {
		s.setup("setresuid(65534, 65534, 65533)", unix.SYS_SETRESUID, 65534, 65534, 65533)
		s.ok("seteuid(saved)", unix.SYS_SETRESUID, -1, 65533, -1)
		s.gives("geteuid()", 65533, unix.SYS_GETEUID)
		s.fails("setuid(0)", errs(unix.EPERM), unix.SYS_SETUID, 0)
		s.ok("setuid(real)", unix.SYS_SETUID, 65534)
		s.gives("geteuid()", 65534, unix.SYS_GETEUID)
	}, spec.Root)
	it("setgid", "setgid() ERRORS EPERM and getgroups() ERRORS EINVAL: another group without privilege; too small a list", func(s *script) {
		s.setup("setgroups({7, 8})", unix.SYS_SETGROUPS, 2, s.words(7, 8))
		s.gives("getgroups(0)", 2, unix.SYS_GETGROUPS, 0, 0)
		s.fails("getgroups(1)", errs(unix.EINVAL), unix.SYS_GETGROUPS, 1, s.words(0))
		s.nobody()
		s.fails("setgid(0)", errs(unix.EPERM), unix.SYS_SETGID, 0)
	}, spec.Root)
	it("nice", "nice() and setpriority() ERRORS: who is not privileged may not lower the value; ESRCH, EINVAL", func(s *script) {
		s.setup("setpriority(5)", unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, 5)
		s.gives("getpriority(), as 20 minus the value", 15, unix.SYS_GETPRIORITY, unix.PRIO_PROCESS, 0)
		s.nobody()
		s.fails("setpriority(0)", errs(unix.EACCES, unix.EPERM), unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, 0)
		s.fails("getpriority(2^30)", errs(unix.ESRCH), unix.SYS_GETPRIORITY, unix.PRIO_PROCESS, 1<<30)
		s.fails("getpriority(99)", errs(unix.EINVAL), unix.SYS_GETPRIORITY, 99, 0)
	}, spec.Root)
	it("setsid", "setsid() DESCRIPTION and ERRORS: a new session and process group; EPERM for the leader of a group", func(s *script) {
		s.wait(s.fork(func(o *script) {
			pid := o.setup("getpid()", unix.SYS_GETPID)
			id := o.ok("setsid()", unix.SYS_SETSID)
			group, session := o.ok("getpgid(0)", unix.SYS_GETPGID, 0), o.ok("getsid(0)", unix.SYS_GETSID, 0)
			o.fails("setsid() of a leader", errs(unix.EPERM), unix.SYS_SETSID)
			o.then(func() {
				o.t.Equal("setsid(), getpgid(), getsid()", [3]int{id.Value(), group.Value(), session.Value()}, [3]int{pid.Value(), pid.Value(), pid.Value()})
			})
		}))
	})
	it("setpgid", "setpgid() ERRORS: EPERM for a session's leader and a group of another session, ESRCH, EINVAL", func(s *script) {
		s.fails("setpgid(2^30, 0)", errs(unix.ESRCH), unix.SYS_SETPGID, 1<<30, 0)
		s.fails("setpgid(0, -1)", errs(unix.EINVAL), unix.SYS_SETPGID, 0, -1)
		s.wait(s.fork(func(o *script) {
			pid := o.setup("getpid()", unix.SYS_GETPID)
			o.ok("setpgid(0, 0)", unix.SYS_SETPGID, 0, 0)
			group := o.ok("getpgrp()", unix.SYS_GETPGID, 0)
			o.then(func() { o.t.Equal("getpgrp()", group.Value(), pid.Value()) })
		}))
		s.wait(s.fork(func(o *script) {
			o.setup("setsid()", unix.SYS_SETSID)
			o.fails("setpgid() of a session's leader", errs(unix.EPERM), unix.SYS_SETPGID, 0, 0)
		}))
	})
	it("kill-group", "kill() DESCRIPTION: a negative process ID sends to the process group", func(s *script) {
		r, _ := s.pipe("p", 0)
		s.byDefault(unix.SIGTERM)
		pid := s.fork(func(o *script) { o.Call(unix.SYS_READ, r, o.Buffer(1), 1) })
		s.setup("setpgid(child, child)", unix.SYS_SETPGID, pid, pid)
		status := s.wait(s.fork(func(o *script) {
			o.ok("setpgid(0, group)", unix.SYS_SETPGID, 0, pid)
			o.Call(unix.SYS_KILL, 0, int(unix.SIGTERM))
			o.Call(unix.SYS_READ, r, o.Buffer(1), 1)
		}))
		other := s.wait(pid)
		s.then(func() {
			s.t.Equal("signal of the sender", status().Signal(), unix.SIGTERM)
			s.t.Equal("signal of the other of its group", other().Signal(), unix.SIGTERM)
		})
	})
})

// executableFolder probes for a temporary folder that files can be executed in.
var executableFolder = spec.Probe{Name: "executable temporary folder", Check: func() error { return executable() }}
