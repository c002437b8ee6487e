package namespaces

import (
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// shifted is the first of the IDs that root and those behind it are seen as through the mounts of
// these specs.
const shifted = 70000

// mapped gives the descriptor theFile of a user namespace whose IDs 0 to 9 are shifted ones outside.
func (s *script) mapped() {
	ready, done := s.event(), s.event()
	var proc, user call
	other := s.fork(unix.CLONE_FILES, func(s *script) {
		s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
		proc, user = s.open("/proc/self", unix.O_RDONLY|unix.O_DIRECTORY), s.open("/proc/self/ns/user", unix.O_RDONLY)
		s.signal(ready)
		s.await(done)
	})
	s.await(ready)
	for _, file := range []string{"uid_map", "gid_map"} {
		fd := s.must(fmt.Sprintf("openat(child's proc, %q, O_WRONLY)", file), unix.SYS_OPENAT, proc, s.String(file), unix.O_WRONLY, 0)
		text := fmt.Sprintf("0 %d 10\n", shifted)
		s.must(fmt.Sprintf("write(child's %s, %q)", file, text), unix.SYS_WRITE, fd, s.String(text), len(text))
	}
	s.signal(done)
	s.wait(other)
	s.keep(user)
}

// idmap adds a mount_setattr(2) that maps a mount by the user namespace in theFile.
func (s *script) idmap(text string, tree child.Arg, path string) call {
	attr := s.Buffer(mountAttrSize)
	*(*unix.MountAttr)(pointer(attr)) = unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: theFile}
	return s.call("mount_setattr("+text+", {MOUNT_ATTR_IDMAP})", unix.SYS_MOUNT_SETATTR, tree, s.String(path), unix.AT_EMPTY_PATH, attr, mountAttrSize)
}

// clonedTree adds a detached copy of a mount.
func (s *script) clonedTree(path string) call {
	return s.require(s.openTree(fmt.Sprintf("open_tree(AT_FDCWD, %q, OPEN_TREE_CLONE)", path), path, unix.OPEN_TREE_CLONE))
}

// idmaps probes for idmapped mounts of a file system: tmpfs since Linux 6.3, ext4 since 5.12.
func idmaps(name, path string) spec.Probe {
	return attempt("idmapped mounts of "+name, func(s *script) {
		s.own(unix.CLONE_NEWNS)
		s.mapped()
		if path == scratch {
			s.scratch()
		}
		s.require(s.idmap("tree, \"\", AT_EMPTY_PATH", s.clonedTree(path).Result, ""))
	})
}

// attach adds a move_mount(2) of a detached mount.
func (s *script) attach(tree call, path string, flags int) call {
	return s.call(fmt.Sprintf("move_mount(tree, \"\", AT_FDCWD, %q, MOVE_MOUNT_F_EMPTY_PATH|%#x)", path, flags), unix.SYS_MOVE_MOUNT,
		tree, s.String(""), unix.AT_FDCWD, s.String(path), unix.MOVE_MOUNT_F_EMPTY_PATH|flags)
}

// owner adds a statx(2) of a file below a descriptor and gives its user and group.
func (s *script) owner(dir child.Arg, path string) func() string {
	st := s.Buffer(256)
	s.must(fmt.Sprintf("statx(dir, %q, STATX_UID|STATX_GID)", path), unix.SYS_STATX, dir, s.String(path), unix.AT_SYMLINK_NOFOLLOW, unix.STATX_UID|unix.STATX_GID, st)
	return func() string {
		x := (*unix.Statx_t)(pointer(st))
		return fmt.Sprintf("%d:%d", x.Uid, x.Gid)
	}
}

