package namespaces

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// cgroups is where scripts mount the cgroup2 hierarchy in a mount namespace of their own: whether
// and where the machine has it mounted does not matter.
const cgroups = scratch + "/cgroup"

// hierarchy moves the script into an own mount namespace with the cgroup2 hierarchy in it.
func (s *script) hierarchy() {
	s.own(unix.CLONE_NEWNS)
	s.scratch()
	s.mkdir(cgroups)
	s.mount("xtest", cgroups, "cgroup2", 0, "")
}

var made atomic.Int32

// group makes a cgroup for the spec, which goes away with it. Its members are the script's processes.
func (s *script) group(t *spec.T) string {
	path := fmt.Sprintf("%s/xtest-%d-%d", cgroups, os.Getpid(), made.Add(1))
	s.mkdir(path)
	if t != nil {
		t.Cleanup(func() {
			child.KillAll()
			if err := removeGroup(path); err != nil {
				t.Note("left behind: %v", err)
			}
		})
	}
	return path
}

// removeGroup removes a cgroup from outside. Its killed members may take a moment to leave it.
func removeGroup(path string) error {
	deadline := time.Now().Add(gone)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		s := newScript()
		s.hierarchy()
		rmdir := s.rmdir(path)
		ctx, cancel := context.WithDeadline(context.Background(), deadline.Add(time.Second))
		err := s.try(ctx)
		cancel()
		if err != nil {
			return err
		}
		err = rmdir.Err()
		if err == nil || err == unix.ENOENT {
			return nil
		}
		if err != unix.EBUSY || time.Now().After(deadline) {
			return fmt.Errorf("removing cgroup %s: %w", path, err)
		}
		<-tick.C
	}
}

func (s *script) rmdir(path string) call {
	return s.call(fmt.Sprintf("rmdir(%q)", path), unix.SYS_UNLINKAT, unix.AT_FDCWD, s.String(path), unix.AT_REMOVEDIR)
}

// join moves the script's process into a cgroup.
func (s *script) join(path string) { s.write(path+"/cgroup.procs", "0") }

// membership is the process's cgroup2 path as its cgroup namespace shows it.
func membership(t *spec.T, r text) string {
	for line := range strings.Lines(r.String()) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSpace(path)
		}
	}
	t.Broken("/proc/self/cgroup has no line of cgroup2: %q", r.String())
	return ""
}

// cgroupTree probes for the right to make cgroups and to move processes into them.
var cgroupTree = attempt("cgroup2 hierarchy", func(s *script) {
	s.hierarchy()
	path := s.group(nil)
	s.wait(s.fork(0, func(s *script) { s.join(path) }))
	removed := s.rmdir(path)
	s.require(removed)
})

