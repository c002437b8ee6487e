package posix

import "golang.org/x/sys/unix"

// pipeBuf is PIPE_BUF, the most that is written at once: <linux/limits.h>.
const pipeBuf = 4096

// ignore makes the process ignore a signal: struct sigaction of the kernel with SIG_IGN.
func (s *script) ignore(signal unix.Signal) {
	s.setup("sigaction(SIG_IGN)", unix.SYS_RT_SIGACTION, int(signal), s.longs(1, 0, 0, 0), 0, 8)
}

// revents polls one descriptor, by its number, without waiting.
func revents(text string, s *script, fd int, events int16, want int16, ready int) {
	b := s.words(uint32(fd), uint32(uint16(events)))
	s.gives(text, ready, unix.SYS_PPOLL, b, 1, s.longs(0, 0), 0, 8)
	s.then(func() { s.t.Equal(text+" revents", int16(word(b, 4)>>16), want) })
}

var _ = suite.Describe("posix", func() {
	it("pipe", "pipe() DESCRIPTION: two descriptors, without FD_CLOEXEC; EMFILE at the limit", func(s *script) {
		b := s.words(0xffffffff, 0xffffffff)
		s.ok("pipe()", unix.SYS_PIPE2, b, 0)
		s.then(func() {
			s.t.True("pipe()", int32(word(b, 0)) >= 0 && int32(word(b, 4)) > int32(word(b, 0)), "others", "two descriptors in order")
		})
		s.setup("setrlimit()", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, s.longs(3, 3), 0)
		s.fails("pipe() at the limit", errs(unix.EMFILE), unix.SYS_PIPE2, b, 0)
	})
	it("pipe-epipe", "write() ERRORS EPIPE: a pipe that nobody has open for reading, and SIGPIPE", func(s *script) {
		r, w := s.pipe("p", 0)
		s.setup("close(read end)", unix.SYS_CLOSE, r)
		s.byDefault(unix.SIGPIPE)
		killed := s.wait(s.fork(func(o *script) { o.Call(unix.SYS_WRITE, w, o.String("x"), 1) }))
		s.ignore(unix.SIGPIPE)
		s.fails("write(w) with SIGPIPE ignored", errs(unix.EPIPE), unix.SYS_WRITE, w, s.String("x"), 1)
		s.then(func() { s.t.Equal("signal of the writer", killed().Signal(), unix.SIGPIPE) })
	})
	it("pipe-eof", "read() DESCRIPTION: 0 when nobody has the pipe open for writing, what is left first", func(s *script) {
		r, w := s.pipe("p", 0)
		s.gives(`write(w, "ab", 2)`, 2, unix.SYS_WRITE, w, s.String("ab"), 2)
		s.setup("close(w)", unix.SYS_CLOSE, w)
		s.content("read(r)", r, "ab")
		s.content("read(r) at the end", r, "")
	})
	it("pipe-eagain", "read() and write() ERRORS EAGAIN: O_NONBLOCK and a pipe that is empty, or full", func(s *script) {
		r, w := s.pipe("p", unix.O_NONBLOCK)
		s.fails("read(empty pipe)", errs(unix.EAGAIN), unix.SYS_READ, r, s.Buffer(1), 1)
		size := s.Call(unix.SYS_FCNTL, w, unix.F_SETPIPE_SZ, pipeBuf)
		s.then(func() { s.t.Setup("fcntl(F_SETPIPE_SZ)", size.Err()) })
		s.gives("write(PIPE_BUF)", pipeBuf, unix.SYS_WRITE, w, s.Buffer(pipeBuf), pipeBuf)
		s.fails("write(full pipe)", errs(unix.EAGAIN), unix.SYS_WRITE, w, s.String("x"), 1)
	})
	it("pipe-atomic", "write() DESCRIPTION: PIPE_BUF bytes or fewer go whole or not at all, more may go in part", func(s *script) {
		_, w := s.pipe("p", unix.O_NONBLOCK)
		s.setup("fcntl(F_SETPIPE_SZ)", unix.SYS_FCNTL, w, unix.F_SETPIPE_SZ, 2*pipeBuf)
		s.setup("write()", unix.SYS_WRITE, w, s.Buffer(pipeBuf+1), pipeBuf+1)
		s.fails("write(PIPE_BUF) where less has room", errs(unix.EAGAIN), unix.SYS_WRITE, w, s.Buffer(pipeBuf), pipeBuf)
		r := s.Call(unix.SYS_WRITE, w, s.Buffer(2*pipeBuf), 2*pipeBuf)
		s.then(func() {
			s.t.True("write(2 * PIPE_BUF) where less has room", r.Err() == unix.EAGAIN || r.Err() == nil && r.Value() < 2*pipeBuf, "all of it", "a part, or EAGAIN")
		})
	})
	it("poll", "poll() DESCRIPTION: POLLNVAL for no descriptor, nothing for one below 0, POLLOUT and POLLIN for a file; 0 at the timeout", func(s *script) {
		s.file("f", "x")
		s.setup("dup3(f, 50)", unix.SYS_DUP3, s.open("f", rdwr), 50, 0)
		revents("poll(-1)", s, -1, unix.POLLIN, 0, 0)
		revents("poll(777)", s, 777, unix.POLLIN, unix.POLLNVAL, 1)
		revents("poll(file)", s, 50, unix.POLLIN|unix.POLLOUT, unix.POLLIN|unix.POLLOUT, 1)
	})
	it("poll-pipe", "poll() DESCRIPTION: POLLIN with data, POLLHUP without a writer, POLLERR without a reader", func(s *script) {
		r, w := s.pipe("p", 0)
		s.setup("dup3(r, 50)", unix.SYS_DUP3, r, 50, 0)
		s.setup("dup3(w, 51)", unix.SYS_DUP3, w, 51, 0)
		s.setup("close(r)", unix.SYS_CLOSE, r)
		s.setup("close(w)", unix.SYS_CLOSE, w)
		revents("poll(empty)", s, 50, unix.POLLIN, 0, 0)
		revents("poll(writable)", s, 51, unix.POLLOUT, unix.POLLOUT, 1)
		s.setup("write()", unix.SYS_WRITE, 51, s.String("x"), 1)
		revents("poll(data)", s, 50, unix.POLLIN, unix.POLLIN, 1)
		s.setup("read()", unix.SYS_READ, 50, s.Buffer(1), 1)
		s.setup("dup3(r)", unix.SYS_DUP3, 50, 52, 0)
		s.setup("close(w)", unix.SYS_CLOSE, 51)
		revents("poll(no writer)", s, 50, unix.POLLIN, unix.POLLHUP, 1)
	})
	it("select", "pselect() DESCRIPTION and ERRORS: counts what is ready; EBADF for no descriptor, EINVAL for a timeout that is none", func(s *script) {
		s.file("f", "x")
		s.setup("dup3(f, 50)", unix.SYS_DUP3, s.open("f", rdwr), 50, 0)
		set := func(fd int) (b []uint64) { b = make([]uint64, 16); b[fd/64] = 1 << (fd % 64); return b }
		r := s.longs(set(50)...)
		s.gives("pselect(51, {50})", 1, unix.SYS_PSELECT6, 51, r, 0, 0, s.longs(0, 0), 0)
		s.then(func() { s.t.Equal("the set", long(r, 0), uint64(1)<<50) })
		s.fails("pselect({60})", errs(unix.EBADF), unix.SYS_PSELECT6, 61, s.longs(set(60)...), 0, 0, s.longs(0, 0), 0)
		s.fails("pselect(timeout of 10^9 ns)", errs(unix.EINVAL), unix.SYS_PSELECT6, 0, 0, 0, 0, s.longs(0, 1e9), 0)
		s.gives("pselect() at the timeout", 0, unix.SYS_PSELECT6, 0, 0, 0, 0, s.longs(0, 1000), 0)
	})
})
