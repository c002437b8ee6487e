package namespaces

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// into gives a clone3(2) that makes the child in a group.
func (s *script) into(text, path string) call {
	s.keep(s.open(path, unix.O_RDONLY|unix.O_DIRECTORY))
	return s.clone3(text, ns.CloneArgs{Flags: unix.CLONE_INTO_CGROUP, ExitSignal: uint64(unix.SIGCHLD), Cgroup: theFile}, ns.CloneArgsSize2)
}

var _ = suite.Describe("cgroup", func() {
	suite.It(spec.Meta{
		ID: "cgroup/clone-into", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CLN-010"},
		Clause: "clone(2) CLONE_INTO_CGROUP: the child is made in the cgroup of the descriptor, and the caller stays in its own",
		Needs:  []spec.Probe{cgroupTree, cloneThree},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		s.keep(s.open(path, unix.O_RDONLY|unix.O_DIRECTORY))
		args := child3(unix.CLONE_INTO_CGROUP)
		args.Cgroup = theFile
		before := s.read("/proc/self/cgroup", 4096)
		var inner text
		s.wait(s.mustFork3("clone3({CLONE_INTO_CGROUP})", args, func(s *script) { inner = s.read("/proc/self/cgroup", 4096) }))
		after := s.read("/proc/self/cgroup", 4096)
		s.run(t)
		t.True("clone3({CLONE_INTO_CGROUP}), read(/proc/self/cgroup) in the child", strings.HasSuffix(membership(t, inner), strings.TrimPrefix(path, cgroups)), membership(t, inner), "the group's path at the end")
		t.Equal("clone3({CLONE_INTO_CGROUP}), read(/proc/self/cgroup) of the caller", membership(t, after), membership(t, before))
	})

	suite.It(spec.Meta{
		ID: "cgroup/no-internal-processes", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-011", "CLN-012"},
		Clause: "admin-guide/cgroup-v2 No Internal Process Constraint, clone(2) ERRORS: EBUSY for a domain controller below a group with members, and for members of a group with one below",
		Needs:  []spec.Probe{cgroupTree, controller("memory"), cloneThree},
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("memory")
		path := s.group(t)
		ready, done := s.event(), s.event()
		other := s.member(path, func(s *script) {
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		s.tryWrite(path+"/cgroup.subtree_control", "+memory").refused(unix.EBUSY)
		s.signal(done)
		s.wait(other)
		s.tryWrite(path+"/cgroup.subtree_control", "+memory").succeeds()
		s.tryWrite(path+"/cgroup.procs", "0").refused(unix.EBUSY)
		s.into("clone3({CLONE_INTO_CGROUP, group with a domain controller below})", path).refused(unix.EBUSY)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "cgroup/domain-invalid", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CLN-013"},
		Clause: "cgroups(7) Thread mode, clone(2) ERRORS: EOPNOTSUPP for members of a group that is domain invalid, as one below a threaded group",
		Needs:  []spec.Probe{cgroupTree, cloneThree},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		inner := s.within(t, path, "inner")
		s.write(path+"/cgroup.type", "threaded")
		kind := s.read(inner+"/cgroup.type", 64)
		s.tryWrite(inner+"/cgroup.procs", "0").refused(unix.EOPNOTSUPP)
		s.into("clone3({CLONE_INTO_CGROUP, domain invalid})", inner).refused(unix.EOPNOTSUPP)
		s.tryWrite(path+"/cgroup.type", "domain").refused(unix.EINVAL)
		s.run(t)
		t.Equal(`read("inner/cgroup.type") below a threaded group`, kind.String(), "domain invalid\n")
	})

	suite.It(spec.Meta{
		ID: "cgroup/max-depth", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-012"},
		Clause: "admin-guide/cgroup-v2 cgroup.max.depth, cgroup.max.descendants: EAGAIN for a group beyond either",
		Needs:  []spec.Probe{cgroupTree, cgroupFile("cgroup.max.depth")},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		mkdir := func(p string) call {
			return s.call(fmt.Sprintf("mkdir(%q)", strings.TrimPrefix(p, path)), unix.SYS_MKDIRAT, unix.AT_FDCWD, s.String(p), 0o755)
		}
		inner := s.within(t, path, "a")
		s.write(path+"/cgroup.max.depth", "1")
		mkdir(inner + "/b").refused(unix.EAGAIN)
		s.write(path+"/cgroup.max.depth", "max")
		s.write(path+"/cgroup.max.descendants", "1")
		mkdir(path + "/b").refused(unix.EAGAIN)
		mkdir(inner + "/b").refused(unix.EAGAIN)
		s.write(path+"/cgroup.max.descendants", "2")
		mkdir(inner + "/b").succeeds()
		s.rmdir(inner + "/b").succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "cgroup/root-is-fixed", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-022", "CGR-002"},
		Clause: "cgroup_namespaces(7): the namespace's root stays where it was made: its maker, moved elsewhere, is shown with /..",
		Needs:  []spec.Probe{cgroupNS, cgroupTree},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		first, second := s.group(t), s.group(t)
		var within, outside text
		s.wait(s.fork(0, func(s *script) {
			s.join(first)
			s.unshare(unix.CLONE_NEWCGROUP)
			within = s.read("/proc/self/cgroup", 4096)
			s.join(second) // the outer mount shows all groups
			outside = s.read("/proc/self/cgroup", 4096)
		}))
		s.run(t)
		t.Equal("unshare(CLONE_NEWCGROUP), read(/proc/self/cgroup)", membership(t, within), "/")
		t.Equal("moved to a sibling group, read(/proc/self/cgroup)", membership(t, outside), "/.."+strings.TrimPrefix(second, cgroups))
	})

	suite.It(spec.Meta{
		ID: "cgroup/delegation", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-010", "CGR-023"},
		Clause: "admin-guide/cgroup-v2 Delegation Containment: a user who was given a group makes groups in it and moves processes within it, but sets none of its limits and moves nothing out (EACCES)",
		Needs:  []spec.Probe{spec.Root, cgroupTree, controller("pids"), unprivileged},
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("pids")
		path, elsewhere := s.group(t), s.group(t)
		for _, file := range []string{"", "/cgroup.procs", "/cgroup.subtree_control"} {
			s.must("chown(group"+file+", 65534)", unix.SYS_FCHOWNAT, unix.AT_FDCWD, s.String(path+file), nobody, nobody, 0)
		}
		inner := path + "/inner"
		t.Cleanup(func() { removeGroup(inner) })
		s.wait(s.member(path, func(s *script) {
			s.drop()
			s.call("mkdir(inner)", unix.SYS_MKDIRAT, unix.AT_FDCWD, s.String(inner), 0o755).succeeds()
			s.tryWrite(inner+"/cgroup.procs", "0").succeeds()
			s.tryWrite(path+"/cgroup.subtree_control", "+pids").succeeds()
			s.tryOpen(path+"/pids.max", unix.O_WRONLY).refused(unix.EACCES)
			s.tryOpen(elsewhere+"/cgroup.procs", unix.O_WRONLY).refused(unix.EACCES)
		}))
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "cgroup/namespace-contains", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-010", "CGR-023"},
		Clause: "admin-guide/cgroup-v2 nsdelegate: the namespace's root is a boundary: its members move no process out (ENOENT) and set none of its root's limits (EPERM)",
		Needs:  []spec.Probe{cgroupNS, cgroupTree, controller("pids"), nsdelegate},
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("pids")
		s.mount("none", cgroups, "cgroup2", unix.MS_REMOUNT, "nsdelegate")
		path, elsewhere := s.group(t), s.group(t)
		inner := s.within(t, path, "inner", "pids")
		s.wait(s.fork(0, func(s *script) {
			s.join(inner)
			s.unshare(unix.CLONE_NEWCGROUP)
			s.tryWrite(elsewhere+"/cgroup.procs", "0").refused(unix.ENOENT)
			s.tryWrite(inner+"/pids.max", "5").refused(unix.EPERM)
			s.tryWrite(inner+"/cgroup.procs", "0").succeeds()
		}))
		s.tryWrite(inner+"/pids.max", "5").succeeds()
		s.mount("none", cgroups, "cgroup2", unix.MS_REMOUNT, "")
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "cgroup/events-populated", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-006"},
		Clause: "admin-guide/cgroup-v2 cgroup.events: populated tells whether the group or one below has members; poll(2) tells of a change",
		Needs:  []spec.Probe{cgroupTree},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		inner := s.within(t, path, "inner")
		fd := s.keep(s.open(path+"/cgroup.events", unix.O_RDONLY))
		s.must("read(cgroup.events)", unix.SYS_READ, fd, s.Buffer(256), 256)
		before := s.read(path+"/cgroup.events", 256)
		s.poll("poll(cgroup.events, POLLPRI, 0) before", theFile, unix.POLLPRI, 0).gives(0)
		ready, done := s.event(), s.event()
		other := s.member(inner, func(s *script) {
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		s.poll("poll(cgroup.events, POLLPRI) with a member below", theFile, unix.POLLPRI, waits()).gives(1)
		during := s.read(path+"/cgroup.events", 256)
		s.signal(done)
		s.wait(other)
		after := s.read(path+"/cgroup.events", 256)
		s.run(t)
		counts(t, "no members", "cgroup.events", before, "populated 0")
		counts(t, "a member below", "cgroup.events", during, "populated 1")
		counts(t, "behind its end", "cgroup.events", after, "populated 0")
	})

	suite.It(spec.Meta{
		ID: "cgroup/thaw", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-007"},
		Clause: "admin-guide/cgroup-v2 cgroup.freeze: members do nothing while frozen, also those of groups below, and go on behind the thaw",
		Needs:  []spec.Probe{cgroupTree, cgroupFile("cgroup.freeze")},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		path := s.group(t)
		inner := s.within(t, path, "inner")
		ready, ask, answer := s.event(), s.event(), s.event()
		member := s.member(inner, func(s *script) {
			s.signal(ready)
			s.poll("poll(ask, POLLIN)", ask, unix.POLLIN, 2*waits())
			s.signal(answer)
		})
		s.await(ready)
		fd := s.keep(s.open(inner+"/cgroup.events", unix.O_RDONLY))
		s.must("read(cgroup.events)", unix.SYS_READ, fd, s.Buffer(256), 256)
		s.write(path+"/cgroup.freeze", "1")
		s.poll("poll(inner/cgroup.events, POLLPRI)", theFile, unix.POLLPRI, waits()).gives(1)
		frozen := s.read(inner+"/cgroup.events", 256)
		s.signal(ask)
		silence := s.Buffer(16)
		(*unix.Timespec)(pointer(silence)).Nsec = 20_000_000
		set := s.Buffer(8)
		*(*unix.PollFd)(pointer(set)) = unix.PollFd{Fd: int32(answer), Events: unix.POLLIN}
		s.call("poll(answer, POLLIN, 20 ms) of a frozen member", unix.SYS_PPOLL, set, 1, silence, 0, 0).gives(0)
		s.write(path+"/cgroup.freeze", "0")
		s.poll("poll(answer, POLLIN) behind the thaw", answer, unix.POLLIN, waits()).gives(1)
		s.wait(member)
		s.run(t)
		counts(t, "the group above is frozen", "inner/cgroup.events", frozen, "frozen 1")
	})

	suite.It(spec.Meta{
		ID: "cgroup/kill-below", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-006"},
		Clause: "admin-guide/cgroup-v2 cgroup.kill: kills the members of groups below, too, also frozen ones, and none elsewhere",
		Needs:  []spec.Probe{cgroupTree, cgroupFile("cgroup.kill")},
	}, func(t *spec.T) {
		s := newScript()
		s.hierarchy()
		path, elsewhere := s.group(t), s.group(t)
		inner := s.within(t, path, "inner")
		ready, done := s.event(), s.event()
		victim := s.member(inner, func(s *script) {
			s.signal(ready)
			s.pause()
		})
		s.await(ready)
		other := s.member(elsewhere, func(s *script) {
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		s.write(inner+"/cgroup.freeze", "1")
		s.write(path+"/cgroup.kill", "1")
		st := s.wait(victim)
		s.signal(done)
		survivor := s.wait(other)
		s.run(t)
		killed(t, "write(cgroup.kill, \"1\") above: a frozen member", st)
		t.True("a process of another group, waitpid()", survivor.get().ExitStatus() == 0, describe(survivor.get()), "exit status 0")
	})
})

// nsdelegate probes for the mount option that makes namespaces a boundary.
var nsdelegate = attempt("nsdelegate", func(s *script) {
	s.hierarchy()
	s.mount("none", cgroups, "cgroup2", unix.MS_REMOUNT, "nsdelegate")
	s.mount("none", cgroups, "cgroup2", unix.MS_REMOUNT, "")
})

// namedHierarchy probes for version 1, by a hierarchy without controllers: those may be version 2's.
var namedHierarchy = attempt("cgroup version 1", func(s *script) {
	s.own(unix.CLONE_NEWNS)
	s.scratch()
	s.named()
})

// named mounts a version 1 hierarchy of our own.
func (s *script) named() {
	s.mkdir(cgroups)
	s.mount("xtest", cgroups, "cgroup", 0, "none,name=xtest")
}

var _ = suite.Describe("cgroup1", func() {
	suite.It(spec.Meta{
		ID: "cgroup1/named", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-005", "CGR-006"},
		Clause: "cgroups(7) Cgroups version 1: a named hierarchy has groups and members of its own; EBUSY for the removal of a group with members, ESRCH for a PID that no process has",
		Needs:  []spec.Probe{namedHierarchy},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.named()
		group := cgroups + "/group"
		s.mkdir(group)
		ready, done := s.event(), s.event()
		var shown text
		other := s.member(group, func(s *script) {
			shown = s.read("/proc/self/cgroup", 4096)
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		s.rmdir(group).refused(unix.EBUSY)
		s.tryWrite(group+"/cgroup.procs", "2147483647").refused(unix.ESRCH)
		s.tryWrite(group+"/cgroup.procs", "none").refused(unix.EINVAL)
		s.signal(done)
		s.wait(other)
		s.rmdir(group).succeeds()
		s.run(t)
		t.True("read(/proc/self/cgroup) of a member", strings.Contains(shown.String(), ":name=xtest:/group\n"), shown.String(), "a line name=xtest:/group")
	})

	isolates(spec.Meta{
		ID: "cgroup1/own-root", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-001"},
		Clause: "cgroup_namespaces(7): in each hierarchy the cgroup in which the namespace was made is its root",
		Needs:  []spec.Probe{namedHierarchy},
	}, ns.Cgroup, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.named()
		group := cgroups + "/group"
		s.mkdir(group)
		var shown text
		s.wait(s.member(group, func(s *script) {
			s.wait(s.fork(flags, func(s *script) { shown = s.read("/proc/self/cgroup", 4096) }))
		}))
		s.rmdir(group)
		s.run(t)
		path := ""
		for line := range strings.Lines(shown.String()) {
			if _, p, ok := strings.Cut(line, ":name=xtest:"); ok {
				path = strings.TrimSpace(p)
			}
		}
		return observation{`read("/proc/self/cgroup") inside: name=xtest`, path, path != "/"}
	})
})
