package namespaces

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// mountID adds a statx(2) and gives the mount's unique number.
func (s *script) mountID(path string) child.Buffer {
	st := s.Buffer(256)
	s.must(fmt.Sprintf("statx(%q, STATX_MNT_ID_UNIQUE)", path), unix.SYS_STATX, unix.AT_FDCWD, s.String(path), 0, unix.STATX_MNT_ID_UNIQUE, st)
	return st
}

func number(st child.Buffer) uint64 { return (*unix.Statx_t)(pointer(st)).Mnt_id }

// mountRequest gives a struct mnt_id_req whose mount is the one of an earlier statx(2).
func (s *script) mountRequest(of child.Buffer, r ns.MountRequest) child.Buffer {
	b := s.bytes(r.Bytes())
	if of.Bytes != nil {
		memory := s.must(`memfd_create("x", 0)`, unix.SYS_MEMFD_CREATE, s.String("x"), 0)
		// stx_mnt_id is at byte 0x90 of struct statx (linux/stat.h).
		s.must("write(memfd, &st.stx_mnt_id, 8)", unix.SYS_WRITE, memory, address(of)+0x90, 8)
		s.must("pread(memfd, &request.mnt_id, 8, 0)", unix.SYS_PREAD64, memory, address(b)+8, 8, 0)
	}
	return b
}

// statmount adds a statmount(2).
func (s *script) statmount(text string, request child.Buffer, flags int) (call, child.Buffer) {
	b := s.Buffer(4096)
	return s.call("statmount("+text+")", unix.SYS_STATMOUNT, request, b, 4096, flags), b
}

// listmount adds a listmount(2).
func (s *script) listmount(text string, request child.Buffer, n, flags int) listed {
	into := s.Buffer(8 * n)
	return listed{s.call("listmount("+text+")", unix.SYS_LISTMOUNT, request, into, n, flags), into}
}

// statmounts probes for statmount(2) and listmount(2).
var statmounts = answers("statmount", func(s *script) call {
	return s.call("statmount(NULL, NULL, 0, 0)", unix.SYS_STATMOUNT, 0, 0, 0, 0)
}, unless(unix.ENOSYS))

// mountByNamespace probes for the field that names a mount namespace, since Linux 6.11.
var mountByNamespace = attempt("listmount of a mount namespace", func(s *script) {
	s.own(unix.CLONE_NEWNS)
	id := s.Buffer(8)
	s.must("ioctl(mnt, NS_GET_MNTNS_ID, &id)", unix.SYS_IOCTL, s.open("/proc/self/ns/mnt", unix.O_RDONLY), unix.NS_GET_MNTNS_ID, id)
	l := s.listmount("{LSMT_ROOT}, ids, 8, 0", s.bytes(ns.MountRequest{Mount: ns.ListRoot}.Bytes()), 8, 0)
	s.require(l.call)
})

// text in what statmount(2) gave: the offset of a string is at byte at, strings start at 512.
func statmountText(b child.Buffer, at int) string {
	start := 512 + int(binary.NativeEndian.Uint32(b.Bytes[at:]))
	if start >= len(b.Bytes) {
		return ""
	}
	return name(child.Buffer{Bytes: b.Bytes[start:]})
}

