package namespaces

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// The swap area of the specs, on the root's own file system: those in memory hold none.
const (
	swapFile = "/var/tmp/xtest-swap"
	swapSize = 48 << 20
)

// swapOn gives the machine an area to swap to, and what takes it away again.
func swapOn() (off func() error, err error) {
	f, err := os.OpenFile(swapFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	page := os.Getpagesize()
	head := make([]byte, page) // union swap_header, linux/swap.h
	binary.NativeEndian.PutUint32(head[1024:], 1)
	binary.NativeEndian.PutUint32(head[1028:], uint32(swapSize/page-1))
	copy(head[page-10:], "SWAPSPACE2")
	err = unix.Fallocate(int(f.Fd()), 0, 0, swapSize)
	if err == nil {
		_, err = f.Write(head)
	}
	name := append([]byte(swapFile), 0)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		if _, _, errno := unix.Syscall(unix.SYS_SWAPON, uintptr(unsafe.Pointer(&name[0])), 0, 0); errno != 0 {
			err = fmt.Errorf("swapon(%s): %w", swapFile, errno)
		}
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(swapFile))
	}
	return func() error {
		_, _, errno := unix.Syscall(unix.SYS_SWAPOFF, uintptr(unsafe.Pointer(&name[0])), 0, 0)
		if errno != 0 {
			return fmt.Errorf("swapoff(%s): %w", swapFile, errno)
		}
		return os.Remove(swapFile)
	}, nil
}

var swapping = spec.Probe{Name: "swap", Check: func() error {
	off, err := swapOn()
	if err != nil {
		return err
	}
	return off()
}}

// swapsOut probes for a kernel that swaps what is beyond memory.max. Where its reclaim finds all pages young
// it kills at once: User-Mode Linux 6.12 and 7.2, whose memory.stat then has as many pgactivate as pgscan.
var swapsOut = spec.Probe{Name: "swapping out of a control group", Check: func() (err error) {
	off, err := swapOn()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, off()) }()
	s := newScript()
	s.log.long = 20 * time.Second
	s.enabled("memory")
	path := s.group(nil)
	s.write(path+"/memory.max", strconv.Itoa(memoryLimit))
	var current text
	st := s.wait(s.member(path, func(s *script) {
		s.allocate(2 * memoryLimit)
		current = s.read(path+"/memory.swap.current", 32)
	}))
	err = s.try(context.Background())
	err = errors.Join(err, removeGroup(path))
	if err == nil && size(current) == 0 {
		err = fmt.Errorf("mmap(%d MiB, MAP_POPULATE) with a memory.max of %d MiB: %s, and nothing is in swap", 2*memoryLimit>>20, memoryLimit>>20, describe(st.get()))
	}
	return err
}}

// swaps is a spec with a group whose memory.max is reached, and that may swap so much.
func swaps(m spec.Meta, most string, use func(t *spec.T, s *script, path string)) {
	m.Level, m.Grade, m.Limit = spec.Must, spec.Guest, 30*time.Second
	m.Needs = slices.Concat(memoryNeeds, []spec.Probe{swapping, cgroupFile("memory.swap.max", "memory")}, m.Needs)
	suite.It(m, func(t *spec.T) {
		off, err := swapOn()
		t.Setup("making a swap area", err)
		t.Cleanup(func() {
			if err := off(); err != nil {
				t.Note("left behind: %v", err)
			}
		})
		s := newScript()
		s.log.long = 20 * time.Second
		s.enabled("memory")
		path := s.group(t)
		s.write(path+"/memory.max", strconv.Itoa(memoryLimit))
		s.write(path+"/memory.swap.max", most)
		use(t, s, path)
	})
}

var _ = suite.Describe("memory", func() {
	swaps(spec.Meta{
		ID: "memory/swap", Sources: []string{"CGR-024"}, Needs: []spec.Probe{swapsOut},
		Clause: "admin-guide/cgroup-v2 memory.swap.current: what is beyond memory.max goes to swap, as far as the group may, and is counted; nobody is killed",
	}, "max", func(t *spec.T, s *script, path string) {
		var current text
		st := s.wait(s.member(path, func(s *script) {
			s.allocate(2 * memoryLimit).succeeds()
			current = s.read(path+"/memory.swap.current", 32)
		}))
		after := s.read(path+"/memory.swap.current", 32)
		s.run(t)
		t.True("beyond memory.max with swap, waitpid()", st.get().Exited() && st.get().ExitStatus() == 0, describe(st.get()), "exit status 0")
		t.True(`read("memory.swap.current")`, size(current) >= memoryLimit/2, current.String(), fmt.Sprintf("at least %d", memoryLimit/2))
		t.True(`read("memory.swap.current") behind the process's end`, size(after) < size(current)/2, after.String(), "less than half of "+current.String())
	})

	swaps(spec.Meta{
		ID: "memory/swap-max", Sources: []string{"CGR-024"}, Needs: []spec.Probe{swapsOut},
		Clause: "admin-guide/cgroup-v2 memory.swap.max: a group swaps no more than it, and a process beyond both limits is killed; memory.swap.events counts no max before",
	}, strconv.Itoa(memorySmall), func(t *spec.T, s *script, path string) {
		var within text
		s.wait(s.member(path, func(s *script) { s.allocate(memorySmall).succeeds() }))
		before := s.read(path+"/memory.swap.events", 128)
		st := s.wait(s.member(path, func(s *script) {
			s.allocate(memoryLimit + memorySmall/2).succeeds()
			within = s.read(path+"/memory.swap.current", 32)
			s.allocate(memoryLarge)
		}))
		after := s.read(path+"/memory.swap.events", 128)
		s.run(t)
		counts(t, "below memory.max", "memory.swap.events", before, "max 0")
		t.True(`read("memory.swap.current")`, size(within) > 0 && size(within) <= memorySmall, within.String(), fmt.Sprintf("above 0 and at most the %d of memory.swap.max", memorySmall))
		killed(t, "beyond memory.max and memory.swap.max", st)
		// It counts refusals alone: a group that is full to the page is not even asked.
		t.Answer(`read("memory.swap.events"): max > 0`, events(after, "max") > 0)
	})

	swaps(spec.Meta{
		ID: "memory/swap-none", Sources: []string{"CGR-024"},
		Clause: "admin-guide/cgroup-v2 memory.swap.max: a group with 0 swaps nothing, where there is room, and a process beyond memory.max is killed",
	}, "0", func(t *spec.T, s *script, path string) {
		st := s.wait(s.member(path, func(s *script) { s.allocate(2 * memoryLimit) }))
		current := s.read(path+"/memory.swap.current", 32)
		s.run(t)
		killed(t, "beyond memory.max without swap", st)
		t.Equal(`read("memory.swap.current")`, current.String(), "0\n")
	})
})
