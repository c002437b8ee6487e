package posix

import (
	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

const (
	pageSize = 4096
	readOnly = unix.PROT_READ
	both     = unix.PROT_READ | unix.PROT_WRITE
	// odd is an address off a page.
	odd = 8*pageSize + 1
)

// hole is the address of a page that nothing is mapped at.
func (s *script) hole() child.Result {
	m := s.setup("mmap()", unix.SYS_MMAP, 0, pageSize, readOnly, unix.MAP_PRIVATE|unix.MAP_ANON, -1, 0)
	s.setup("munmap()", unix.SYS_MUNMAP, m, pageSize)
	return m
}

var _ = suite.Describe("posix", func() {
	it("mmap-shared", "mmap() DESCRIPTION MAP_SHARED: what is written to the memory is read from the file, and the other way", func(s *script) {
		s.file("f", "abcd")
		fd := s.open("f", rdwr)
		m := s.ok("mmap(MAP_SHARED)", unix.SYS_MMAP, 0, pageSize, both, unix.MAP_SHARED, fd, 0)
		s.file("g", "XY")
		s.ok("read() into the memory", unix.SYS_READ, s.open("g", rdonly), m, 2)
		s.content("read(f)", s.open("f", rdonly), "XYcd")
		s.ok("write() of the memory", unix.SYS_WRITE, s.open("h", newFile), m, 4)
		s.content("read(h)", s.open("h", rdonly), "XYcd")
		s.ok("msync(MS_SYNC)", unix.SYS_MSYNC, m, pageSize, unix.MS_SYNC)
		s.ok("munmap()", unix.SYS_MUNMAP, m, pageSize)
		s.fails("write() of memory that is unmapped", errs(unix.EFAULT), unix.SYS_WRITE, s.open("h", rdwr), m, 4)
	})
	it("mmap-private", "mmap() DESCRIPTION MAP_PRIVATE: what is written to the memory does not reach the file", func(s *script) {
		s.file("f", "abcd")
		m := s.ok("mmap(MAP_PRIVATE) of O_RDONLY", unix.SYS_MMAP, 0, pageSize, both, unix.MAP_PRIVATE, s.open("f", rdonly), 0)
		s.file("g", "XY")
		s.ok("read() into the memory", unix.SYS_READ, s.open("g", rdonly), m, 2)
		s.content("read(f)", s.open("f", rdonly), "abcd")
	})
	it("mmap-rest", "mmap() DESCRIPTION: the rest of the last page is zero, and what is written there does not lengthen the file", func(s *script) {
		s.file("f", "ab")
		m := s.ok("mmap()", unix.SYS_MMAP, 0, pageSize, both, unix.MAP_SHARED, s.open("f", rdwr), 0)
		s.setup("write(g)", unix.SYS_WRITE, s.open("g", newFile), m, 4)
		s.content("read(g)", s.open("g", rdonly), "ab\x00\x00")
		s.file("h", "wxyz")
		s.setup("read(h)", unix.SYS_READ, s.open("h", rdonly), m, 4)
		s.size("st_size", "f", 2)
	})
	it("mmap-errors", "mmap() ERRORS: EINVAL, EACCES, EBADF, ENODEV, and ENOMEM beyond the address space", func(s *script) {
		fd := s.open("f", newFile)
		s.fails("mmap(length 0)", errs(unix.EINVAL), unix.SYS_MMAP, 0, 0, readOnly, unix.MAP_SHARED, fd, 0)
		s.fails("mmap(neither shared nor private)", errs(unix.EINVAL), unix.SYS_MMAP, 0, pageSize, readOnly, 0, fd, 0)
		s.fails("mmap(offset 1)", errs(unix.EINVAL), unix.SYS_MMAP, 0, pageSize, readOnly, unix.MAP_SHARED, fd, 1)
		s.fails("mmap(writable, O_RDONLY, MAP_SHARED)", errs(unix.EACCES), unix.SYS_MMAP, 0, pageSize, both, unix.MAP_SHARED, s.open("f", rdonly), 0)
		s.fails("mmap(O_WRONLY)", errs(unix.EACCES), unix.SYS_MMAP, 0, pageSize, readOnly, unix.MAP_PRIVATE, s.open("f", wronly), 0)
		s.fails("mmap(-1)", errs(unix.EBADF), unix.SYS_MMAP, 0, pageSize, readOnly, unix.MAP_SHARED, -1, 0)
		s.fails("mmap(directory)", errs(unix.ENODEV), unix.SYS_MMAP, 0, pageSize, readOnly, unix.MAP_SHARED, s.open(".", rdonly), 0)
		s.fails("mmap(2^62)", errs(unix.ENOMEM), unix.SYS_MMAP, 0, 1<<62, readOnly, unix.MAP_PRIVATE|unix.MAP_ANON, -1, 0)
	})
	it("mmap-fixed", "mmap() DESCRIPTION MAP_FIXED: at the address, in place of what was there; EINVAL off a page", func(s *script) {
		where := s.hole()
		at := s.ok("mmap(MAP_FIXED)", unix.SYS_MMAP, where, pageSize, both, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED, -1, 0)
		s.file("f", "abcd")
		s.ok("read() into the memory", unix.SYS_READ, s.open("f", rdonly), where, 4)
		again := s.ok("mmap(MAP_FIXED) again", unix.SYS_MMAP, where, pageSize, both, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED, -1, 0)
		s.then(func() {
			s.t.Equal("mmap(MAP_FIXED)", [2]int{at.Value(), again.Value()}, [2]int{where.Value(), where.Value()})
		})
		s.ok("write() of the memory", unix.SYS_WRITE, s.open("g", newFile), where, 2)
		s.content("read(g)", s.open("g", rdonly), "\x00\x00")
		s.fails("mmap(MAP_FIXED, off a page)", errs(unix.EINVAL), unix.SYS_MMAP, odd, pageSize, both, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED, -1, 0)
	})
	it("mprotect", "mprotect() DESCRIPTION and ERRORS: takes rights away; EACCES for more than the file has, ENOMEM, EINVAL", func(s *script) {
		m := s.setup("mmap()", unix.SYS_MMAP, 0, pageSize, both, unix.MAP_PRIVATE|unix.MAP_ANON, -1, 0)
		s.ok("mprotect(PROT_READ)", unix.SYS_MPROTECT, m, pageSize, readOnly)
		s.file("f", "abcd")
		s.fails("read() into memory without PROT_WRITE", errs(unix.EFAULT), unix.SYS_READ, s.open("f", rdonly), m, 4)
		shared := s.setup("mmap()", unix.SYS_MMAP, 0, pageSize, readOnly, unix.MAP_SHARED, s.open("f", rdonly), 0)
		s.fails("mprotect(PROT_WRITE) of O_RDONLY", errs(unix.EACCES), unix.SYS_MPROTECT, shared, pageSize, both)
		s.fails("mprotect(unmapped)", errs(unix.ENOMEM), unix.SYS_MPROTECT, s.hole(), pageSize, both)
		s.fails("mprotect(off a page)", errs(unix.EINVAL), unix.SYS_MPROTECT, odd, pageSize, both)
	})
	it("msync-munmap", "msync() and munmap() ERRORS: ENOMEM for what is not mapped, EINVAL off a page and for length 0", func(s *script) {
		s.fails("msync(unmapped)", errs(unix.ENOMEM), unix.SYS_MSYNC, s.hole(), pageSize, unix.MS_SYNC)
		s.fails("msync(off a page)", errs(unix.EINVAL), unix.SYS_MSYNC, odd, pageSize, unix.MS_SYNC)
		s.fails("msync(MS_SYNC|MS_ASYNC)", errs(unix.EINVAL), unix.SYS_MSYNC, s.hole(), pageSize, unix.MS_SYNC|unix.MS_ASYNC)
		s.fails("munmap(off a page)", errs(unix.EINVAL), unix.SYS_MUNMAP, odd, pageSize)
		s.fails("munmap(length 0)", errs(unix.EINVAL), unix.SYS_MUNMAP, s.hole(), 0)
		s.ok("munmap(unmapped)", unix.SYS_MUNMAP, s.hole(), pageSize)
	})
	it("mlock", "mlock() ERRORS ENOMEM: addresses that are not mapped", func(s *script) {
		m := s.setup("mmap()", unix.SYS_MMAP, 0, pageSize, both, unix.MAP_PRIVATE|unix.MAP_ANON, -1, 0)
		s.ok("mlock()", unix.SYS_MLOCK, m, pageSize)
		s.ok("munlock()", unix.SYS_MUNLOCK, m, pageSize)
		s.fails("mlock(unmapped)", errs(unix.ENOMEM), unix.SYS_MLOCK, s.hole(), pageSize)
	})
	it("fork-private", "fork() and mmap(): private memory is the child's own, shared memory both processes'", func(s *script) {
		private := s.setup("mmap()", unix.SYS_MMAP, 0, pageSize, both, unix.MAP_PRIVATE|unix.MAP_ANON, -1, 0)
		shared := s.setup("mmap()", unix.SYS_MMAP, 0, pageSize, both, unix.MAP_SHARED|unix.MAP_ANON, -1, 0)
		s.file("f", "abcd")
		s.wait(s.fork(func(o *script) {
			o.ok("pread(private)", unix.SYS_PREAD64, o.open("f", rdonly), private, 4, 0)
			o.ok("pread(shared)", unix.SYS_PREAD64, o.open("f", rdonly), shared, 4, 0)
		}))
		s.setup("write(p)", unix.SYS_WRITE, s.open("p", newFile), private, 4)
		s.setup("write(s)", unix.SYS_WRITE, s.open("s", newFile), shared, 4)
		s.content("the parent's private memory", s.open("p", rdonly), "\x00\x00\x00\x00")
		s.content("the shared memory", s.open("s", rdonly), "abcd")
	})
})
