package namespaces

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// mountCalls probes for the system calls on mounts that came with Linux 5.2.
var mountCalls = answers("open_tree", func(s *script) call {
	return s.openTree("open_tree(-1, \"\", 0)", "", 0)
}, unless(unix.ENOSYS))

// setattr probes for mount_setattr(2).
var setattr = answers("mount_setattr", func(s *script) call {
	return s.call("mount_setattr(-1, \"\", 0, NULL, 0)", unix.SYS_MOUNT_SETATTR, -1, s.String(""), 0, 0, 0)
}, unless(unix.ENOSYS))

func (s *script) openTree(text, path string, flags int) call {
	return s.call(text, unix.SYS_OPEN_TREE, unix.AT_FDCWD, s.String(path), flags)
}

// mountAttrSize is MOUNT_ATTR_SIZE_VER0 of linux/mount.h, in bytes.
const mountAttrSize = 32

var _ = suite.Describe("mnt", func() {
	suite.It(spec.Meta{
		ID: "mnt/open-tree", Level: spec.Must, Sources: []string{"MNT-016"},
		Clause: "open_tree(2) ERRORS: EINVAL for unknown flags, ENOENT for a missing path; a copy of a tree is attached nowhere",
		Needs:  append([]spec.Probe{mountCalls}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.openTree(`open_tree(AT_FDCWD, "/tmp", 1<<30)`, scratch, 1<<30).refused(unix.EINVAL)
		s.openTree(`open_tree(AT_FDCWD, "/tmp/none", 0)`, scratch+"/none", 0).refused(unix.ENOENT)
		before := s.read("/proc/self/mountinfo", 32<<10)
		s.openTree(`open_tree(AT_FDCWD, "/tmp", OPEN_TREE_CLONE)`, scratch, unix.OPEN_TREE_CLONE).succeeds()
		after := s.read("/proc/self/mountinfo", 32<<10)
		s.run(t)
		t.Equal(`open_tree(AT_FDCWD, "/tmp", OPEN_TREE_CLONE): mountinfo`, after.String(), before.String())
	})

	suite.It(spec.Meta{
		ID: "mnt/fsopen", Level: spec.Must, Sources: []string{"MNT-018"},
		Clause: "fsopen(2) ERRORS: ENODEV for an unknown file system, EINVAL for unknown flags, EPERM without CAP_SYS_ADMIN",
		Needs:  append([]spec.Probe{mountCalls, unprivileged}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		fsopen := func(s *script, text, kind string, flags int) call {
			return s.call(text, unix.SYS_FSOPEN, s.String(kind), flags)
		}
		s.wait(s.fork(0, func(s *script) {
			s.drop()
			fsopen(s, `fsopen("tmpfs", 0) without capabilities`, "tmpfs", 0).refused(unix.EPERM)
		}))
		s.own(unix.CLONE_NEWNS)
		fsopen(s, `fsopen("xtest", 0)`, "xtest", 0).refused(unix.ENODEV)
		fsopen(s, `fsopen("tmpfs", 1<<30)`, "tmpfs", 1<<30).refused(unix.EINVAL)
		fsopen(s, `fsopen("tmpfs", 0)`, "tmpfs", 0).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/idmap-errors", Level: spec.Must, Sources: []string{"MNT-017"},
		Clause: "mount_setattr(2) ERRORS: EBADF for a bad userns_fd, EINVAL for one that is no user namespace",
		Needs:  append([]spec.Probe{mountCalls, setattr}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		tree := s.openTree(`open_tree(AT_FDCWD, "/tmp", OPEN_TREE_CLONE)`, scratch, unix.OPEN_TREE_CLONE)
		s.Must()
		s.keep(s.open("/proc/self/ns/uts", unix.O_RDONLY))
		idmap := func(text string, fd uint64) call {
			attr := s.Buffer(mountAttrSize)
			*(*unix.MountAttr)(pointer(attr)) = unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: fd}
			return s.call("mount_setattr(tree, \"\", AT_EMPTY_PATH, {MOUNT_ATTR_IDMAP, "+text+"})", unix.SYS_MOUNT_SETATTR, tree, s.String(""), unix.AT_EMPTY_PATH, attr, mountAttrSize)
		}
		idmap("9999", 9999).refused(unix.EBADF)
		idmap("uts namespace", theFile).refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/pivot-root-busy", Level: spec.Must, Sources: []string{"MNT-030"},
		Clause: "pivot_root(2) ERRORS: EBUSY when put_old is on the current root mount",
		Needs:  mountNeeds,
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.call(`pivot_root("/tmp", "/")`, unix.SYS_PIVOT_ROOT, s.String(scratch), s.String("/")).refused(unix.EBUSY)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/parent-decides", Level: spec.Must, Sources: []string{"MNT-031", "MNT-028"},
		Clause: "mount_namespaces(7): a new mount is shared when its parent is, and private otherwise",
		Needs:  mountNeeds,
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		a := s.tmpfs("a")
		private := s.read("/proc/self/mountinfo", 32<<10)
		s.mount("none", scratch, "none", unix.MS_SHARED, "")
		b := s.tmpfs("b")
		shared := s.read("/proc/self/mountinfo", 32<<10)
		s.run(t)
		line := mountLine(private.String(), a)
		t.True("mount(tmpfs) under a private mount: mountinfo", line != "" && !strings.Contains(line, " shared:"), line, "no shared:N")
		line = mountLine(shared.String(), b)
		t.True("mount(tmpfs) under a shared mount: mountinfo", strings.Contains(line, " shared:"), line, "shared:N")
	})

	suite.It(spec.Meta{
		ID: "mnt/unbindable-shown", Level: spec.Must, Sources: []string{"MNT-028"},
		Clause: "proc(5) /proc/PID/mountinfo: the optional field unbindable for a mount that is",
		Needs:  append([]spec.Probe{unbindable}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		before := s.read("/proc/self/mountinfo", 32<<10)
		s.mount("none", scratch, "none", unix.MS_UNBINDABLE, "")
		after := s.read("/proc/self/mountinfo", 32<<10)
		s.run(t)
		line := mountLine(before.String(), scratch)
		t.True("before: mountinfo", line != "" && !strings.Contains(line, " unbindable"), line, "no unbindable")
		line = mountLine(after.String(), scratch)
		t.True("mount(MS_UNBINDABLE): mountinfo", strings.Contains(line, " unbindable "), line, "unbindable")
	})
})

// niceLimit probes for the usual limit, under which only a capability improves a priority.
var niceLimit = spec.Probe{Name: "RLIMIT_NICE of 0", Check: func() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NICE, &limit); err != nil {
		return err
	}
	if limit.Cur != 0 {
		return fmt.Errorf("RLIMIT_NICE is %d: anybody may improve their priority", limit.Cur)
	}
	return nil
}}

// mountRights probes for an ordinary user's right to mount a kind of file system in namespaces of
// their own: it is refused where parts of the machine's own are hidden.
func mountRights(kind string, flags uintptr) spec.Probe {
	return attempt("ordinary users mounting "+kind, func(s *script) {
		s.ordinary()
		s.unshare(unix.CLONE_NEWNS | flags)
		s.wait(s.fork(0, func(s *script) { s.mount("xtest", scratch, kind, 0, "") }))
	})
}

var _ = suite.Describe("user", func() {
	for _, c := range []struct {
		kind  string
		owner ns.Kind
	}{{"proc", ns.PID}, {"sysfs", ns.Net}} {
		suite.It(spec.Meta{
			ID: "user/mount-" + c.kind, Level: spec.Must, Sources: []string{"USR-013", "PID-025"},
			Clause: "user_namespaces(7): mounting " + c.kind + " takes CAP_SYS_ADMIN in the user namespace that owns the " + c.owner.Name + " namespace (EPERM)",
			Needs:  []spec.Probe{ordinaryUser, canMake(c.owner), mountRights(c.kind, c.owner.Flag)},
		}, func(t *spec.T) {
			s := newScript()
			s.ordinary()
			s.unshare(unix.CLONE_NEWNS)
			s.tryMount("xtest", scratch, c.kind, 0, "").refused(unix.EPERM)
			s.unshare(c.owner.Flag)
			s.wait(s.fork(0, func(s *script) { s.tryMount("xtest", scratch, c.kind, 0, "").succeeds() }))
			s.run(t)
		})
	}

	suite.It(spec.Meta{
		ID: "user/setpriority", Level: spec.Must, Sources: []string{"USR-019"},
		Clause: "setpriority(2) ERRORS, user_namespaces(7): root of a user namespace has no CAP_SYS_NICE where it counts: EACCES for a better priority",
		Needs:  []spec.Probe{ordinaryUser, niceLimit},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		s.call("setpriority(PRIO_PROCESS, 0, 19)", unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, 19).succeeds()
		s.call("setpriority(PRIO_PROCESS, 0, -20)", unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, -20).refused(unix.EACCES, unix.EPERM)
		s.run(t)
	})
})
