package posix

import (
	"strings"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

const (
	cwd     = unix.AT_FDCWD
	rdonly  = unix.O_RDONLY
	wronly  = unix.O_WRONLY
	rdwr    = unix.O_RDWR
	creat   = unix.O_CREAT
	newFile = unix.O_CREAT | unix.O_RDWR
)

var _ = suite.Describe("posix", func() {
	it("open-excl", "open() ERRORS EEXIST: O_CREAT|O_EXCL and the file is there, also as a symbolic link to nowhere", func(s *script) {
		s.file("f", "")
		s.setup("symlink()", unix.SYS_SYMLINKAT, s.String("absent"), cwd, s.path("l"))
		s.fails(`open("f", O_CREAT|O_EXCL)`, errs(unix.EEXIST), unix.SYS_OPENAT, cwd, s.path("f"), creat|unix.O_EXCL, 0o600)
		s.fails(`open("l", O_CREAT|O_EXCL)`, errs(unix.EEXIST), unix.SYS_OPENAT, cwd, s.path("l"), creat|unix.O_EXCL, 0o600)
	})
	it("open-mode", "open() DESCRIPTION O_CREAT: the mode is what is asked without the bits of the file mode creation mask", func(s *script) {
		s.setup("umask(027)", unix.SYS_UMASK, 0o027)
		s.ok(`open("f", O_CREAT, 0777)`, unix.SYS_OPENAT, cwd, s.path("f"), creat|wronly, 0o777)
		s.mode("st_mode", "f", 0o750)
	})
	it("open-eisdir", "open() ERRORS EISDIR: a directory for writing", func(s *script) {
		s.fails(`open(".", O_WRONLY)`, errs(unix.EISDIR), unix.SYS_OPENAT, cwd, s.path("."), wronly, 0)
		s.fails(`open(".", O_RDWR)`, errs(unix.EISDIR), unix.SYS_OPENAT, cwd, s.path("."), rdwr, 0)
	})
	it("open-enotdir", "open() ERRORS ENOTDIR: a part of the path, or the file with O_DIRECTORY, is no directory", func(s *script) {
		s.file("f", "")
		s.fails(`open("f/x")`, errs(unix.ENOTDIR), unix.SYS_OPENAT, cwd, s.path("f/x"), rdonly, 0)
		s.fails(`open("f", O_DIRECTORY)`, errs(unix.ENOTDIR), unix.SYS_OPENAT, cwd, s.path("f"), unix.O_DIRECTORY, 0)
	})
	it("open-enoent", "open() ERRORS ENOENT: no such file without O_CREAT, no such directory, an empty path", func(s *script) {
		s.fails(`open("absent")`, errs(unix.ENOENT), unix.SYS_OPENAT, cwd, s.path("absent"), rdonly, 0)
		s.fails(`open("absent/f", O_CREAT)`, errs(unix.ENOENT), unix.SYS_OPENAT, cwd, s.path("absent/f"), newFile, 0o600)
		s.fails(`open("")`, errs(unix.ENOENT), unix.SYS_OPENAT, cwd, s.String(""), rdonly, 0)
	})
	it("open-eloop", "open() ERRORS ELOOP: links in a circle, or O_NOFOLLOW and a symbolic link", func(s *script) {
		s.setup("symlink()", unix.SYS_SYMLINKAT, s.String("a"), cwd, s.path("b"))
		s.setup("symlink()", unix.SYS_SYMLINKAT, s.String("b"), cwd, s.path("a"))
		s.fails(`open("a")`, errs(unix.ELOOP), unix.SYS_OPENAT, cwd, s.path("a"), rdonly, 0)
		s.fails(`open("a", O_NOFOLLOW)`, errs(unix.ELOOP), unix.SYS_OPENAT, cwd, s.path("a"), unix.O_NOFOLLOW, 0)
	})
	it("open-enametoolong", "open() ERRORS ENAMETOOLONG: a part longer than NAME_MAX, a path of PATH_MAX bytes", func(s *script) {
		s.fails("open(256 bytes)", errs(unix.ENAMETOOLONG), unix.SYS_OPENAT, cwd, s.path(strings.Repeat("n", 256)), newFile, 0o600)
		s.fails("open(4096 bytes)", errs(unix.ENAMETOOLONG), unix.SYS_OPENAT, cwd, s.String(strings.Repeat("/", 4095)+"x"), rdonly, 0)
	})
	it("open-eacces", "open() ERRORS EACCES: a mode that forbids it, a directory that may not be searched or written", func(s *script) {
		s.file("f", "")
		s.setup("chmod()", unix.SYS_FCHMODAT, cwd, s.path("f"), 0o600)
		s.setup("mkdir()", unix.SYS_MKDIRAT, cwd, s.path("d"), 0o700)
		s.setup("mkdir()", unix.SYS_MKDIRAT, cwd, s.path("e"), 0o755)
		s.nobody()
		s.fails(`open("f")`, errs(unix.EACCES), unix.SYS_OPENAT, cwd, s.path("f"), rdonly, 0)
		s.fails(`open("d/f")`, errs(unix.EACCES), unix.SYS_OPENAT, cwd, s.path("d/f"), rdonly, 0)
		s.fails(`open("e/f", O_CREAT)`, errs(unix.EACCES), unix.SYS_OPENAT, cwd, s.path("e/f"), newFile, 0o600)
	}, spec.Root)
	it("open-trunc", "open() DESCRIPTION O_TRUNC: the length becomes 0, the mode and owner stay", func(s *script) {
		s.file("f", "content")
		s.setup("chmod()", unix.SYS_FCHMODAT, cwd, s.path("f"), 0o640)
		s.ok(`open("f", O_WRONLY|O_TRUNC)`, unix.SYS_OPENAT, cwd, s.path("f"), wronly|unix.O_TRUNC, 0o777)
		s.size("st_size", "f", 0)
		s.mode("st_mode", "f", 0o640)
	})
	it("open-append", "open() DESCRIPTION O_APPEND: each write goes to the end, wherever the offset is", func(s *script) {
		s.file("f", "one")
		fd := s.open("f", rdwr|unix.O_APPEND)
		s.gives("lseek(fd, 0, SEEK_SET)", 0, unix.SYS_LSEEK, fd, 0, unix.SEEK_SET)
		s.gives(`write(fd, "two", 3)`, 3, unix.SYS_WRITE, fd, s.String("two"), 3)
		s.gives("lseek(fd, 0, SEEK_CUR)", 6, unix.SYS_LSEEK, fd, 0, unix.SEEK_CUR)
		s.setup("lseek()", unix.SYS_LSEEK, fd, 0, unix.SEEK_SET)
		s.content("read(fd)", fd, "onetwo")
	})
	it("open-lowest", "open() DESCRIPTION: the descriptor is the lowest that is not open", func(s *script) {
		s.file("f", "")
		a, b, c := s.open("f", rdonly), s.open("f", rdonly), s.open("f", rdonly)
		s.setup("close(b)", unix.SYS_CLOSE, b)
		d := s.open("f", rdonly)
		s.then(func() {
			s.t.Equal("open() behind close(b)", d.Value(), b.Value())
			s.t.True("open()", a.Value() < b.Value() && b.Value() < c.Value(), "not in order", "descriptors in order")
		})
	})
	it("open-cloexec", "open() DESCRIPTION O_CLOEXEC: sets FD_CLOEXEC, which is clear without it", func(s *script) {
		s.file("f", "")
		s.gives("fcntl(fd, F_GETFD) with O_CLOEXEC", unix.FD_CLOEXEC, unix.SYS_FCNTL, s.open("f", rdonly|unix.O_CLOEXEC), unix.F_GETFD, 0)
		s.gives("fcntl(fd, F_GETFD)", 0, unix.SYS_FCNTL, s.open("f", rdonly), unix.F_GETFD, 0)
	})
	it("open-fifo-enxio", "open() ERRORS ENXIO: a FIFO for writing with O_NONBLOCK that nobody reads", func(s *script) {
		s.setup("mkfifo()", unix.SYS_MKNODAT, cwd, s.path("p"), unix.S_IFIFO|0o600, 0)
		s.fails(`open("p", O_WRONLY|O_NONBLOCK)`, errs(unix.ENXIO), unix.SYS_OPENAT, cwd, s.path("p"), wronly|unix.O_NONBLOCK, 0)
		s.ok(`open("p", O_RDONLY|O_NONBLOCK)`, unix.SYS_OPENAT, cwd, s.path("p"), rdonly|unix.O_NONBLOCK, 0)
		s.ok(`open("p", O_WRONLY|O_NONBLOCK) with a reader`, unix.SYS_OPENAT, cwd, s.path("p"), wronly|unix.O_NONBLOCK, 0)
	})
	it("read-write-mode", "read() and write() ERRORS EBADF: the descriptor is not open for it, or not open", func(s *script) {
		s.file("f", "x")
		s.fails("write(O_RDONLY)", errs(unix.EBADF), unix.SYS_WRITE, s.open("f", rdonly), s.String("x"), 1)
		s.fails("read(O_WRONLY)", errs(unix.EBADF), unix.SYS_READ, s.open("f", wronly), s.Buffer(1), 1)
		s.fails("read(-1)", errs(unix.EBADF), unix.SYS_READ, -1, s.Buffer(1), 1)
	})
	it("read-eisdir", "read() ERRORS EISDIR: a directory", func(s *script) {
		s.fails("read(directory)", errs(unix.EISDIR), unix.SYS_READ, s.open(".", rdonly), s.Buffer(8), 8)
	})
	it("close-ebadf", "close() ERRORS EBADF: a descriptor that is not open", func(s *script) {
		fd := s.open("f", newFile)
		s.ok("close(fd)", unix.SYS_CLOSE, fd)
		s.fails("close(fd) again", errs(unix.EBADF), unix.SYS_CLOSE, fd)
		s.fails("close(-1)", errs(unix.EBADF), unix.SYS_CLOSE, -1)
	})
	it("dup", "dup() DESCRIPTION and ERRORS: shares the offset; F_DUPFD at or above its argument; EBADF", func(s *script) {
		s.file("f", "abc")
		fd := s.open("f", rdonly)
		other := s.ok("dup(fd)", unix.SYS_DUP, fd)
		s.setup("read()", unix.SYS_READ, fd, s.Buffer(1), 1)
		s.gives("lseek(dup, 0, SEEK_CUR)", 1, unix.SYS_LSEEK, other, 0, unix.SEEK_CUR)
		s.gives("fcntl(fd, F_DUPFD, 100)", 100, unix.SYS_FCNTL, fd, unix.F_DUPFD, 100)
		s.gives("fcntl(fd, F_DUPFD, 100) again", 101, unix.SYS_FCNTL, fd, unix.F_DUPFD, 100)
		s.fails("dup(-1)", errs(unix.EBADF), unix.SYS_DUP, -1)
		s.fails("fcntl(fd, F_DUPFD, -1)", errs(unix.EINVAL), unix.SYS_FCNTL, fd, unix.F_DUPFD, -1)
	})
	it("lseek", "lseek() DESCRIPTION and ERRORS: past the end leaves a hole of zeros; EINVAL, ESPIPE, EBADF", func(s *script) {
		fd := s.open("f", newFile)
		s.gives("lseek(fd, 4, SEEK_SET)", 4, unix.SYS_LSEEK, fd, 4, unix.SEEK_SET)
		s.size("st_size behind lseek() alone", "f", 0)
		s.setup("write()", unix.SYS_WRITE, fd, s.String("x"), 1)
		s.gives("lseek(fd, -5, SEEK_END)", 0, unix.SYS_LSEEK, fd, -5, unix.SEEK_END)
		s.content("read()", fd, "\x00\x00\x00\x00x")
		s.fails("lseek(fd, -1, SEEK_SET)", errs(unix.EINVAL), unix.SYS_LSEEK, fd, -1, unix.SEEK_SET)
		s.fails("lseek(fd, 0, -1)", errs(unix.EINVAL), unix.SYS_LSEEK, fd, 0, -1)
		r, _ := s.pipe("p", 0)
		s.fails("lseek(pipe)", errs(unix.ESPIPE), unix.SYS_LSEEK, r, 0, unix.SEEK_CUR)
	})
	it("pread-pwrite", "pread() and pwrite() DESCRIPTION: the offset stays; ESPIPE on a pipe", func(s *script) {
		fd := s.open("f", newFile)
		s.gives(`pwrite(fd, "abc", 3, 2)`, 3, unix.SYS_PWRITE64, fd, s.String("abc"), 3, 2)
		b := s.Buffer(2)
		s.gives("pread(fd, 2, 3)", 2, unix.SYS_PREAD64, fd, b, 2, 3)
		s.then(func() { s.t.Equal("pread()", string(b.Bytes), "bc") })
		s.gives("lseek(fd, 0, SEEK_CUR)", 0, unix.SYS_LSEEK, fd, 0, unix.SEEK_CUR)
		r, _ := s.pipe("p", 0)
		s.fails("pread(pipe)", errs(unix.ESPIPE), unix.SYS_PREAD64, r, b, 1, 0)
	})
	it("ftruncate", "ftruncate() DESCRIPTION and ERRORS: grows with zeros, shrinks; EINVAL for less than 0 or without write access", func(s *script) {
		fd := s.open("f", newFile)
		s.setup("write()", unix.SYS_WRITE, fd, s.String("abc"), 3)
		s.ok("ftruncate(fd, 1)", unix.SYS_FTRUNCATE, fd, 1)
		s.ok("ftruncate(fd, 3)", unix.SYS_FTRUNCATE, fd, 3)
		s.setup("lseek()", unix.SYS_LSEEK, fd, 0, unix.SEEK_SET)
		s.content("read()", fd, "a\x00\x00")
		s.fails("ftruncate(fd, -1)", errs(unix.EINVAL), unix.SYS_FTRUNCATE, fd, -1)
		s.fails("ftruncate(O_RDONLY)", errs(unix.EINVAL, unix.EBADF), unix.SYS_FTRUNCATE, s.open("f", rdonly), 1)
		s.fails("truncate(directory)", errs(unix.EISDIR), unix.SYS_TRUNCATE, s.path("."), 0)
	})
})
