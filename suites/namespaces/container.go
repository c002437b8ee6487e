package namespaces

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// contain makes the process's child the init of a container: namespaces of all kinds, a root of its own
// with proc, sysfs and where there is one a cgroup2 hierarchy, and nothing of the old root. Its
// user 0 is the caller's.
func (s *script) contain(uid, gid int, body func(*script)) status {
	const root = scratch + "/root"
	flags := allKinds()
	s.must(fmt.Sprintf("unshare(%s)", flagNames(flags)), unix.SYS_UNSHARE, flags)
	s.mapRoot(uid, gid)
	return s.wait(s.fork(0, func(s *script) {
		s.mount("none", "/", "none", unix.MS_REC|unix.MS_PRIVATE, "")
		s.scratch()
		s.mkdir(root)
		s.mount("xtest", root, "tmpfs", 0, "")
		for _, dir := range []string{"/proc", "/sys", "/tmp", "/old", "/cgroup"} {
			s.mkdir(root + dir)
		}
		s.mount("proc", root+"/proc", "proc", 0, "")
		s.mount("sysfs", root+"/sys", "sysfs", 0, "")
		s.tryMount("cgroup2", root+"/cgroup", "cgroup2", 0, "") // a kernel can be built without
		s.must("pivot_root(root, root/old)", unix.SYS_PIVOT_ROOT, s.String(root), s.String(root+"/old"))
		s.must(`chdir("/")`, unix.SYS_CHDIR, s.String("/"))
		s.require(s.umount("/old", unix.MNT_DETACH))
		s.up()
		body(s)
	}))
}

// containers probes for containers that this process may make: mounting procfs and sysfs in a user
// namespace is refused where parts of the machine's own are hidden.
var containers = attempt("containers in user namespaces", func(s *script) {
	s.drop()
	uid, gid := ids()
	s.contain(uid, gid, func(*script) {})
})

// inventory is what an init sees of its container.
type inventory struct {
	pid, ppid, uid  call
	links           []text
	hostname        func(int) string
	devices, mapped text
	old             call
}

func (s *script) look(hostname string) inventory {
	var i inventory
	i.pid, i.ppid, i.uid = s.getpid(), s.getppid(), s.call("getuid()", unix.SYS_GETUID)
	s.sethostname(hostname).succeeds()
	i.hostname = s.uname()
	for _, k := range present() {
		i.links = append(i.links, s.readlink("/proc/self/ns/"+k.Name))
	}
	i.devices = s.read("/proc/self/net/dev", 4096)
	i.mapped = s.read(uidMap, 128)
	i.old = s.access("/old/proc")
	return i
}

func (i inventory) judge(t *spec.T, where, hostname string) {
	t.Equal(where+": getpid(), getppid(), getuid()", fmt.Sprint(i.pid.Value(), i.ppid.Value(), i.uid.Value()), "1 0 0")
	t.Equal(where+": uname(&u): u.nodename", i.hostname(utsNode), hostname)
	// Beside lo there may be those that modules put into every namespace, as sit0.
	t.True(where+": interfaces", strings.Contains(i.devices.String(), "lo:"), i.devices.String(), "lo")
	t.Errno(where+": "+i.old.text, i.old.Err(), unix.ENOENT)
}

var _ = suite.Describe("container", func() {
	suite.It(spec.Meta{
		ID: "container/whole", Level: spec.Must, Sources: []string{"UNS-009", "USR-013", "PID-025"},
		Clause: "namespaces(7), pivot_root(2): an ordinary user makes a container of namespaces of all kinds, with a root, proc and sysfs of its own",
		Needs:  []spec.Probe{containers},
	}, func(t *spec.T) {
		s := newScript()
		s.drop()
		outside := s.uname()
		var outer []text
		for _, k := range present() {
			outer = append(outer, s.readlink("/proc/self/ns/"+k.Name))
		}
		uid, gid := ids()
		var in inventory
		s.wait(s.fork(0, func(s *script) {
			s.contain(uid, gid, func(s *script) { in = s.look("inner") })
		}))
		after := s.uname()
		s.run(t)
		in.judge(t, "in the container", "inner")
		for i, k := range present() {
			t.True("in the container: "+k.Name+" namespace", in.links[i].String() != outer[i].String(), in.links[i].String(), "another than outside")
		}
		t.Equal("outside behind it: uname(&u): u.nodename", after(utsNode), outside(utsNode))
	})

	suite.It(spec.Meta{
		ID: "container/nested", Level: spec.Must, Sources: []string{"UNS-009", "PID-022", "USR-013"},
		Clause: "namespaces(7), user_namespaces(7): a container can be made inside a container, with all kinds of namespaces, mounts and a root again",
		Needs:  []spec.Probe{containers},
	}, func(t *spec.T) {
		s := newScript()
		s.drop()
		uid, gid := ids()
		var outer, inner inventory
		var name func(int) string
		var state text
		s.contain(uid, gid, func(s *script) {
			outer = s.look("outer")
			s.wait(s.fork(0, func(s *script) {
				s.contain(0, 0, func(s *script) {
					inner = s.look("inner")
					state = s.read("/proc/self/status", 8<<10)
				})
			}))
			name = s.uname()
		})
		s.run(t)
		outer.judge(t, "in the container", "outer")
		inner.judge(t, "in the container inside it", "inner")
		for i, k := range present() {
			t.True("in the container inside it: "+k.Name+" namespace", inner.links[i].String() != outer.links[i].String(), inner.links[i].String(), "another than in the outer one")
		}
		t.Equal("in the outer container behind it: uname(&u): u.nodename", name(utsNode), "outer")
		t.Equal("in the container inside it: uid_map", strings.Join(strings.Fields(inner.mapped.String()), " "), "0 0 1")
		t.Equal("in the container inside it: NSpid of its own procfs", statusField(state.String(), "NSpid"), "1")
	})

	for _, c := range []struct {
		kind  string
		flags uintptr
		depth int
	}{{"uts", unix.CLONE_NEWUTS, 16}, {"ipc", unix.CLONE_NEWIPC, 16}, {"net", unix.CLONE_NEWNET, 6}, {"mnt", unix.CLONE_NEWNS, 8}, {"cgroup", unix.CLONE_NEWCGROUP, 16}} {
		suite.It(spec.Meta{
			ID: "container/" + c.kind + "-in-" + c.kind, Level: spec.Must, Sources: []string{"GEN-003"},
			Clause: "namespaces(7): " + c.kind + " namespaces are made from within others without a limit of depth, each another one",
			Needs:  []spec.Probe{attempt(c.kind+" namespaces", func(s *script) { s.own(c.flags) })},
		}, func(t *spec.T) {
			s := newScript()
			s.own(0)
			links := []text{s.readlink("/proc/self/ns/" + c.kind)}
			for range c.depth {
				s.must("unshare()", unix.SYS_UNSHARE, c.flags)
				links = append(links, s.readlink("/proc/self/ns/"+c.kind))
			}
			s.run(t)
			for i := range c.depth {
				t.True(fmt.Sprintf("unshare(%s) at depth %d", flagNames(c.flags), i+1), links[i].String() != links[i+1].String(), "the same namespace", "another one")
			}
		})
	}
})
