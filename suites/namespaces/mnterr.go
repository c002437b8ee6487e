package namespaces

import (
	"strings"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// unbindable probes for the propagation type.
var unbindable = attempt("MS_UNBINDABLE", func(s *script) {
	s.own(unix.CLONE_NEWNS)
	s.scratch()
	s.mount("none", scratch, "none", unix.MS_UNBINDABLE, "")
})

var _ = suite.Describe("mnt", func() {
	suite.It(spec.Meta{
		ID: "mnt/unbindable", Level: spec.Must, Sources: []string{"MNT-004"},
		Clause: "mount_namespaces(7) MS_UNBINDABLE, mount(2) ERRORS: EINVAL for a bind mount of an unbindable mount",
		Needs:  append([]spec.Probe{unbindable}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		a := s.tmpfs("a")
		s.mkdir(scratch + "/b")
		s.tryMount(a, scratch+"/b", "none", unix.MS_BIND, "").succeeds()
		s.mount("none", a, "none", unix.MS_UNBINDABLE, "")
		s.tryMount(a, scratch+"/b", "none", unix.MS_BIND, "").refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/inherited-locked", Level: spec.Must, Sources: []string{"MNT-005"},
		Clause: "mount_namespaces(7) Restrictions on mount namespaces: mounts from a more privileged namespace are locked together; umount2(2) gives EINVAL for one of them",
		Needs:  append([]spec.Probe{userNS}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		a := s.tmpfs("a")
		s.wait(s.fork(unix.CLONE_NEWUSER|unix.CLONE_NEWNS, func(s *script) {
			s.umount(a, unix.MNT_DETACH).refused(unix.EINVAL)
		}))
		s.umount(a, unix.MNT_DETACH).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/inherited-flags-locked", Level: spec.Must, Sources: []string{"MNT-006"},
		Clause: "mount_namespaces(7) Restrictions on mount namespaces: read-only, nosuid, nodev and noexec of mounts from a more privileged namespace cannot be cleared (EPERM)",
		Needs:  append([]spec.Probe{userNS}, mountNeeds...),
	}, func(t *spec.T) {
		const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		a := s.tmpfs("a")
		s.mount("none", a, "none", unix.MS_BIND|unix.MS_REMOUNT|flags, "")
		s.wait(s.fork(unix.CLONE_NEWUSER|unix.CLONE_NEWNS, func(s *script) {
			s.tryMount("none", a, "none", unix.MS_BIND|unix.MS_REMOUNT|flags, "").succeeds()
			for _, f := range []uintptr{unix.MS_RDONLY, unix.MS_NOSUID, unix.MS_NODEV, unix.MS_NOEXEC} {
				s.tryMount("none", a, "none", unix.MS_BIND|unix.MS_REMOUNT|flags&^f, "").refused(unix.EPERM)
			}
		}))
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/shared-becomes-slave", Level: spec.Must, Sources: []string{"MNT-007"},
		Clause: "mount_namespaces(7) Restrictions on mount namespaces: shared mounts become slaves in a less privileged namespace",
		Needs:  append([]spec.Probe{userNS}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.mount("none", scratch, "none", unix.MS_SHARED, "")
		var equal, less text
		s.wait(s.fork(unix.CLONE_NEWNS, func(s *script) { equal = s.read("/proc/self/mountinfo", 32<<10) }))
		s.wait(s.fork(unix.CLONE_NEWUSER|unix.CLONE_NEWNS, func(s *script) { less = s.read("/proc/self/mountinfo", 32<<10) }))
		s.run(t)
		line := mountLine(equal.String(), scratch)
		t.True("clone(CLONE_NEWNS): mountinfo", strings.Contains(line, " shared:") && !strings.Contains(line, " master:"), line, "shared:N and no master:N")
		line = mountLine(less.String(), scratch)
		t.True("clone(CLONE_NEWUSER|CLONE_NEWNS): mountinfo", strings.Contains(line, " master:") && !strings.Contains(line, " shared:"), line, "master:N and no shared:N")
	})

	suite.It(spec.Meta{
		ID: "mnt/no-loops", Level: spec.Must, Sources: []string{"MNT-008"},
		Clause: "mount_namespaces(7), fs/namespace.c mnt_ns_loop: EINVAL for a bind mount of a mount namespace into itself",
		Needs:  mountNeeds,
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.open(scratch+"/file", unix.O_CREAT|unix.O_RDWR)
		s.tryMount("/proc/self/ns/uts", scratch+"/file", "none", unix.MS_BIND, "").succeeds()
		s.tryMount("/proc/self/ns/mnt", scratch+"/file", "none", unix.MS_BIND, "").refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/remove-mount-point", Level: spec.Must, Sources: []string{"MNT-010", "MNT-011"},
		Clause: "rmdir(2) ERRORS, mount_namespaces(7): EBUSY for a mount point of the caller's namespace; one of another namespace goes, and the mount with it",
		Needs:  mountNeeds,
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.mkdir(scratch + "/a")
		ready, done := s.event(), s.event()
		other := s.fork(unix.CLONE_NEWNS, func(s *script) {
			s.mount("xtest", scratch+"/a", "tmpfs", 0, "")
			s.rmdir(scratch + "/a").refused(unix.EBUSY)
			s.signal(ready)
			s.await(done)
			s.access(scratch + "/a").refused(unix.ENOENT)
		})
		s.await(ready)
		s.rmdir(scratch + "/a").succeeds()
		s.signal(done)
		s.wait(other)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/pivot-root", Level: spec.Must, Sources: []string{"MNT-012"},
		Clause: "pivot_root(2) ERRORS: EINVAL when new_root is no mount point",
		Needs:  mountNeeds,
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.mkdir(scratch + "/a")
		s.mkdir(scratch + "/a/old")
		s.call(`pivot_root("/tmp/a", "/tmp/a/old")`, unix.SYS_PIVOT_ROOT, s.String(scratch+"/a"), s.String(scratch+"/a/old")).refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/busy", Level: spec.Must, Sources: []string{"MNT-020"},
		Clause: "umount2(2) ERRORS: EBUSY for a mount in use; MNT_DETACH removes it nonetheless",
		Needs:  mountNeeds,
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		a := s.tmpfs("a")
		fd := s.open(a, unix.O_RDONLY)
		s.umount(a, 0).refused(unix.EBUSY)
		s.umount(a, unix.MNT_DETACH).succeeds()
		s.call("close(fd)", unix.SYS_CLOSE, fd)
		s.umount(a, 0).refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/move-from-shared", Level: spec.Must, Sources: []string{"MNT-029"},
		Clause: "mount(2) ERRORS: EINVAL for MS_MOVE of a mount whose parent is shared",
		Needs:  mountNeeds,
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		a := s.tmpfs("a")
		s.mkdir(scratch + "/b")
		s.mount("none", scratch, "none", unix.MS_SHARED, "")
		s.tryMount(a, scratch+"/b", "none", unix.MS_MOVE, "").refused(unix.EINVAL)
		s.mount("none", scratch, "none", unix.MS_PRIVATE, "")
		s.tryMount(a, scratch+"/b", "none", unix.MS_MOVE, "").succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/unprivileged", Level: spec.Must, Sources: []string{"MNT-015", "SET-020"},
		Clause: "mount(2), umount2(2) ERRORS: EPERM without CAP_SYS_ADMIN in the user namespace that owns the mount namespace",
		Needs:  append([]spec.Probe{ordinaryUser}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		s.tryMount("xtest", scratch, "tmpfs", 0, "").refused(unix.EPERM)
		s.unshare(unix.CLONE_NEWNS)
		s.tryMount("xtest", scratch, "tmpfs", 0, "").succeeds()
		s.run(t)
	})
})
