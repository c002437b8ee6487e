package perf

import (
	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

var _ = suite.Describe("fault", func() {
	const pages = 64
	const size = pages * child.Page
	for _, c := range []struct {
		id, clause string
		flags      int
		open       func() (int, error)
		write      bool
	}{
		{"fault/anon-read", "reading a new page of anonymous memory", unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, nil, false},
		{"fault/anon-write", "writing a new page of anonymous memory", unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, nil, true},
		{"fault/file-write", "writing a page of a file that is mapped privately: it is copied", unix.MAP_PRIVATE, program, true},
	} {
		var at child.Result
		measures(suite, c.id, "page fault: "+c.clause, load{
			ops: pages, files: only(c.open),
			before: func(s *steps) {
				at = s.Do("mmap()", unix.SYS_MMAP, 0, size, unix.PROT_READ|unix.PROT_WRITE, c.flags, s.file(), 0)
				// Huge pages would make one fault of all. Kernels without them refuse.
				s.Try(unix.SYS_MADVISE, at, size, unix.MADV_NOHUGEPAGE)
			},
			timed: func(s *steps) { s.Access(at, size, c.write) },
			after: func(s *steps) { s.Do("munmap()", unix.SYS_MUNMAP, at, size) },
		})
	}
})

var _ = suite.Describe("mprotect", func() {
	for _, size := range sizes {
		var at child.Result
		n := int(size.bytes)
		measures(suite, "mprotect/"+size.name, "mprotect(2): making "+size.name+" of written memory read-only, and writable again", repeated(16, func(s *steps) {
			at = s.Do("mmap()", unix.SYS_MMAP, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, -1, 0)
			s.Access(at, n, true)
		}, func(s *steps) {
			s.Do("mprotect()", unix.SYS_MPROTECT, at, n, unix.PROT_READ)
			s.Do("mprotect()", unix.SYS_MPROTECT, at, n, unix.PROT_READ|unix.PROT_WRITE)
		}))
	}
})
