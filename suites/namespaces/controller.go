package namespaces

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// controller probes for a controller of the cgroup2 hierarchy, by enabling it for the groups below the
// root: a kernel can be built without, and version 1 can hold it.
func controller(name string) spec.Probe {
	return attempt(name+" controller", func(s *script) { s.enabled(name) })
}

// enabled gives the script a hierarchy in which the groups have the controllers. They stay enabled:
// that changes a machine, so all specs with cgroups are for guests.
func (s *script) enabled(controllers ...string) {
	s.hierarchy()
	for _, c := range controllers {
		s.write(cgroups+"/cgroup.subtree_control", "+"+c)
	}
}

// within gives a group inside another one, which has the controllers.
func (s *script) within(t *spec.T, path, name string, controllers ...string) string {
	for _, c := range controllers {
		s.write(path+"/cgroup.subtree_control", "+"+c)
	}
	inner := path + "/" + name
	s.mkdir(inner)
	t.Cleanup(func() {
		if err := removeGroup(inner); err != nil {
			t.Note("left behind: %v", err)
		}
	})
	return inner
}

// member forks a process into a group, which does what body adds.
func (s *script) member(path string, body func(*script)) call {
	return s.fork(0, func(s *script) {
		s.join(path)
		body(s)
	})
}

// events reads a file of lines "name number", as memory.events, once the script has run.
func events(r text, key string) int {
	for line := range strings.Lines(r.String()) {
		if value, ok := strings.CutPrefix(line, key+" "); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(value))
			return n
		}
	}
	return -1
}

// counts judges that a file of events has these values, written as "name number".
func counts(t *spec.T, when, file string, r text, want ...string) {
	for _, w := range want {
		key, _, _ := strings.Cut(w, " ")
		t.Equal(fmt.Sprintf("%s, read(%q): %s", when, file, key), fmt.Sprintf("%s %d", key, events(r, key)), w)
	}
}

// allocate adds memory of so many bytes, all of it touched by the kernel for the process.
func (s *script) allocate(size int) call {
	return s.call(fmt.Sprintf("mmap(%d MiB, MAP_POPULATE)", size>>20), unix.SYS_MMAP, 0, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE, -1, 0)
}

// burn keeps a processor busy until the process is killed.
func (s *script) burn() {
	b := s.Buffer(4096)
	s.Forever(func() { s.call("getrandom(b, 4096, GRND_INSECURE)", unix.SYS_GETRANDOM, b, 4096, 4) })
}

// pass lets time go by, by waiting for what never comes.
func (s *script) pass(d time.Duration) {
	limit := s.Buffer(16)
	*(*unix.Timespec)(pointer(limit)) = unix.NsecToTimespec(d.Nanoseconds())
	s.call(fmt.Sprintf("ppoll(NULL, 0, %v)", d), unix.SYS_PPOLL, 0, 0, limit, 0, 0)
}

// killed judges how a process ended.
func killed(t *spec.T, what string, st status) {
	t.True(what+", waitpid()", st.get().Signal() == unix.SIGKILL, describe(st.get()), "killed by SIGKILL")
}

var _ = suite.Describe("pids", func() {
	suite.It(spec.Meta{
		ID: "pids/max", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-008", "CGR-024"},
		Clause: "admin-guide/cgroup-v2 pids.max: fork(2) beyond the limit gives EAGAIN, and pids.events counts it, not before",
		Needs:  []spec.Probe{cgroupTree, controller("pids")},
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("pids")
		path := s.group(t)
		s.write(path+"/pids.max", "2")
		var before, after, current text
		s.wait(s.member(path, func(s *script) {
			s.wait(s.tried(s.tryFork("fork() within pids.max", 0, func(*script) {})))
			before = s.read(path+"/pids.events", 64)
			s.wait(s.fork(0, func(s *script) {
				s.tryFork("fork() beyond pids.max", 0, func(*script) {}).refused(unix.EAGAIN)
				current = s.read(path+"/pids.current", 32)
			}))
			after = s.read(path+"/pids.events", 64)
		}))
		s.tryFork("fork() in another group", 0, func(*script) {}).succeeds()
		s.run(t)
		counts(t, "within the limit", "pids.events", before, "max 0")
		counts(t, "beyond the limit", "pids.events", after, "max 1")
		t.Equal(`read("pids.current")`, current.String(), "2\n")
	})

	suite.It(spec.Meta{
		ID: "pids/hierarchical", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-008"},
		Clause: "admin-guide/cgroup-v2 pids.max: the limit of a group holds for all groups below it",
		Needs:  []spec.Probe{cgroupTree, controller("pids")},
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("pids")
		path := s.group(t)
		inner := s.within(t, path, "inner", "pids")
		s.write(path+"/pids.max", "1")
		var limit text
		s.wait(s.member(inner, func(s *script) {
			limit = s.read(inner+"/pids.max", 32)
			s.tryFork("fork() beyond pids.max of the group above", 0, func(*script) {}).refused(unix.EAGAIN)
		}))
		s.run(t)
		t.Equal(`read("inner/pids.max")`, limit.String(), "max\n")
	})

	suite.It(spec.Meta{
		ID: "pids/values", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-008"},
		Clause: "admin-guide/cgroup-v2 pids.max: a number or max; EINVAL for anything else. A process may be moved in beyond the limit",
		Needs:  []spec.Probe{cgroupTree, controller("pids")},
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("pids")
		path := s.group(t)
		for _, bad := range []string{"-1", "many", "4194305"} {
			s.tryWrite(path+"/pids.max", bad).refused(unix.EINVAL)
		}
		s.tryWrite(path+"/pids.max", "0").succeeds()
		s.wait(s.fork(0, func(s *script) {
			s.tryWrite(path+"/cgroup.procs", "0").succeeds()
			s.tryFork("fork() with pids.max 0", 0, func(*script) {}).refused(unix.EAGAIN)
		}))
		s.run(t)
	})
})

// tried expects a judged call to succeed and gives it for use.
func (s *script) tried(c call) call {
	c.succeeds()
	return c
}
