package namespaces

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// treeNamespace probes for OPEN_TREE_NAMESPACE: other kernels refuse the flag.
var treeNamespace = answers("OPEN_TREE_NAMESPACE", func(s *script) call {
	s.own(unix.CLONE_NEWNS)
	return s.openTree(`open_tree(AT_FDCWD, "/", OPEN_TREE_NAMESPACE)`, "/", ns.OpenTreeNamespace)
}, unless(unix.EINVAL, unix.ENOSYS))

// emptyMounts probes for UNSHARE_EMPTY_MNTNS.
var emptyMounts = answers("UNSHARE_EMPTY_MNTNS", func(s *script) call {
	s.own(unix.CLONE_NEWNS)
	return s.call("unshare(UNSHARE_EMPTY_MNTNS)", unix.SYS_UNSHARE, ns.UnshareEmptyMounts)
}, unless(unix.EINVAL, unix.ENOSYS))

// newTmpfs adds what makes a tmpfs that is mounted nowhere, up to its fsmount(2).
func (s *script) newTmpfs(flags int) call {
	fs := s.must(`fsopen("tmpfs", 0)`, unix.SYS_FSOPEN, s.String("tmpfs"), 0)
	s.must("fsconfig(fs, FSCONFIG_CMD_CREATE)", unix.SYS_FSCONFIG, fs, unix.FSCONFIG_CMD_CREATE, 0, 0, 0)
	return s.call("fsmount(tmpfs, flags, 0)", unix.SYS_FSMOUNT, fs, flags, 0)
}

// fsmountNamespace probes for FSMOUNT_NAMESPACE.
var fsmountNamespace = answers("FSMOUNT_NAMESPACE", func(s *script) call {
	s.own(unix.CLONE_NEWNS)
	return s.newTmpfs(ns.FsmountNamespace)
}, unless(unix.EINVAL, unix.ENOSYS))

// countMounts adds a listmount(2) of the caller's namespace.
func (s *script) countMounts(text string) listed {
	return s.listmount("{LSMT_ROOT}, ids, 512, 0: "+text, s.bytes(ns.MountRequest{Mount: ns.ListRoot}.Bytes()), 512, 0)
}