var _ = suite.Describe("mnt", func() {
	needs := append([]spec.Probe{statmounts}, mountNeeds...)

	suite.It(spec.Meta{
		ID: "mnt/listmount", Level: spec.Must, Sources: []string{"MNT-013"},
		Clause: "listmount(2): the numbers of the mounts below one, in ascending order or with LISTMOUNT_REVERSE in descending",
		Needs:  needs,
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		a := s.mountID(s.tmpfs("a"))
		b := s.mountID(s.tmpfs("b"))
		request := s.mountRequest(s.mountID(scratch), ns.MountRequest{})
		up := s.listmount("{tmpfs}, ids, 8, 0", request, 8, 0)
		up.gives(2)
		down := s.listmount("{tmpfs}, ids, 8, LISTMOUNT_REVERSE", request, 8, 1)
		down.known("success (since Linux 6.11), EINVAL (before)", 0, unix.EINVAL)
		one := s.listmount("{tmpfs}, ids, 1, 0", request, 1, 0)
		one.gives(1)
		s.run(t)
		want := []uint64{number(a), number(b)}
		slices.Sort(want)
		t.Equal(up.text, fmt.Sprint(up.ids()), fmt.Sprint(want))
		t.Equal(one.text, fmt.Sprint(one.ids()), fmt.Sprint(want[:1]))
		if down.Err() == nil {
			slices.Reverse(want)
			t.Equal(down.text, fmt.Sprint(down.ids()), fmt.Sprint(want))
		}
	})

	suite.It(spec.Meta{
		ID: "mnt/listmount-errors", Level: spec.Must, Sources: []string{"MNT-013"},
		Clause: "listmount(2) ERRORS: EINVAL for a request that is too small, an ID below the unique ones and unknown flags, ENOENT for no mount, EFAULT for a bad address",
		Needs:  needs,
	}, func(t *spec.T) {
		s := newScript()
		own := s.mountID("/")
		request := s.mountRequest(own, ns.MountRequest{})
		list := func(text string, r ns.MountRequest) call {
			return s.listmount(text, s.bytes(r.Bytes()), 8, 0).call
		}
		list("{.size = 16}, ids, 8, 0", ns.MountRequest{Size: 16, Mount: 1 << 40}).refused(unix.EINVAL)
		list("{.mnt_id = 1}, ids, 8, 0", ns.MountRequest{Mount: 1}).refused(unix.EINVAL)
		list("{.mnt_id = 1 << 60}, ids, 8, 0", ns.MountRequest{Mount: 1 << 60}).refused(unix.ENOENT)
		s.listmount("{own}, ids, 8, 1 << 30", request, 8, 1<<30).refused(unix.EINVAL)
		s.call("listmount(-1, ids, 8, 0)", unix.SYS_LISTMOUNT, -1, s.Buffer(64), 8, 0).refused(unix.EFAULT)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "mnt/statmount", Level: spec.Must, Sources: []string{"MNT-014"},
		Clause: "statmount(2): kind of file system, mount point and parent of a mount; what was not asked for is not filled",
		Needs:  needs,
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		a := s.mountID(s.tmpfs("a"))
		outer := s.mountID(scratch)
		const mask = ns.StatMountBasic | ns.StatMountPoint | ns.StatMountKind
		c, b := s.statmount("{a, STATMOUNT_MNT_BASIC|STATMOUNT_MNT_POINT|STATMOUNT_FS_TYPE}, &st, 4096, 0", s.mountRequest(a, ns.MountRequest{Param: mask}), 0)
		c.succeeds()
		nothing, empty := s.statmount("{a, 0}, &st, 4096, 0", s.mountRequest(a, ns.MountRequest{}), 0)
		nothing.succeeds()
		s.run(t)
		word := func(b child.Buffer, at int) uint64 { return binary.NativeEndian.Uint64(b.Bytes[at:]) }
		t.Equal(c.text+": mask", word(b, 8)&mask, uint64(mask))
		t.Equal(c.text+": fs_type", statmountText(b, 36), "tmpfs")
		t.Equal(c.text+": mnt_point", statmountText(b, 108), scratch+"/a")
		t.Equal(c.text+": mnt_id, mnt_parent_id", fmt.Sprint(word(b, 40), word(b, 48)), fmt.Sprint(number(a), number(outer)))
		t.Equal(nothing.text+": mask", word(empty, 8), uint64(0))
	})

	suite.It(spec.Meta{
		ID: "mnt/statmount-errors", Level: spec.Must, Sources: []string{"MNT-014"},
		Clause: "statmount(2) ERRORS: ENOENT for no mount, EOVERFLOW when the strings do not fit, EFAULT for a bad address, EINVAL for unknown flags",
		Needs:  needs,
	}, func(t *spec.T) {
		s := newScript()
		own := s.mountRequest(s.mountID("/"), ns.MountRequest{Param: ns.StatMountKind})
		none, _ := s.statmount("{.mnt_id = 1 << 60}, &st, 4096, 0", s.bytes(ns.MountRequest{Mount: 1 << 60}.Bytes()), 0)
		none.refused(unix.ENOENT)
		s.call("statmount({/, STATMOUNT_FS_TYPE}, &st, 513, 0)", unix.SYS_STATMOUNT, own, s.Buffer(513), 513, 0).refused(unix.EOVERFLOW)
		s.call("statmount({/, STATMOUNT_FS_TYPE}, 4096, 4096, 0)", unix.SYS_STATMOUNT, own, 4096, 4096, 0).refused(unix.EFAULT)
		s.call("statmount(-1, &st, 4096, 0)", unix.SYS_STATMOUNT, -1, s.Buffer(4096), 4096, 0).refused(unix.EFAULT)
		flags, _ := s.statmount("{/, STATMOUNT_FS_TYPE}, &st, 4096, 1 << 30", own, 1<<30)
		flags.refused(unix.EINVAL)
		s.run(t)
	})

	isolates(spec.Meta{
		ID: "mnt/listmount-isolated", Level: spec.Must, Sources: []string{"MNT-001", "MNT-013"},
		Clause: "listmount(2): lists the caller's mount namespace; mounts of another are not found by their number (ENOENT)",
		Needs:  []spec.Probe{mounts, statmounts},
	}, ns.Mount, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		ready, done := s.event(), s.event()
		var a child.Buffer
		other := s.fork(flags, func(s *script) {
			a = s.mountID(s.tmpfs("a"))
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		c, _ := s.statmount("{inner mount, STATMOUNT_FS_TYPE}, &st, 4096, 0", s.mountRequest(a, ns.MountRequest{Param: ns.StatMountKind}), 0)
		s.signal(done)
		s.wait(other)
		s.run(t)
		return seen("mount(tmpfs) inside, then outside "+c.text, c, unix.ENOENT, t)
	})

	suite.It(spec.Meta{
		ID: "mnt/statmount-of-namespace", Level: spec.Must, Sources: []string{"MNT-013", "MNT-014", "MNT-026"},
		Clause: "statmount(2), listmount(2) mnt_ns_id: ask about a mount namespace that the caller's user namespace owns; one without the right gets EPERM, or ENOENT before Linux 7.0",
		Needs:  append([]spec.Probe{mountByNamespace, mountIDs, userNS}, needs...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		ready, done := s.event(), s.event()
		var a, id child.Buffer
		other := s.fork(unix.CLONE_NEWNS, func(s *script) {
			a, id = s.mountID(s.tmpfs("a")), s.Buffer(8)
			s.must("ioctl(mnt, NS_GET_MNTNS_ID, &id)", unix.SYS_IOCTL, s.open("/proc/self/ns/mnt", unix.O_RDONLY), unix.NS_GET_MNTNS_ID, id)
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		of := func(s *script, r ns.MountRequest, mount child.Buffer) child.Buffer {
			b := s.mountRequest(mount, r)
			memory := s.must(`memfd_create("x", 0)`, unix.SYS_MEMFD_CREATE, s.String("x"), 0)
			s.must("write(memfd, &id, 8)", unix.SYS_WRITE, memory, id, 8)
			s.must("pread(memfd, &request.mnt_ns_id, 8, 0)", unix.SYS_PREAD64, memory, address(b)+24, 8, 0)
			return b
		}
		theirs, b := s.statmount("{a, STATMOUNT_FS_TYPE, other namespace}, &st, 4096, 0", of(s, ns.MountRequest{Param: ns.StatMountKind}, a), 0)
		theirs.succeeds()
		l := s.listmount("{LSMT_ROOT, other namespace}, ids, 512, 0", of(s, ns.MountRequest{Mount: ns.ListRoot}, child.Buffer{}), 512, 0)
		l.succeeds()
		s.wait(s.fork(0, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			refused, _ := s.statmount("{a, other namespace}, &st, 4096, 0 from a user namespace below", of(s, ns.MountRequest{Param: ns.StatMountKind}, a), 0)
			refused.refused(unix.EPERM, unix.ENOENT)
			s.listmount("{LSMT_ROOT, other namespace}, ids, 8, 0 from a user namespace below", of(s, ns.MountRequest{Mount: ns.ListRoot}, child.Buffer{}), 8, 0).refused(unix.EPERM, unix.ENOENT)
		}))
		s.signal(done)
		s.wait(other)
		s.run(t)
		t.Equal(theirs.text+": fs_type", statmountText(b, 36), "tmpfs")
		t.Equal(l.text+": the mount made there", has64(l.ids(), number(a)), "listed")
	})

	suite.It(spec.Meta{
		ID: "mnt/statmount-detached", Level: spec.Must, Sources: []string{"MNT-027"},
		Clause: "linux/mount.h STATMOUNT_BY_FD: tells of the mount of a descriptor, also of one that was detached",
		Needs:  append([]spec.Probe{statmountByFD}, needs...),
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.tmpfs("a")
		s.keep(s.open(scratch+"/a", unix.O_RDONLY))
		s.umount(scratch+"/a", unix.MNT_DETACH).succeeds()
		c, b := s.statmount("{.mnt_fd = detached, STATMOUNT_FS_TYPE}, &st, 4096, STATMOUNT_BY_FD", s.bytes(ns.MountRequest{FD: theFile, Param: ns.StatMountKind}.Bytes()), 1)
		c.succeeds()
		bad, _ := s.statmount("{.mnt_fd = 9999}, &st, 4096, STATMOUNT_BY_FD", s.bytes(ns.MountRequest{FD: 9999, Param: ns.StatMountKind}.Bytes()), 1)
		bad.refused(unix.EBADF)
		s.run(t)
		t.Equal(c.text+": fs_type", statmountText(b, 36), "tmpfs")
	})
})

// statmountByFD probes for STATMOUNT_BY_FD, since Linux 7.0.
var statmountByFD = answers("STATMOUNT_BY_FD", func(s *script) call {
	s.keep(s.open("/", unix.O_RDONLY))
	c, _ := s.statmount("{.mnt_fd = /}, &st, 4096, STATMOUNT_BY_FD", s.bytes(ns.MountRequest{FD: theFile}.Bytes()), 1)
	return c
}, unless(unix.ENOSYS, unix.EINVAL))
