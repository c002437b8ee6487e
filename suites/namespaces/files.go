package namespaces

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// text is what a script read from a file.
type text struct {
	call
	buffer child.Buffer
}

// String is the text, or "" when nothing was read.
func (r text) String() string {
	if r.Err() != nil {
		return ""
	}
	return string(r.buffer.Bytes[:r.Value()])
}

// open adds a set-up open(2).
func (s *script) open(path string, flags int) call {
	return s.must(fmt.Sprintf("open(%q, %#x)", path, flags), unix.SYS_OPENAT, unix.AT_FDCWD, s.String(path), flags, 0o600)
}

// tryOpen adds an open(2) that is judged.
func (s *script) tryOpen(path string, flags int) call {
	return s.call(fmt.Sprintf("open(%q, %s)", path, openFlags(flags)), unix.SYS_OPENAT, unix.AT_FDCWD, s.String(path), flags, 0o600)
}

func openFlags(flags int) string {
	return [...]string{"O_RDONLY", "O_WRONLY", "O_RDWR"}[flags&unix.O_ACCMODE]
}

// read adds a read of up to size bytes of a file, which must succeed.
func (s *script) read(path string, size int) text {
	fd := s.open(path, unix.O_RDONLY)
	b := s.Buffer(size)
	r := s.must(fmt.Sprintf("read(%q)", path), unix.SYS_READ, fd, b, size)
	s.call("close(fd)", unix.SYS_CLOSE, fd)
	return text{r, b}
}

// write adds one write(2) to an existing file, which must succeed.
func (s *script) write(path, value string) {
	fd := s.open(path, unix.O_WRONLY)
	s.must(fmt.Sprintf("write(%q, %.40q)", path, value), unix.SYS_WRITE, fd, s.String(value), len(value))
	s.call("close(fd)", unix.SYS_CLOSE, fd)
}

// tryWrite adds one write(2) to an existing file whose outcome is judged.
func (s *script) tryWrite(path, value string) call {
	fd := s.open(path, unix.O_WRONLY)
	w := s.call(fmt.Sprintf("write(open(%q), %.40q)", path, value), unix.SYS_WRITE, fd, s.String(value), len(value))
	s.call("close(fd)", unix.SYS_CLOSE, fd)
	return w
}

// readlink adds a readlink(2) that must succeed.
func (s *script) readlink(path string) text {
	b := s.Buffer(64)
	return text{s.must(fmt.Sprintf("readlink(%q)", path), unix.SYS_READLINKAT, unix.AT_FDCWD, s.String(path), b, 64), b}
}

// mount adds a set-up mount(2).
func (s *script) mount(source, target, kind string, flags uintptr, data string) {
	c := s.tryMount(source, target, kind, flags, data)
	s.require(c)
}

// tryMount adds a mount(2) that is judged.
func (s *script) tryMount(source, target, kind string, flags uintptr, data string) call {
	return s.call(fmt.Sprintf("mount(%q, %q, %q, %#x)", source, target, kind, flags), unix.SYS_MOUNT,
		s.String(source), s.String(target), s.String(kind), flags, s.String(data))
}

func (s *script) mkdir(path string) {
	s.must(fmt.Sprintf("mkdir(%q)", path), unix.SYS_MKDIRAT, unix.AT_FDCWD, s.String(path), 0o755)
}

// access adds a check whether a path is there.
func (s *script) access(path string) call {
	return s.call(fmt.Sprintf("access(%q, F_OK)", path), unix.SYS_FACCESSAT, unix.AT_FDCWD, s.String(path), 0)
}

// umount adds an umount2(2) that is judged.
func (s *script) umount(path string, flags int) call {
	return s.call(fmt.Sprintf("umount2(%q, %#x)", path, flags), unix.SYS_UMOUNT2, s.String(path), flags)
}

// name gives what stands before the first NUL.
func name(b child.Buffer) string {
	before, _, _ := bytes.Cut(b.Bytes, []byte{0})
	return string(before)
}

// direntNames gives the names in what getdents64(2) wrote (struct linux_dirent64).
func direntNames(b []byte) []string {
	var names []string
	for len(b) > 19 {
		size := int(b[16]) | int(b[17])<<8
		if size < 19 || size > len(b) {
			break
		}
		text, _, _ := bytes.Cut(b[19:size], []byte{0})
		names = append(names, string(text))
		b = b[size:]
	}
	return names
}