var _ = suite.Describe("mnt", func() {
	suite.It(spec.Meta{
		ID: "mnt/open-tree-namespace", Level: spec.Must, Sources: []string{"MNT-019"},
		Clause: "linux/mount.h OPEN_TREE_NAMESPACE: open_tree(2) gives a new mount namespace with a copy of the tree, which can be joined and asked for its number",
		Needs:  append([]spec.Probe{treeNamespace, mountIDs}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.mkdir(scratch + "/inside")
		own, other := s.Buffer(8), s.Buffer(8)
		fd := s.openTree(`open_tree(AT_FDCWD, "/tmp", OPEN_TREE_NAMESPACE)`, scratch, ns.OpenTreeNamespace)
		fd.succeeds()
		s.ioctl("ioctl(own mnt, NS_GET_MNTNS_ID, &id)", s.open("/proc/self/ns/mnt", unix.O_RDONLY).Result, unix.NS_GET_MNTNS_ID, own).succeeds()
		s.ioctl("ioctl(tree, NS_GET_MNTNS_ID, &id)", fd.Result, unix.NS_GET_MNTNS_ID, other).succeeds()
		s.setns("setns(tree, CLONE_NEWNS)", fd, unix.CLONE_NEWNS).succeeds()
		s.access("/inside").succeeds()
		s.access("/proc/self").refused(unix.ENOENT)
		s.run(t)
		a, b := binary.NativeEndian.Uint64(own.Bytes), binary.NativeEndian.Uint64(other.Bytes)
		t.True("ioctl(tree, NS_GET_MNTNS_ID, &id)", a != b && b != 0, "the caller's own", "another namespace's")
	})

	suite.It(spec.Meta{
		ID: "mnt/open-tree-namespace-rights", Level: spec.Must, Sources: []string{"MNT-021", "MNT-024"},
		Clause: "fs/namespace.c open_tree OPEN_TREE_NAMESPACE: EPERM without CAP_SYS_ADMIN; a tree that starts at no folder is refused (ENOTDIR)",
		Needs:  append([]spec.Probe{treeNamespace, unprivileged}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.open(scratch+"/file", unix.O_CREAT|unix.O_RDWR)
		s.openTree(`open_tree(AT_FDCWD, file, OPEN_TREE_NAMESPACE)`, scratch+"/file", ns.OpenTreeNamespace).
			known("ENOTDIR (since Linux 7.1-rc8, 805d5a2b7928), EINVAL (the flag's first mask), success (Linux 7.0)", unix.ENOTDIR, unix.EINVAL, 0)
		s.must("capset(hdr, {0})", unix.SYS_CAPSET, s.bytes(ns.CapabilityHeader()), s.Buffer(ns.CapabilitySets))
		s.openTree(`open_tree(AT_FDCWD, "/", OPEN_TREE_NAMESPACE) without capabilities`, "/", ns.OpenTreeNamespace).refused(unix.EPERM)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/open-tree-namespace-locked", Level: spec.Must, Sources: []string{"MNT-022"},
		Clause: "mount_namespaces(7) Restrictions on mount namespaces, fs/namespace.c: the mounts that OPEN_TREE_NAMESPACE copies from a more privileged namespace are locked (EINVAL)",
		Needs:  append([]spec.Probe{treeNamespace, userNS}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.tmpfs("a")
		s.wait(s.fork(0, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			fd := s.openTree(`open_tree(AT_FDCWD, "/tmp", OPEN_TREE_NAMESPACE|AT_RECURSIVE)`, scratch, ns.OpenTreeNamespace|unix.AT_RECURSIVE)
			fd.succeeds()
			s.setns("setns(tree, CLONE_NEWNS)", fd, unix.CLONE_NEWNS).succeeds()
			s.umount("/a", unix.MNT_DETACH).refused(unix.EINVAL)
		}))
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/fsmount-namespace", Level: spec.Must, Sources: []string{"MNT-023"},
		Clause: "linux/mount.h FSMOUNT_NAMESPACE: fsmount(2) gives a new mount namespace whose root is the new file system",
		Needs:  append([]spec.Probe{fsmountNamespace, statmounts}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		fd := s.newTmpfs(ns.FsmountNamespace)
		fd.succeeds()
		s.setns("setns(tmpfs, CLONE_NEWNS)", fd, unix.CLONE_NEWNS).succeeds()
		c, b := s.statmount("{/, STATMOUNT_FS_TYPE}, &st, 4096, 0", s.mountRequest(s.mountID("/"), ns.MountRequest{Param: ns.StatMountKind}), 0)
		c.succeeds()
		s.must(`mkdir("/a")`, unix.SYS_MKDIRAT, unix.AT_FDCWD, s.String("/a"), 0o755)
		s.run(t)
		t.Equal(c.text+": fs_type", statmountText(b, 36), "tmpfs")
	})

	suite.It(spec.Meta{
		ID: "mnt/covered-stays-covered", Level: spec.Must, Sources: []string{"MNT-025"},
		Clause: "mount_namespaces(7) Restrictions on mount namespaces: what a locked mount covers stays covered, also when the namespace goes while a descriptor is open",
		Needs:  append([]spec.Probe{userNS}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.mkdir(scratch + "/a")
		s.mkdir(scratch + "/a/hidden")
		hidden := func(s *script, text string, dir call) call {
			return s.call(text, unix.SYS_FACCESSAT, dir, s.String("a/hidden"), 0)
		}
		hidden(s, "access of the folder before it is covered", s.open(scratch, unix.O_RDONLY)).succeeds()
		s.mount("xtest", scratch+"/a", "tmpfs", 0, "")
		s.wait(s.fork(unix.CLONE_NEWUSER|unix.CLONE_NEWNS, func(s *script) {
			dir := s.open(scratch, unix.O_RDONLY)
			hidden(s, "access of what the mount covers", dir).refused(unix.ENOENT)
			s.must("unshare(CLONE_NEWNS)", unix.SYS_UNSHARE, unix.CLONE_NEWNS) // the namespace goes
			hidden(s, "access of what the mount covered, in a namespace that is gone", dir).refused(unix.ENOENT)
		}))
		s.run(t)
	})
})

var _ = suite.Describe("unshare", func() {
	suite.It(spec.Meta{
		ID: "unshare/empty-mounts", Level: spec.Must, Sources: []string{"UNS-013"},
		Clause: "linux/sched.h UNSHARE_EMPTY_MNTNS: a mount namespace with one mount, of nullfs, which is root and working directory; EPERM without CAP_SYS_ADMIN",
		Needs:  append([]spec.Probe{emptyMounts, statmounts}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.must(`chdir("/tmp")`, unix.SYS_CHDIR, s.String(scratch))
		s.wait(s.fork(0, func(s *script) {
			s.must("capset(hdr, {0})", unix.SYS_CAPSET, s.bytes(ns.CapabilityHeader()), s.Buffer(ns.CapabilitySets))
			s.call("unshare(UNSHARE_EMPTY_MNTNS) without capabilities", unix.SYS_UNSHARE, ns.UnshareEmptyMounts).refused(unix.EPERM)
		}))
		before := s.countMounts("before")
		s.call("unshare(UNSHARE_EMPTY_MNTNS)", unix.SYS_UNSHARE, ns.UnshareEmptyMounts).succeeds()
		s.countMounts("behind it").gives(1)
		root, cwd := s.mountID("/"), s.mountID(".")
		c, b := s.statmount("{/, STATMOUNT_FS_TYPE}, &st, 4096, 0", s.mountRequest(root, ns.MountRequest{Param: ns.StatMountKind}), 0)
		c.succeeds()
		s.run(t)
		t.Equal("unshare(UNSHARE_EMPTY_MNTNS): mount of the working directory", number(cwd), number(root))
		t.Equal(c.text+": fs_type", statmountText(b, 36), "nullfs")
		if before.Value() < 2 {
			t.Broken("void: there was one mount before, too")
		}
	})

	suite.It(spec.Meta{
		ID: "unshare/empty-mounts-filled", Level: spec.Must, Sources: []string{"UNS-014"},
		Clause: "linux/sched.h UNSHARE_EMPTY_MNTNS: nothing can be made in the empty root (ENOENT); a file system can be mounted over it and entered",
		Needs:  append([]spec.Probe{emptyMounts, statmounts}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.call("unshare(UNSHARE_EMPTY_MNTNS)", unix.SYS_UNSHARE, ns.UnshareEmptyMounts).succeeds()
		s.call(`open("/file", O_CREAT|O_RDWR)`, unix.SYS_OPENAT, unix.AT_FDCWD, s.String("/file"), unix.O_CREAT|unix.O_RDWR, 0o600).refused(unix.ENOENT)
		fd := s.newTmpfs(0)
		fd.succeeds()
		s.call(`move_mount(tmpfs, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH)`, unix.SYS_MOVE_MOUNT, fd, s.String(""), unix.AT_FDCWD, s.String("/"), unix.MOVE_MOUNT_F_EMPTY_PATH).succeeds()
		s.must("fchdir(tmpfs)", unix.SYS_FCHDIR, fd)
		s.must(`chroot(".")`, unix.SYS_CHROOT, s.String("."))
		s.call(`open("/file", O_CREAT|O_RDWR) in the tmpfs`, unix.SYS_OPENAT, unix.AT_FDCWD, s.String("/file"), unix.O_CREAT|unix.O_RDWR, 0o600).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "unshare/empty-mounts-again", Level: spec.Must, Sources: []string{"UNS-015"},
		Clause: "linux/sched.h UNSHARE_EMPTY_MNTNS: each call gives another root mount",
		Needs:  append([]spec.Probe{emptyMounts, statmounts}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.call("unshare(UNSHARE_EMPTY_MNTNS)", unix.SYS_UNSHARE, ns.UnshareEmptyMounts).succeeds()
		first := s.mountID("/")
		s.call("unshare(UNSHARE_EMPTY_MNTNS) again", unix.SYS_UNSHARE, ns.UnshareEmptyMounts).succeeds()
		s.countMounts("behind the second").gives(1)
		second := s.mountID("/")
		s.run(t)
		t.True("unshare(UNSHARE_EMPTY_MNTNS) twice: the root mount's number", number(first) != number(second), "the same", "another")
	})
})

var _ = suite.Describe("clone", func() {
	suite.It(spec.Meta{
		ID: "clone/empty-mounts", Level: spec.Must, Sources: []string{"CLN-018"},
		Clause: "linux/sched.h CLONE_EMPTY_MNTNS: the child is in a mount namespace with one mount, the caller stays",
		Needs:  append([]spec.Probe{statmounts, knowsClone3("CLONE_EMPTY_MNTNS", child3(unix.CLONE_EMPTY_MNTNS))}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		before := s.countMounts("before")
		var id, own child.Buffer
		s.wait(s.mustFork3("clone3({CLONE_EMPTY_MNTNS})", child3(unix.CLONE_EMPTY_MNTNS), func(s *script) {
			s.countMounts("in the child").gives(1)
			id = s.mountID("/")
		}))
		own = s.mountID("/")
		after := s.countMounts("of the caller")
		s.run(t)
		t.Equal(after.text, after.Value(), before.Value())
		t.True("clone3({CLONE_EMPTY_MNTNS}): the child's root mount", number(id) != number(own), "the caller's", "one of its own")
	})
})