var _ = suite.Describe("cgroup", func() {
	isolates(spec.Meta{
		ID: "cgroup/own-root", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-001"},
		Clause: "cgroup_namespaces(7): the cgroup in which a cgroup namespace was made is its root: /proc/self/cgroup shows /",
		Needs:  []spec.Probe{cgroupTree},
	}, ns.Cgroup, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		var shown text
		s.wait(s.fork(0, func(s *script) {
			s.join(path)
			s.wait(s.fork(flags, func(s *script) { shown = s.read("/proc/self/cgroup", 4096) }))
		}))
		s.run(t)
		got := membership(t, shown)
		return observation{`read("/proc/self/cgroup") inside`, got, got != "/"}
	})

	isolates(spec.Meta{
		ID: "cgroup/mount-rooted", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-004"},
		Clause: "cgroup_namespaces(7): a cgroup2 file system that is mounted inside has the namespace's root as its root",
		Needs:  []spec.Probe{cgroupTree},
	}, ns.Cgroup, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		var outer, inner call
		s.wait(s.fork(0, func(s *script) {
			s.join(path)
			s.wait(s.fork(flags|unix.CLONE_NEWNS, func(s *script) {
				s.mkdir(scratch + "/inner")
				s.mount("xtest", scratch+"/inner", "cgroup2", 0, "")
				outer = s.access(strings.Replace(path, cgroups, scratch+"/inner", 1))
				inner = s.access(scratch + "/inner/cgroup.procs")
			}))
		}))
		s.run(t)
		t.Setup(inner.text, inner.Err())
		return seen("mount(cgroup2) inside, "+outer.text, outer, unix.ENOENT, t)
	})

	suite.It(spec.Meta{
		ID: "cgroup/setns-does-not-move", Level: spec.Must, Grade: spec.Guest, Sources: []string{"SET-018", "CGR-002"},
		Clause: "cgroup_namespaces(7): joining a namespace moves no process between cgroups; one outside the namespace's root is shown with /..",
		Needs:  []spec.Probe{cgroupNS, cgroupTree},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		first, second := s.group(t), s.group(t)
		var fd call
		var shown text
		s.wait(s.fork(unix.CLONE_FILES, func(s *script) {
			s.join(first)
			s.unshare(unix.CLONE_NEWCGROUP)
			fd = s.open("/proc/self/ns/cgroup", unix.O_RDONLY)
		}))
		s.wait(s.fork(0, func(s *script) {
			s.join(second)
			s.setns("setns(cgroup, CLONE_NEWCGROUP)", fd, unix.CLONE_NEWCGROUP).succeeds()
			shown = s.read("/proc/self/cgroup", 4096)
		}))
		s.run(t)
		t.Equal(`setns(namespace of a sibling cgroup, CLONE_NEWCGROUP), read("/proc/self/cgroup")`, membership(t, shown), "/.."+strings.TrimPrefix(second, cgroups))
	})

	suite.It(spec.Meta{
		ID: "cgroup/procs-values", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-005"},
		Clause: "cgroups(7) cgroup.procs: ESRCH for a PID that no process has, EINVAL for no number",
		Needs:  []spec.Probe{cgroupTree},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		s.tryWrite(path+"/cgroup.procs", "none").refused(unix.EINVAL)
		s.tryWrite(path+"/cgroup.procs", "2147483647").refused(unix.ESRCH)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "cgroup/populated-rmdir", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-006"},
		Clause: "cgroups(7): a cgroup with members cannot be removed (EBUSY)",
		Needs:  []spec.Probe{cgroupTree},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		ready, done := s.event(), s.event()
		member := s.fork(0, func(s *script) {
			s.join(path)
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		s.rmdir(path).refused(unix.EBUSY)
		s.signal(done)
		s.wait(member)
		s.rmdir(path).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "cgroup/kill", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-006"},
		Clause: "admin-guide/cgroup-v2 cgroup.kill: writing 1 kills all members of the cgroup by SIGKILL",
		Needs:  []spec.Probe{cgroupTree, cgroupFile("cgroup.kill")},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		ready := s.event()
		member := s.fork(0, func(s *script) {
			s.join(path)
			s.signal(ready)
			s.pause()
		})
		s.await(ready)
		s.tryWrite(path+"/cgroup.kill", "2").refused(unix.ERANGE, unix.EINVAL)
		s.tryWrite(path+"/cgroup.kill", "1").succeeds()
		st := s.wait(member)
		s.run(t)
		t.True("write(cgroup.kill, \"1\"), waitpid(member)", st.get().Signal() == unix.SIGKILL, describe(st.get()), "killed by SIGKILL")
	})

	suite.It(spec.Meta{
		ID: "cgroup/freeze", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-007"},
		Clause: "admin-guide/cgroup-v2 cgroup.freeze: cgroup.events shows frozen 1 when all members are stopped; they can still be killed",
		Needs:  []spec.Probe{cgroupTree, cgroupFile("cgroup.freeze")},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		ready := s.event()
		member := s.fork(0, func(s *script) {
			s.join(path)
			s.signal(ready)
			s.pause()
		})
		s.await(ready)
		fd := s.keep(s.open(path+"/cgroup.events", unix.O_RDONLY))
		s.must("read(cgroup.events)", unix.SYS_READ, fd, s.Buffer(256), 256)
		s.write(path+"/cgroup.freeze", "1")
		s.poll("poll(cgroup.events, POLLPRI)", theFile, unix.POLLPRI, waits()).gives(1)
		events := s.read(path+"/cgroup.events", 256)
		s.must("kill(member, SIGKILL)", unix.SYS_KILL, member, int(unix.SIGKILL))
		st := s.wait(member)
		s.run(t)
		t.True(`write(cgroup.freeze, "1"), read(cgroup.events)`, strings.Contains(events.String(), "frozen 1"), strings.TrimSpace(events.String()), "frozen 1")
		t.True("kill(frozen member, SIGKILL), waitpid(member)", st.get().Signal() == unix.SIGKILL, describe(st.get()), "killed by SIGKILL")
	})
})

// cgroupFile probes for a file that came later than the hierarchy, or than its controller.
func cgroupFile(file string, controllers ...string) spec.Probe {
	return attempt(file, func(s *script) {
		s.enabled(controllers...)
		path := s.group(nil)
		found := s.access(path + "/" + file)
		s.rmdir(path)
		s.log.setup = append(s.log.setup, found)
	})
}
