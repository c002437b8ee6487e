package perf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// The cases are those of libMicro's munmap and mmap.

// source is what is mapped.
type source struct {
	name, words string
	flags       int
	open        func() (int, error) // nil: anonymous memory
}

var sources = []source{
	{"anon", "anonymous memory", unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, nil},
	{"zero", "/dev/zero, privately", unix.MAP_PRIVATE, func() (int, error) { return unix.Open("/dev/zero", unix.O_RDWR|unix.O_CLOEXEC, 0) }},
	{"temp", "a temporary file, shared", unix.MAP_SHARED, temporary},
	{"system", "a program's file, privately", unix.MAP_PRIVATE, program},
}

// program opens this program's file.
func program() (int, error) { return unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0) }

// temporary opens a file of 128 kB that has no name.
func temporary() (int, error) {
	f, err := os.CreateTemp("", "mapped-")
	if err != nil {
		return -1, err
	}
	defer f.Close()
	fd, err := unix.Dup(int(f.Fd()))
	return fd, errors.Join(err, f.Truncate(sizes[len(sizes)-1].bytes), os.Remove(filepath.Clean(f.Name())))
}

var sizes = []struct {
	name  string
	bytes int64
}{{"8k", 8 << 10}, {"128k", 128 << 10}}

// use is what is done with the memory while it is mapped.
var uses = []struct {
	name, words string
	touch       func(s *steps, at child.Arg, size int)
}{
	{"untouched", "not touched", func(*steps, child.Arg, int) {}},
	{"read", "of which each page is read", func(s *steps, at child.Arg, size int) { s.Access(at, size, false) }},
	{"write", "of which each page is written", func(s *steps, at child.Arg, size int) { s.Access(at, size, true) }},
}

// mappings is how many there are in a round.
const mappings = 32

var _ = suite.Describe("map", func() {
	for _, src := range sources {
		for _, size := range sizes {
			for _, use := range uses {
				name := fmt.Sprintf("%s-%s-%s", src.name, size.name, use.name)
				n := int(size.bytes)
				mapped := make([]child.Arg, mappings)
				create := func(s *steps, i int) {
					r := s.Do("mmap()", unix.SYS_MMAP, 0, n, unix.PROT_READ|unix.PROT_WRITE, src.flags, s.file(), 0)
					if !s.idle {
						mapped[i] = r
					}
					use.touch(s, mapped[i], n)
				}
				all := func(f func(s *steps, i int)) func(s *steps) {
					return func(s *steps) {
						for i := range mappings {
							f(s, i)
						}
					}
				}
				remove := func(s *steps, i int) { s.Do("munmap()", unix.SYS_MUNMAP, mapped[i], n) }
				measures(suite, "munmap/"+name, fmt.Sprintf("munmap(2): unmapping %s of %s, %s", size.name, src.words, use.words),
					load{ops: mappings, before: all(create), timed: all(remove), files: only(src.open)})
				measures(suite, "mmap/"+name, fmt.Sprintf("mmap(2): mapping %s of %s, %s", size.name, src.words, use.words),
					load{ops: mappings, timed: all(create), after: all(remove), files: only(src.open)})
			}
		}
	}
})