var _ = suite.Describe("mnt", func() {
	idmapNeeds := append([]spec.Probe{spec.Root, mountCalls, setattr}, mountNeeds...)

	suite.It(spec.Meta{
		ID: "mnt/idmapped-root", Level: spec.Must, Sources: []string{"MNT-032"},
		Clause: "mount_setattr(2) MOUNT_ATTR_IDMAP: through the mount root's files belong to the ID that the user namespace maps root to",
		Needs:  append([]spec.Probe{idmaps("the root file system", "/")}, idmapNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.mapped()
		tree := s.clonedTree("/")
		before := s.owner(tree.Result, "proc")
		s.idmap("tree, \"\", AT_EMPTY_PATH", tree.Result, "").succeeds()
		after := s.owner(tree.Result, "proc")
		s.run(t)
		t.Equal("mount_setattr(tree, {MOUNT_ATTR_IDMAP}), stat(tree/proc): st_uid, st_gid", after(), fmt.Sprintf("%d:%[1]d", shifted))
		if before() != "0:0" {
			t.Broken("void: the folder belongs to %s before", before())
		}
	})

	suite.It(spec.Meta{
		ID: "mnt/idmapped-chown", Level: spec.Must, Sources: []string{"MNT-032"},
		Clause: "mount_setattr(2) MOUNT_ATTR_IDMAP: owners set through the mount are mapped back; an ID without mapping is refused (EOVERFLOW)",
		Needs:  append([]spec.Probe{idmaps("tmpfs", scratch)}, idmapNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.mapped()
		s.scratch()
		s.mkdir(scratch + "/a")
		s.mkdir(scratch + "/seen")
		tree := s.clonedTree(scratch)
		s.idmap("tree, \"\", AT_EMPTY_PATH", tree.Result, "").succeeds()
		s.attach(tree, scratch+"/seen", 0).succeeds()
		mapped := s.owner(unix.AT_FDCWD, scratch+"/seen/a")
		chown := func(id int) call {
			return s.call(fmt.Sprintf("chown(a through the mount, %d, %[1]d)", id), unix.SYS_FCHOWNAT, unix.AT_FDCWD, s.String(scratch+"/seen/a"), id, id, 0)
		}
		chown(shifted + 3).succeeds()
		disk := s.owner(unix.AT_FDCWD, scratch+"/a")
		through := s.owner(unix.AT_FDCWD, scratch+"/seen/a")
		chown(5).refused(unix.EOVERFLOW)
		s.call("mkdir through the mount by root, who has no ID there", unix.SYS_MKDIRAT, unix.AT_FDCWD, s.String(scratch+"/seen/b"), 0o755).refused(unix.EOVERFLOW)
		s.run(t)
		t.Equal("stat(a through the mount): st_uid, st_gid", mapped(), fmt.Sprintf("%d:%[1]d", shifted))
		t.Equal(fmt.Sprintf("chown(a through the mount, %d), stat(a)", shifted+3), disk(), "3:3")
		t.Equal(fmt.Sprintf("chown(a through the mount, %d), stat(a through the mount)", shifted+3), through(), fmt.Sprintf("%d:%[1]d", shifted+3))
	})

	suite.It(spec.Meta{
		ID: "mnt/idmapped-again", Level: spec.Must, Sources: []string{"MNT-033"},
		Clause: "mount_setattr(2) ERRORS: EPERM for a mount that is idmapped already, EINVAL for one that is attached, EPERM for the initial user namespace",
		Needs:  append([]spec.Probe{idmaps("the root file system", "/")}, idmapNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.mapped()
		tree := s.clonedTree("/")
		s.idmap("tree, \"\", AT_EMPTY_PATH", tree.Result, "").succeeds()
		s.idmap("idmapped tree, \"\", AT_EMPTY_PATH", tree.Result, "").refused(unix.EPERM)
		s.idmap("AT_FDCWD, attached", unix.AT_FDCWD, "/").refused(unix.EINVAL)
		if inInitial("user") {
			s.keep(s.open("/proc/self/ns/user", unix.O_RDONLY))
			s.idmap("tree, initial user namespace", s.clonedTree("/").Result, "").refused(unix.EPERM)
		}
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/move-beneath", Level: spec.Must, Sources: []string{"MNT-034"},
		Clause: "move_mount(2) MOVE_MOUNT_BENEATH: the mount goes under the topmost one, whose removal shows it",
		Needs:  append([]spec.Probe{mountCalls, beneath}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		top, below := s.tmpfs("a"), s.tmpfs("b")
		s.mkdir(top + "/top")
		s.mkdir(below + "/below")
		s.attach(s.clonedTree(below), top, ns.MoveMountBeneath).succeeds()
		s.access(top + "/top").succeeds()
		s.access(top + "/below").refused(unix.ENOENT)
		s.umount(top, 0).succeeds()
		s.access(top + "/below").succeeds()
		s.access(top + "/top").refused(unix.ENOENT)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/move-beneath-errors", Level: spec.Must, Sources: []string{"MNT-034"},
		Clause: "move_mount(2) ERRORS: EINVAL for MOVE_MOUNT_BENEATH the root of the mount namespace, where nothing is mounted, or together with MOVE_MOUNT_SET_GROUP",
		Needs:  append([]spec.Probe{mountCalls, beneath}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		top, below := s.tmpfs("a"), s.tmpfs("b")
		s.mkdir(scratch + "/plain")
		tree := s.clonedTree(below)
		s.attach(tree, scratch+"/plain", ns.MoveMountBeneath).refused(unix.EINVAL)
		s.attach(tree, top, ns.MoveMountBeneath|unix.MOVE_MOUNT_SET_GROUP).refused(unix.EINVAL)
		s.attach(tree, "/", ns.MoveMountBeneath).known("EINVAL (move_mount(2)), success (since Linux 7.1 the root can be mounted beneath)", unix.EINVAL, 0)
		s.run(t)
	})
})

// beneath probes for MOVE_MOUNT_BENEATH.
var beneath = attempt("MOVE_MOUNT_BENEATH", func(s *script) {
	s.own(unix.CLONE_NEWNS)
	s.scratch()
	top, below := s.tmpfs("a"), s.tmpfs("b")
	s.require(s.attach(s.clonedTree(below), top, ns.MoveMountBeneath))
})
