package namespaces

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// version1 mounts a hierarchy of version 1 with one controller, which version 2 has to give up, and gives
// what undoes that. The kernel does both by and by.
func version1(controller string) (dir string, undo func() error, err error) {
	os.WriteFile(hierarchy+"/cgroup.subtree_control", []byte("-"+controller), 0) // nobody may have it
	if dir, err = os.MkdirTemp("", "xtest-v1-"); err != nil {
		return "", nil, err
	}
	err = retry(func() error { return unix.Mount("xtest", dir, "cgroup", 0, controller) })
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("mount(cgroup, %q): %w", controller, err), os.Remove(dir))
	}
	return dir, func() error {
		return errors.Join(
			retry(func() error { return unix.Unmount(dir, 0) }),
			retry(func() error {
				err := isBack(controller)
				if err != nil && unix.Mount("xtest", dir, "cgroup", 0, controller) == nil {
					// The hierarchy stays, without a mount, when a removed group was still being destroyed.
					unix.Unmount(dir, 0)
				}
				return err
			}),
			os.Remove(dir),
		)
	}, nil
}

// retry calls f while it is busy.
func retry(f func() error) error {
	for start := time.Now(); ; pause(10 * time.Millisecond) {
		if err := f(); !errors.Is(err, unix.EBUSY) || time.Since(start) > gone {
			return err
		}
	}
}

// isBack says EBUSY while a controller is not version 2's: cgroups(7) /proc/cgroups.
func isBack(controller string) error {
	text, err := os.ReadFile("/proc/cgroups")
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == controller && f[1] != "0" {
			return unix.EBUSY
		}
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// in1 is a spec on a controller of version 1. The script's processes see the group.
func in1(controller string, m spec.Meta, judge func(t *spec.T, s *script, group string)) {
	m.Level, m.Grade, m.Limit = spec.Must, max(m.Grade, spec.Guest), 30*time.Second
	m.Needs = []spec.Probe{spec.Root, {Name: controller + " controller of version 1", Check: func() error {
		_, undo, err := version1(controller)
		if err != nil {
			return err
		}
		return undo()
	}}}
	suite.It(m, func(t *spec.T) {
		dir, undo, err := version1(controller)
		t.Setup("mounting version 1", err)
		group := filepath.Join(dir, "xtest-group")
		t.Cleanup(func() {
			err := retry(func() error { return os.Remove(group) })
			if err := errors.Join(err, undo()); err != nil {
				t.Note("left behind: %v", err)
			}
		})
		t.Setup("making a group", os.Mkdir(group, 0o755))
		s := newScript()
		s.log.long = 10 * time.Second
		judge(t, s, group)
	})
}

var _ = suite.Describe("cgroup1", func() {
	in1("memory", spec.Meta{
		// Version 2 gives the controller up only when nothing refers to any group that has been, so it takes a
		// machine of its own, and is asked for.
		ID: "cgroup1/memory", Sources: []string{"CGR-009"}, Grade: spec.Destructive, Labels: []string{"soak"},
		Clause: "admin-guide/cgroup-v1/memory memory.limit_in_bytes: beyond it a process of the group is killed, and none elsewhere; memory.failcnt counts, not before",
	}, func(t *spec.T, s *script, group string) {
		s.write(group+"/memory.limit_in_bytes", strconv.Itoa(memoryLimit))
		s.wait(s.member(group, func(s *script) { s.allocate(memorySmall).succeeds() }))
		before := s.read(group+"/memory.failcnt", 32)
		victim := s.wait(s.member(group, func(s *script) { s.allocate(memoryLarge) }))
		other := s.wait(s.fork(0, func(s *script) { s.allocate(memoryLarge).succeeds() }))
		after, most := s.read(group+"/memory.failcnt", 32), s.read(group+"/memory.max_usage_in_bytes", 32)
		s.run(t)
		t.Equal(`below the limit, read("memory.failcnt")`, before.String(), "0\n")
		killed(t, "beyond memory.limit_in_bytes", victim)
		t.True("as much in another group, waitpid()", other.get().Exited(), describe(other.get()), "exit status 0")
		t.True(`beyond the limit, read("memory.failcnt")`, size(after) > 0, after.String(), "above 0")
		t.True(`read("memory.max_usage_in_bytes")`, size(most) > memorySmall && size(most) <= memoryLimit, most.String(), fmt.Sprintf("at most the limit of %d", memoryLimit))
	})

	in1("pids", spec.Meta{
		ID: "cgroup1/pids", Sources: []string{"CGR-008"},
		Clause: "admin-guide/cgroup-v1/pids pids.max: fork(2) beyond the limit gives EAGAIN, in the group alone",
	}, func(t *spec.T, s *script, group string) {
		s.write(group+"/pids.max", "2")
		var current text
		s.wait(s.member(group, func(s *script) {
			s.wait(s.tried(s.tryFork("fork() within pids.max", 0, func(s *script) {
				s.tryFork("fork() beyond pids.max", 0, func(*script) {}).refused(unix.EAGAIN)
				current = s.read(group+"/pids.current", 32)
			})))
		}))
		s.tryFork("fork() in another group", 0, func(*script) {}).succeeds()
		s.run(t)
		t.Equal(`read("pids.current")`, current.String(), "2\n")
	})

	in1("cpuset", spec.Meta{
		ID: "cgroup1/cpuset", Sources: []string{"CGR-021"},
		Clause: "cpuset(7) ERRORS: ENOSPC for a process that is moved to a group without processors or memory nodes",
	}, func(t *spec.T, s *script, group string) {
		try := func(s *script) call { return s.tryWrite(group+"/tasks", "0") }
		try(s).refused(unix.ENOSPC)
		s.write(group+"/cpuset.cpus", "0")
		try(s).refused(unix.ENOSPC)
		s.write(group+"/cpuset.mems", "0")
		s.wait(s.fork(0, func(s *script) { try(s).succeeds() }))
		s.run(t)
	})

	in1("freezer", spec.Meta{
		ID: "cgroup1/freezer", Sources: []string{"CGR-007"},
		Clause: "admin-guide/cgroup-v1/freezer-subsystem freezer.state: members of a FROZEN group do not run, those of one that is THAWED go on where they were",
	}, func(t *spec.T, s *script, group string) {
		ready, wake, awake := s.event(), s.event(), s.event()
		member := s.member(group, func(s *script) {
			s.signal(ready)
			s.poll("poll(eventfd, POLLIN)", wake, unix.POLLIN, 2*waits())
			s.signal(awake)
		})
		s.await(ready)
		s.write(group+"/freezer.state", "FROZEN")
		s.signal(wake)
		s.pass(150 * time.Millisecond)
		s.poll("150 ms later, poll(eventfd of a frozen member, POLLIN, 0)", awake, unix.POLLIN, 0).gives(0)
		state := s.read(group+"/freezer.state", 32)
		s.write(group+"/freezer.state", "THAWED")
		s.poll("poll(eventfd of a thawed member, POLLIN)", awake, unix.POLLIN, waits()).gives(1)
		st := s.wait(member)
		s.run(t)
		t.Equal(`read("freezer.state")`, state.String(), "FROZEN\n")
		t.True("thawed, waitpid(member)", st.get().Exited() && st.get().ExitStatus() == 0, describe(st.get()), "exit status 0")
	})
})
