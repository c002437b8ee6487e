package posix

import (
	"errors"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// flock is a struct flock of 64-bit offsets: fcntl(2).
func (s *script) flock(kind, start, length int) child.Buffer {
	b := s.Buffer(32)
	le.PutUint16(b.Bytes, uint16(kind))
	le.PutUint64(b.Bytes[8:], uint64(start))
	le.PutUint64(b.Bytes[16:], uint64(length))
	return b
}

const (
	setLock  = unix.F_SETLK
	waitLock = unix.F_SETLKW
	getLock  = unix.F_GETLK
)

var conflict = errs(unix.EAGAIN, unix.EACCES)

var _ = suite.Describe("posix", func() {
	it("lock-conflict", "fcntl() F_SETLK: EAGAIN or EACCES for a range that another process has locked; shared locks go together", func(s *script) {
		fd := s.open("f", newFile)
		s.ok("F_SETLK write 0..9", unix.SYS_FCNTL, fd, setLock, s.flock(unix.F_WRLCK, 0, 10))
		s.ok("F_SETLK read 10..19", unix.SYS_FCNTL, fd, setLock, s.flock(unix.F_RDLCK, 10, 10))
		s.wait(s.fork(func(o *script) {
			o.fails("F_SETLK read 5 in another process", conflict, unix.SYS_FCNTL, fd, setLock, o.flock(unix.F_RDLCK, 5, 1))
			o.fails("F_SETLK write 15 in another process", conflict, unix.SYS_FCNTL, fd, setLock, o.flock(unix.F_WRLCK, 15, 1))
			o.ok("F_SETLK read 15 in another process", unix.SYS_FCNTL, fd, setLock, o.flock(unix.F_RDLCK, 15, 1))
			o.ok("F_SETLK write 20 in another process", unix.SYS_FCNTL, fd, setLock, o.flock(unix.F_WRLCK, 20, 0))
		}))
	})
	it("lock-get", "fcntl() F_GETLK: describes the lock in the way, with the process's ID; F_UNLCK where there is none", func(s *script) {
		fd := s.open("f", newFile)
		pid := s.setup("getpid()", unix.SYS_GETPID)
		s.ok("F_SETLK write 3..5", unix.SYS_FCNTL, fd, setLock, s.flock(unix.F_WRLCK, 3, 3))
		s.wait(s.fork(func(o *script) {
			b, free := o.flock(unix.F_RDLCK, 0, 0), o.flock(unix.F_RDLCK, 6, 0)
			o.ok("F_GETLK 0..", unix.SYS_FCNTL, fd, getLock, b)
			o.ok("F_GETLK 6..", unix.SYS_FCNTL, fd, getLock, free)
			o.then(func() {
				o.t.Equal("l_type", int(le.Uint16(b.Bytes)), unix.F_WRLCK)
				o.t.Equal("l_start and l_len", [2]uint64{long(b, 8), long(b, 16)}, [2]uint64{3, 3})
				o.t.Equal("l_pid", int(word(b, 24)), pid.Value())
				o.t.Equal("l_type where no lock is", int(le.Uint16(free.Bytes)), unix.F_UNLCK)
			})
		}))
	})
	it("lock-close", "close() DESCRIPTION: all locks of the process on the file go with any descriptor of it", func(s *script) {
		fd, other := s.open("f", newFile), s.open("f", rdwr)
		s.ok("F_SETLK write", unix.SYS_FCNTL, fd, setLock, s.flock(unix.F_WRLCK, 0, 0))
		s.setup("close(other)", unix.SYS_CLOSE, other)
		s.wait(s.fork(func(o *script) {
			o.ok("F_SETLK write in another process", unix.SYS_FCNTL, fd, setLock, o.flock(unix.F_WRLCK, 0, 0))
		}))
	})
	it("lock-fork", "fcntl() DESCRIPTION: locks are not inherited by fork(), and end with their process", func(s *script) {
		fd := s.open("f", newFile)
		s.wait(s.fork(func(o *script) {
			o.ok("F_SETLK write", unix.SYS_FCNTL, fd, setLock, o.flock(unix.F_WRLCK, 0, 0))
			o.wait(o.fork(func(oo *script) {
				oo.fails("F_SETLK write in the child of the owner", conflict, unix.SYS_FCNTL, fd, setLock, oo.flock(unix.F_WRLCK, 0, 0))
			}))
		}))
		s.ok("F_SETLK write behind the owner's end", unix.SYS_FCNTL, fd, setLock, s.flock(unix.F_WRLCK, 0, 0))
	})
	it("lock-deadlock", "fcntl() ERRORS EDEADLK, LSB 20.2: waiting would have each of two processes wait for the other", func(s *script) {
		fd := s.open("f", newFile)
		r, w := s.pipe("p", 0)
		s.ok("F_SETLK write 0", unix.SYS_FCNTL, fd, setLock, s.flock(unix.F_WRLCK, 0, 1))
		var theirs child.Result
		sub := s.fork(func(o *script) {
			o.ok("F_SETLK write 1 in another process", unix.SYS_FCNTL, fd, setLock, o.flock(unix.F_WRLCK, 1, 1))
			o.setup("write(pipe)", unix.SYS_WRITE, w, o.String("x"), 1)
			// One of the two waits is refused, whichever comes second.
			theirs = o.Call(unix.SYS_FCNTL, fd, waitLock, o.flock(unix.F_WRLCK, 0, 1))
		})
		// Where neither is, they wait until the other process is killed.
		rescue := s.fork(func(o *script) {
			o.Call(unix.SYS_NANOSLEEP, o.longs(3, 0), 0)
			o.Call(unix.SYS_KILL, sub, int(unix.SIGKILL))
		})
		s.setup("read(pipe)", unix.SYS_READ, r, s.Buffer(1), 1)
		mine := s.Call(unix.SYS_FCNTL, fd, waitLock, s.flock(unix.F_WRLCK, 1, 1))
		s.setup("F_SETLK unlock", unix.SYS_FCNTL, fd, setLock, s.flock(unix.F_UNLCK, 0, 0))
		s.wait(sub)
		s.setup("kill()", unix.SYS_KILL, rescue, int(unix.SIGKILL))
		s.wait(rescue)
		s.then(func() {
			refused, got := mine.Err(), "success of both"
			if refused == nil {
				refused = theirs.Err()
			}
			switch {
			case errors.Is(refused, child.ErrNotReached):
				got = "none: both waited for 3 s"
			case refused != nil:
				got = refused.Error()
			}
			s.t.True("F_SETLKW that closes the circle", errors.Is(refused, unix.EDEADLK), got, "EDEADLK for one of two processes")
		})
	})
	it("lock-ebadf", "fcntl() ERRORS: EBADF for a lock that the descriptor is not open for, EINVAL for a command or type that is none", func(s *script) {
		s.file("f", "")
		fd := s.open("f", rdonly)
		s.fails("F_SETLK write on O_RDONLY", errs(unix.EBADF), unix.SYS_FCNTL, fd, setLock, s.flock(unix.F_WRLCK, 0, 0))
		s.fails("F_SETLK read on O_WRONLY", errs(unix.EBADF), unix.SYS_FCNTL, s.open("f", wronly), setLock, s.flock(unix.F_RDLCK, 0, 0))
		s.fails("F_SETLK type 99", errs(unix.EINVAL), unix.SYS_FCNTL, fd, setLock, s.flock(99, 0, 0))
		s.fails("fcntl(fd, -1)", errs(unix.EINVAL), unix.SYS_FCNTL, fd, -1, 0)
	})
	it("fcntl-flags", "fcntl() F_GETFL and F_SETFL: the access mode stays, O_APPEND and O_NONBLOCK change; F_SETFD", func(s *script) {
		fd := s.open("f", newFile)
		s.ok("F_SETFL O_APPEND|O_NONBLOCK|O_WRONLY", unix.SYS_FCNTL, fd, unix.F_SETFL, unix.O_APPEND|unix.O_NONBLOCK|wronly)
		r := s.ok("F_GETFL", unix.SYS_FCNTL, fd, unix.F_GETFL, 0)
		s.then(func() {
			s.t.Equal("F_GETFL", r.Value()&(unix.O_ACCMODE|unix.O_APPEND|unix.O_NONBLOCK), rdwr|unix.O_APPEND|unix.O_NONBLOCK)
		})
		s.ok("F_SETFD FD_CLOEXEC", unix.SYS_FCNTL, fd, unix.F_SETFD, unix.FD_CLOEXEC)
		s.gives("F_GETFD", unix.FD_CLOEXEC, unix.SYS_FCNTL, fd, unix.F_GETFD, 0)
		s.gives("F_GETFD of a duplicate", 0, unix.SYS_FCNTL, s.ok("dup(fd)", unix.SYS_DUP, fd), unix.F_GETFD, 0)
	})
})
