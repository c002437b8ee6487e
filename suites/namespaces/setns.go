package namespaces

import (
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

func (s *script) setns(text string, fd any, kind int) call {
	return s.call(text, unix.SYS_SETNS, fd, kind)
}

// pidfds probes for setns(2) with a pidfd: a kernel that does not know it takes it for no namespace.
var pidfds = attempt("setns with a pidfd", func(s *script) {
	s.own(unix.CLONE_NEWUTS)
	fd := s.must("pidfd_open(getpid(), 0)", unix.SYS_PIDFD_OPEN, s.getpid(), 0)
	s.must("setns(pidfd, CLONE_NEWUTS)", unix.SYS_SETNS, fd, unix.CLONE_NEWUTS)
})

var _ = suite.Describe("setns", func() {
	suite.It(spec.Meta{
		ID: "setns/bad-descriptor", Level: spec.Must, Sources: []string{"SET-001", "SET-002"},
		Clause: "setns(2) ERRORS: EBADF for no descriptor, EINVAL for one that refers to no namespace",
	}, func(t *spec.T) {
		s := newScript()
		s.setns("setns(-1, 0)", -1, 0).refused(unix.EBADF)
		s.setns(`setns(open("/proc/self/status"), 0)`, s.open("/proc/self/status", unix.O_RDONLY), 0).refused(unix.EINVAL)
		s.setns("setns(eventfd(0, 0), CLONE_NEWUTS)", s.event(), unix.CLONE_NEWUTS).refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "setns/type-mismatch", Level: spec.Must, Sources: []string{"SET-003", "SET-004"},
		Clause: "setns(2) ERRORS: EINVAL when nstype is not the type of the namespace; 0 allows any",
		Needs:  []spec.Probe{utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUTS)
		fd := s.open("/proc/self/ns/uts", unix.O_RDONLY)
		s.setns("setns(uts, CLONE_NEWIPC)", fd, unix.CLONE_NEWIPC).refused(unix.EINVAL)
		s.setns("setns(uts, CLONE_NEWUTS|CLONE_NEWIPC)", fd, unix.CLONE_NEWUTS|unix.CLONE_NEWIPC).refused(unix.EINVAL)
		s.setns("setns(uts, CLONE_NEWUTS)", fd, unix.CLONE_NEWUTS).succeeds()
		s.setns("setns(uts, 0)", fd, 0).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "setns/descriptor-keeps-namespace", Level: spec.Must, Sources: []string{"GEN-005"},
		Clause: "namespaces(7) Namespace lifetime: an open descriptor keeps a namespace without members, and setns(2) enters it",
		Needs:  []spec.Probe{utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUTS)
		s.must(`sethostname("old", 3)`, unix.SYS_SETHOSTNAME, s.String("old"), 3)
		fd := s.open("/proc/self/ns/uts", unix.O_RDONLY)
		s.unshare(unix.CLONE_NEWUTS)
		s.must(`sethostname("new", 3)`, unix.SYS_SETHOSTNAME, s.String("new"), 3)
		before := s.uname()
		s.setns("setns(old uts, CLONE_NEWUTS)", fd, unix.CLONE_NEWUTS).succeeds()
		after := s.uname()
		s.run(t)
		t.Equal("unshare(CLONE_NEWUTS), sethostname(\"new\"), uname(&u)", before(utsNode), "new")
		t.Equal("setns(old uts, CLONE_NEWUTS), uname(&u)", after(utsNode), "old")
	})

	suite.It(spec.Meta{
		ID: "setns/bind-mount-keeps-namespace", Level: spec.Must, Sources: []string{"GEN-006"},
		Clause: "namespaces(7) Namespace lifetime: a bind mount of a /proc/PID/ns link keeps the namespace, and can be joined",
		Needs:  []spec.Probe{utsNS, mountNS, mounts},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUTS | unix.CLONE_NEWNS)
		s.scratch()
		s.open(scratch+"/uts", unix.O_CREAT|unix.O_RDWR)
		s.must(`sethostname("old", 3)`, unix.SYS_SETHOSTNAME, s.String("old"), 3)
		s.mount("/proc/self/ns/uts", scratch+"/uts", "none", unix.MS_BIND, "")
		s.unshare(unix.CLONE_NEWUTS)
		s.must(`sethostname("new", 3)`, unix.SYS_SETHOSTNAME, s.String("new"), 3)
		s.setns("setns(bind mount of the old uts, CLONE_NEWUTS)", s.open(scratch+"/uts", unix.O_RDONLY), unix.CLONE_NEWUTS).succeeds()
		after := s.uname()
		s.run(t)
		t.Equal("setns(bind mount of the old uts, CLONE_NEWUTS), uname(&u)", after(utsNode), "old")
	})

	for _, k := range []ns.Kind{ns.Cgroup, ns.IPC, ns.Mount, ns.Net, ns.PID, ns.Time, ns.UTS} {
		suite.It(spec.Meta{
			ID: "setns/" + k.Name + "-unprivileged", Level: spec.Must, Sources: []string{"SET-008"},
			Clause: "setns(2) ERRORS: EPERM without CAP_SYS_ADMIN in the user namespace that owns the " + k.Name + " namespace",
			Needs:  []spec.Probe{canMake(k), unprivileged},
		}, func(t *spec.T) {
			s := newScript()
			s.drop()
			s.setns(fmt.Sprintf("setns(own %s, %s)", k.Name, k.C), s.open("/proc/self/ns/"+k.Name, unix.O_RDONLY), int(k.Flag)).refused(unix.EPERM)
			s.run(t)
		})
	}

	suite.It(spec.Meta{
		ID: "setns/own-user", Level: spec.Must, Sources: []string{"SET-009"},
		Clause: "setns(2) ERRORS: EINVAL for the caller's own user namespace",
		Needs:  []spec.Probe{userNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUSER)
		s.setns("setns(own user, CLONE_NEWUSER)", s.open("/proc/self/ns/user", unix.O_RDONLY), unix.CLONE_NEWUSER).refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "setns/user-gives-capabilities", Level: spec.Must, Sources: []string{"SET-016", "USR-026"},
		Clause: "user_namespaces(7) Capabilities: joining a descendant user namespace gives a full set of capabilities in it",
		Needs:  []spec.Probe{ordinaryUser, utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.drop()
		var user, uts call
		s.wait(s.fork(unix.CLONE_FILES, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			s.unshare(unix.CLONE_NEWUTS)
			user, uts = s.open("/proc/self/ns/user", unix.O_RDONLY), s.open("/proc/self/ns/uts", unix.O_RDONLY)
		}))
		s.sethostname(hostname()).refused(unix.EPERM)
		s.setns("setns(child's user, CLONE_NEWUSER)", user, unix.CLONE_NEWUSER).succeeds()
		s.setns("setns(child's uts, CLONE_NEWUTS)", uts, unix.CLONE_NEWUTS).succeeds()
		s.sethostname(hostname()).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "setns/user-shared-fs", Level: spec.Must, Sources: []string{"SET-017"},
		Clause: "setns(2) ERRORS: EINVAL for a user namespace when the caller shares its root and working directory (CLONE_FS)",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		s := newScript()
		s.drop()
		var user call
		s.wait(s.fork(unix.CLONE_FILES, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			user = s.open("/proc/self/ns/user", unix.O_RDONLY)
		}))
		done := s.event()
		sharer := s.fork(unix.CLONE_FS, func(s *script) { s.await(done) })
		s.setns("setns(child's user, CLONE_NEWUSER) while sharing CLONE_FS", user, unix.CLONE_NEWUSER).refused(unix.EINVAL)
		s.signal(done)
		s.wait(sharer)
		s.setns("setns(child's user, CLONE_NEWUSER)", user, unix.CLONE_NEWUSER).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "setns/mount-shared-fs", Level: spec.Must, Sources: []string{"SET-012"},
		Clause: "setns(2) Mount namespaces: EINVAL when the caller shares its root and working directory (CLONE_FS)",
		Needs:  []spec.Probe{mountNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		fd := s.open("/proc/self/ns/mnt", unix.O_RDONLY)
		done := s.event()
		sharer := s.fork(unix.CLONE_FS, func(s *script) { s.await(done) })
		s.setns("setns(mnt, CLONE_NEWNS) while sharing CLONE_FS", fd, unix.CLONE_NEWNS).refused(unix.EINVAL)
		s.signal(done)
		s.wait(sharer)
		s.setns("setns(mnt, CLONE_NEWNS)", fd, unix.CLONE_NEWNS).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "setns/mount-resets-cwd", Level: spec.Must, Sources: []string{"SET-014"},
		Clause: "setns(2) Mount namespaces: the caller's root and working directory become the root of the namespace",
		Needs:  []spec.Probe{mountNS, mounts},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		fd := s.open("/proc/self/ns/mnt", unix.O_RDONLY)
		s.scratch()
		s.mkdir(scratch + "/a")
		s.must(`chdir("/tmp/a")`, unix.SYS_CHDIR, s.String(scratch+"/a"))
		s.must(`chroot("/tmp")`, unix.SYS_CHROOT, s.String(scratch))
		s.access("/proc/self").refused(unix.ENOENT)
		s.setns("setns(mnt, CLONE_NEWNS)", fd, unix.CLONE_NEWNS).succeeds()
		s.access("/proc/self").succeeds()
		cwd := s.Buffer(256)
		s.must("getcwd(buf, 256)", unix.SYS_GETCWD, cwd, 256)
		s.run(t)
		t.Equal(`chdir("/tmp/a"), chroot("/tmp"), setns(mnt, CLONE_NEWNS), getcwd()`, name(cwd), "/")
	})

	suite.It(spec.Meta{
		ID: "setns/time-multithreaded", Level: spec.Must, Sources: []string{"SET-013"},
		Clause: "setns(2) ERRORS, kernel/time/namespace.c timens_install: EUSERS for a time namespace when the caller is multithreaded",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		// A Go program always has several threads. Its own namespace changes nothing, were it joined.
		fd, err := unix.Open("/proc/self/ns/time", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		t.Setup("open(/proc/self/ns/time)", err)
		defer unix.Close(fd)
		t.Errno("setns(own time, CLONE_NEWTIME) by one of several threads", unix.Setns(fd, unix.CLONE_NEWTIME), unix.EUSERS)
	})

	suite.It(spec.Meta{
		ID: "setns/pid-of-ancestor", Level: spec.Must, Sources: []string{"SET-010"},
		Clause: "setns(2) ERRORS: EINVAL for a PID namespace that is an ancestor of the caller's",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.inside(func(s *script) {
			fd := s.open("/proc/self/ns/pid", unix.O_RDONLY)
			s.wait(s.fork(unix.CLONE_NEWPID, func(s *script) {
				s.setns("setns(parent's pid, CLONE_NEWPID) inside", fd, unix.CLONE_NEWPID).refused(unix.EINVAL)
				own := s.open("/proc/self/ns/pid", unix.O_RDONLY)
				s.setns("setns(own pid, CLONE_NEWPID)", own, unix.CLONE_NEWPID).succeeds()
			}))
		})
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "setns/pid-moves-children", Level: spec.Must, Sources: []string{"PID-023"},
		Clause: "pid_namespaces(7), setns(2): joining a PID namespace moves the children made afterwards, not the caller",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		done, ready := s.event(), s.event()
		var fd call
		before := s.getpid()
		maker := s.fork(unix.CLONE_FILES, func(s *script) {
			s.unshare(unix.CLONE_NEWPID)
			s.wait(s.fork(unix.CLONE_FILES, func(s *script) {
				fd = s.open("/proc/self/ns/pid", unix.O_RDONLY)
				s.signal(ready)
				s.await(done)
			}))
		})
		s.await(ready)
		s.setns("setns(pid, CLONE_NEWPID)", fd, unix.CLONE_NEWPID).succeeds()
		after := s.getpid()
		s.wait(s.fork(0, func(s *script) {
			s.getpid().gives(2)
			s.getppid().gives(0)
		}))
		s.signal(done)
		s.wait(maker)
		s.run(t)
		t.Equal("setns(pid, CLONE_NEWPID), getpid()", after.Value(), before.Value())
	})
})
