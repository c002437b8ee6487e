package posix

import (
	"path/filepath"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// address is a sockaddr_un for a file of the spec's folder, and its length. The folder's path is short
// enough for its 108 bytes, or the spec's calls are broken.
func (s *script) address(name string) (child.Buffer, int) {
	text := filepath.Join(s.folder, name)
	b := s.Buffer(2 + 108 + len(text))
	le.PutUint16(b.Bytes, unix.AF_UNIX)
	copy(b.Bytes[2:], text)
	return b, 2 + len(text) + 1
}

func (s *script) socket(kind int) child.Result {
	return s.setup("socket()", unix.SYS_SOCKET, unix.AF_UNIX, kind, 0)
}

var _ = suite.Describe("posix", func() {
	it("socket-errors", "socket() ERRORS: EAFNOSUPPORT, EPROTONOSUPPORT or EPROTOTYPE; EMFILE at the limit", func(s *script) {
		s.fails("socket(999)", errs(unix.EAFNOSUPPORT), unix.SYS_SOCKET, 999, unix.SOCK_STREAM, 0)
		s.fails("socket(AF_UNIX, SOCK_STREAM, 99)", errs(unix.EPROTONOSUPPORT, unix.EPROTOTYPE), unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM, 99)
		s.limit(unix.RLIMIT_NOFILE, 0, 0)
		s.fails("socket() at the limit", errs(unix.EMFILE), unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM, 0)
	})
	it("socket-connect", "connect() and bind() ERRORS: ECONNREFUSED, ENOENT, EADDRINUSE, EINVAL for a socket that has a name", func(s *script) {
		server := s.socket(unix.SOCK_STREAM)
		a, n := s.address("s")
		s.fails("connect(absent)", errs(unix.ENOENT), unix.SYS_CONNECT, s.socket(unix.SOCK_STREAM), a, n)
		s.ok("bind()", unix.SYS_BIND, server, a, n)
		s.fails("connect(not listening)", errs(unix.ECONNREFUSED), unix.SYS_CONNECT, s.socket(unix.SOCK_STREAM), a, n)
		s.fails("bind(name in use)", errs(unix.EADDRINUSE), unix.SYS_BIND, s.socket(unix.SOCK_STREAM), a, n)
		b, m := s.address("t")
		s.fails("bind() again", errs(unix.EINVAL), unix.SYS_BIND, server, b, m)
	})
	it("socket-stream", "listen(), accept() and connect() DESCRIPTION: what one end sends the other receives; EOF when it is closed", func(s *script) {
		server, client := s.socket(unix.SOCK_STREAM), s.socket(unix.SOCK_STREAM)
		a, n := s.address("s")
		s.ok("bind()", unix.SYS_BIND, server, a, n)
		s.ok("listen()", unix.SYS_LISTEN, server, 1)
		s.ok("connect()", unix.SYS_CONNECT, client, a, n)
		other := s.ok("accept()", unix.SYS_ACCEPT4, server, 0, 0, 0)
		s.ok("write(client)", unix.SYS_WRITE, client, s.String("hello"), 5)
		s.content("read(accepted)", other, "hello")
		s.setup("close(client)", unix.SYS_CLOSE, client)
		s.content("read(accepted) at the end", other, "")
		s.fails("send(MSG_NOSIGNAL) to nobody", errs(unix.EPIPE), unix.SYS_SENDTO, other, s.String("x"), 1, unix.MSG_NOSIGNAL, 0, 0)
	})
	it("socket-nonblock", "accept() ERRORS EAGAIN and EINVAL: nobody connects, with O_NONBLOCK; a socket that does not listen", func(s *script) {
		server := s.setup("socket()", unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		s.fails("accept() before listen()", errs(unix.EINVAL), unix.SYS_ACCEPT4, server, 0, 0, 0)
		a, n := s.address("s")
		s.setup("bind()", unix.SYS_BIND, server, a, n)
		s.setup("listen()", unix.SYS_LISTEN, server, 1)
		s.fails("accept()", errs(unix.EAGAIN), unix.SYS_ACCEPT4, server, 0, 0, 0)
	})
	it("socket-enotsock", "socket functions ERRORS: ENOTSOCK for a file, EBADF, ENOTCONN, EOPNOTSUPP", func(s *script) {
		fd := s.open("f", newFile)
		s.fails("listen(file)", errs(unix.ENOTSOCK), unix.SYS_LISTEN, fd, 1)
		s.fails("shutdown(file)", errs(unix.ENOTSOCK), unix.SYS_SHUTDOWN, fd, unix.SHUT_RD)
		s.fails("listen(-1)", errs(unix.EBADF), unix.SYS_LISTEN, -1, 1)
		a, n := s.address("s")
		s.fails("sendto(SOCK_STREAM, not connected)", errs(unix.ENOTCONN, unix.EOPNOTSUPP), unix.SYS_SENDTO, s.socket(unix.SOCK_STREAM), s.String("x"), 1, unix.MSG_NOSIGNAL, a, n)
		s.fails("getpeername(not connected)", errs(unix.ENOTCONN), unix.SYS_GETPEERNAME, s.socket(unix.SOCK_STREAM), s.Buffer(128), s.words(128))
		s.fails("listen(SOCK_DGRAM)", errs(unix.EOPNOTSUPP), unix.SYS_LISTEN, s.socket(unix.SOCK_DGRAM), 1)
	})
	it("socket-datagram", "recv() and sendto() DESCRIPTION: the bounds of messages stay, and the rest of one that is too long is lost", func(s *script) {
		server, client := s.socket(unix.SOCK_DGRAM), s.socket(unix.SOCK_DGRAM)
		a, n := s.address("s")
		s.setup("bind()", unix.SYS_BIND, server, a, n)
		s.ok(`sendto("abcd")`, unix.SYS_SENDTO, client, s.String("abcd"), 4, 0, a, n)
		s.ok(`sendto("ef")`, unix.SYS_SENDTO, client, s.String("ef"), 2, 0, a, n)
		s.gives("recv(2)", 2, unix.SYS_RECVFROM, server, s.Buffer(2), 2, 0, 0, 0)
		s.content("read() of the next", server, "ef")
	})
	it("socket-options", "getsockopt() and setsockopt(): SO_TYPE, SO_ACCEPTCONN; ENOPROTOOPT for no option", func(s *script) {
		fd := s.socket(unix.SOCK_STREAM)
		option := func(text string, name int, want uint32) {
			v := s.words(99)
			s.ok(text, unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, name, v, s.words(4))
			s.then(func() { s.t.Equal(text, word(v, 0), want) })
		}
		option("SO_TYPE", unix.SO_TYPE, unix.SOCK_STREAM)
		option("SO_ACCEPTCONN", unix.SO_ACCEPTCONN, 0)
		a, n := s.address("s")
		s.setup("bind()", unix.SYS_BIND, fd, a, n)
		s.setup("listen()", unix.SYS_LISTEN, fd, 1)
		option("SO_ACCEPTCONN behind listen()", unix.SO_ACCEPTCONN, 1)
		s.fails("getsockopt(9999)", errs(unix.ENOPROTOOPT), unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, 9999, s.words(0), s.words(4))
	})
})
