package namespaces

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// What a protected group holds, its parent's limit, and what another group asks for, in bytes.
const (
	protectedSize = 8 << 20
	protectedMax  = 24 << 20
	pressureSize  = 96 << 20
)

// diskFolder is on the root's own file system, whose pages can be taken back.
const diskFolder = "/var/tmp"

// pageCache probes for a file system whose pages can be taken back: those of files in memory cannot.
var pageCache = spec.Probe{Name: "files on a disk", Check: func() error {
	var st unix.Statfs_t
	if err := unix.Statfs(diskFolder, &st); err != nil {
		return err
	}
	if st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC || st.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return fmt.Errorf("%s is in memory alone", diskFolder)
	}
	return nil
}}

// readAll adds reads of a whole file, whose pages are charged to the process's group.
func (s *script) readAll(path string, size int) {
	const block = 64 << 10
	fd, into := s.open(path, unix.O_RDONLY), s.Buffer(block)
	s.Repeat(size/block, func() { s.must("read(fd, b, 64 KiB)", unix.SYS_READ, fd, into, block) })
}

// pressed gives what is left of a group's file pages when another one below the same limit has read much
// more. The first group has the value in the file, or no protection.
func pressed(t *spec.T, file string) (held, left int) {
	one, much := filepath.Join(diskFolder, "xtest-one"), filepath.Join(diskFolder, "xtest-much")
	for path, size := range map[string]int64{one: protectedSize, much: pressureSize} {
		t.Setup("making a file", os.WriteFile(path, nil, 0o600)) // of holes: it takes no room
		t.Cleanup(func() { os.Remove(path) })
		t.Setup("making a file", os.Truncate(path, size))
	}
	s := newScript()
	s.log.long = 20 * time.Second
	s.enabled("memory")
	outer := s.group(t)
	s.write(outer+"/memory.max", strconv.Itoa(protectedMax))
	first := s.within(t, outer, "first", "memory")
	second := s.within(t, outer, "second")
	if file != "" {
		s.write(first+"/"+file, strconv.Itoa(protectedSize+protectedSize/4))
	}
	s.wait(s.member(first, func(s *script) { s.readAll(one, protectedSize) }))
	before := s.read(first+"/memory.current", 32)
	s.wait(s.member(second, func(s *script) { s.readAll(much, pressureSize) }))
	after := s.read(first+"/memory.current", 32)
	s.run(t)
	os.Remove(one) // the next one's pages are to be charged anew
	os.Remove(much)
	return size(before), size(after)
}

var _ = suite.Describe("memory", func() {
	for _, file := range []string{"memory.min", "memory.low"} {
		suite.It(spec.Meta{
			ID: "memory/protected-by-" + file[len("memory."):], Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-014"}, Limit: 30 * time.Second,
			Clause: "admin-guide/cgroup-v2 " + file + ": what a group holds below it is not taken back for another group that presses",
			Needs:  append([]spec.Probe{pageCache}, memoryNeeds...),
		}, func(t *spec.T) {
			held, left := pressed(t, file)
			if held < protectedSize*9/10 {
				t.Broken("only %d bytes of the group's %d were charged to it", held, protectedSize)
			}
			t.True(fmt.Sprintf("write(%q, %d), read(\"memory.current\") behind the pressure", file, protectedSize+protectedSize/4), left >= held*85/100,
				fmt.Sprintf("%d, before %d", left, held), "at least 85 % of it")
			// The control: without protection the pages go.
			if held, left = pressed(t, ""); left > held/2 {
				t.Broken("void: without protection %d of %d bytes are left, too", left, held)
			}
		})
	}
})
