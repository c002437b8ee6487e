package namespaces

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// unmapped makes an ordinary user's process a member of a new user namespace without any mapping.
func (s *script) unmapped() {
	s.drop()
	s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
}

var _ = suite.Describe("user", func() {
	suite.It(spec.Meta{
		ID: "user/unshare-moves", Level: spec.Must,
		Clause: "unshare(2) CLONE_NEWUSER: a caller that is not refused is in another user namespace, whatever it was allowed before",
		Needs:  []spec.Probe{exists("/proc/self/ns/user")},
	}, func(t *spec.T) {
		// It asks no probe that makes user namespaces: one that only seems to come about would be their reason.
		s := newScript()
		before := s.readlink("/proc/self/ns/user")
		moved := s.call("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
		after := s.readlink("/proc/self/ns/user")
		s.run(t)
		if err := moved.Err(); err != nil {
			t.NotApplicable("unshare(CLONE_NEWUSER): %s", spec.ErrnoName(err))
		}
		t.True("readlink(/proc/self/ns/user)", before.String() != after.String(), "as before: "+after.String(), "another namespace")
	})

	suite.It(spec.Meta{
		ID: "user/unmapped-ids", Level: spec.Must, Sources: []string{"USR-001", "USR-022"},
		Clause: "user_namespaces(7) Unmapped user and group IDs: getuid(2) and getgid(2) give the overflow IDs",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		s := newScript()
		uid, gid := s.read("/proc/sys/kernel/overflowuid", 16), s.read("/proc/sys/kernel/overflowgid", 16)
		s.unmapped()
		got, group := s.call("getuid()", unix.SYS_GETUID), s.call("getgid()", unix.SYS_GETGID)
		// The control: nobody has the overflow ID outside as well, root of the next one does not.
		s.mapRoot(ids())
		s.call("getuid() behind the mapping to 0", unix.SYS_GETUID).gives(0)
		s.call("getgid() behind the mapping to 0", unix.SYS_GETGID).gives(0)
		s.run(t)
		t.Equal("unshare(CLONE_NEWUSER), getuid()", strconv.Itoa(got.Value()), strings.TrimSpace(uid.String()))
		t.Equal("unshare(CLONE_NEWUSER), getgid()", strconv.Itoa(group.Value()), strings.TrimSpace(gid.String()))
	})

	suite.It(spec.Meta{
		ID: "user/creator-has-all-capabilities", Level: spec.Must, Sources: []string{"USR-001"},
		Clause: "user_namespaces(7) Capabilities: the process that made a user namespace has a full set of capabilities in it",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		s := newScript()
		last := s.read("/proc/sys/kernel/cap_last_cap", 16)
		before, after := s.Buffer(ns.CapabilitySets), s.Buffer(ns.CapabilitySets)
		s.drop()
		s.must("capget(hdr, data)", unix.SYS_CAPGET, s.bytes(ns.CapabilityHeader()), before)
		s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
		s.must("capget(hdr, data)", unix.SYS_CAPGET, s.bytes(ns.CapabilityHeader()), after)
		s.run(t)
		n, err := strconv.Atoi(strings.TrimSpace(last.String()))
		t.Setup("reading cap_last_cap", err)
		if had := ns.Effective(before.Bytes); had != 0 {
			t.Broken("void: the process has capabilities %#x before", had)
		}
		t.Equal("unshare(CLONE_NEWUSER), capget(hdr, data): effective set", fmt.Sprintf("%#x", ns.Effective(after.Bytes)), fmt.Sprintf("%#x", uint64(1)<<(n+1)-1))
	})

	suite.It(spec.Meta{
		ID: "user/initial-map", Level: spec.Must, Sources: []string{"USR-002"},
		Clause: "user_namespaces(7): the initial namespace's maps are the identity over all IDs, 0 0 4294967295",
	}, func(t *spec.T) {
		if !inInitial("user") {
			t.NotApplicable("this process is not in the initial user namespace")
		}
		s := newScript()
		uid, gid := s.read("/proc/self/uid_map", 128), s.read("/proc/self/gid_map", 128)
		s.run(t)
		t.Equal(`read("/proc/self/uid_map")`, strings.Join(strings.Fields(uid.String()), " "), "0 0 4294967295")
		t.Equal(`read("/proc/self/gid_map")`, strings.Join(strings.Fields(gid.String()), " "), "0 0 4294967295")
	})

	suite.It(spec.Meta{
		ID: "user/unmapped-owner", Level: spec.Must, Sources: []string{"USR-017"},
		Clause: "user_namespaces(7) Unmapped user and group IDs: stat(2) of a file whose owner is not mapped gives the overflow IDs",
		Needs:  []spec.Probe{userNS, mountNS, mounts},
	}, func(t *spec.T) {
		s := newScript()
		overflow := s.read("/proc/sys/kernel/overflowuid", 16)
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		before, after := s.Buffer(256), s.Buffer(256)
		s.must(`statx("/tmp")`, unix.SYS_STATX, unix.AT_FDCWD, s.String(scratch), 0, unix.STATX_UID, before)
		s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
		s.must(`statx("/tmp")`, unix.SYS_STATX, unix.AT_FDCWD, s.String(scratch), 0, unix.STATX_UID, after)
		s.run(t)
		if uid := (*unix.Statx_t)(pointer(before)).Uid; uid != 0 {
			t.Broken("the new tmpfs belongs to user %d", uid)
		}
		t.Equal(`unshare(CLONE_NEWUSER), stat("/tmp", &st): st_uid`, fmt.Sprint((*unix.Statx_t)(pointer(after)).Uid), strings.TrimSpace(overflow.String()))
	})

	suite.It(spec.Meta{
		ID: "user/change-to-unmapped", Level: spec.Must, Sources: []string{"USR-010"},
		Clause: "setuid(2), setgid(2), chown(2) ERRORS, user_namespaces(7): EINVAL for an ID that is not mapped in the caller's namespace",
		Needs:  []spec.Probe{ordinaryUser, mountNS, mounts},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		s.unshare(unix.CLONE_NEWNS)
		s.scratch()
		s.call("chown(file, 0, 0)", unix.SYS_FCHOWNAT, unix.AT_FDCWD, s.String(scratch), 0, 0, 0).succeeds()
		s.call("chown(file, 1234, 0)", unix.SYS_FCHOWNAT, unix.AT_FDCWD, s.String(scratch), 1234, 0, 0).refused(unix.EINVAL)
		s.call("setgid(1234)", unix.SYS_SETGID, 1234).refused(unix.EINVAL)
		s.call("setuid(1234)", unix.SYS_SETUID, 1234).refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/global-resources", Level: spec.Must, Sources: []string{"USR-011"},
		Clause: "user_namespaces(7): what belongs to no namespace needs the capability in the initial user namespace (EPERM): mknod of devices, swapoff, modules",
		Needs:  []spec.Probe{ordinaryUser, mountNS, mounts},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		s.unshare(unix.CLONE_NEWNS)
		s.scratch()
		s.call(`mknod("/tmp/b", S_IFBLK, makedev(7, 0))`, unix.SYS_MKNODAT, unix.AT_FDCWD, s.String(scratch+"/b"), unix.S_IFBLK|0o600, 7<<8).refused(unix.EPERM)
		// Arguments that are refused to those who may, too. A kernel can be built without either.
		s.call(`swapoff("/tmp/none")`, unix.SYS_SWAPOFF, s.String(scratch+"/none")).refused(unix.EPERM, unix.ENOSYS)
		s.call(`init_module(NULL, 0, "")`, unix.SYS_INIT_MODULE, 0, 0, s.String("")).refused(unix.EPERM, unix.ENOSYS)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/global-sysctl", Level: spec.Must, Sources: []string{"USR-023"},
		Clause: "user_namespaces(7), proc(5): root of a user namespace cannot write /proc/sys/kernel/core_pattern, which belongs to no namespace",
		Needs:  []spec.Probe{ordinaryUser, exists("/proc/sys/kernel/core_pattern")},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		s.tryOpen("/proc/sys/kernel/core_pattern", unix.O_WRONLY).refused(unix.EACCES, unix.EPERM)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/siblings", Level: spec.Must, Sources: []string{"USR-021"},
		Clause: "user_namespaces(7) Capabilities, setns(2) ERRORS: EPERM for a namespace that a sibling user namespace owns",
		Needs:  []spec.Probe{ordinaryUser, utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.drop()
		var fd call
		s.wait(s.fork(unix.CLONE_FILES, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			s.unshare(unix.CLONE_NEWUTS)
			fd = s.open("/proc/self/ns/uts", unix.O_RDONLY)
		}))
		s.wait(s.fork(0, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			s.call("setns(sibling's uts, CLONE_NEWUTS)", unix.SYS_SETNS, fd, unix.CLONE_NEWUTS).refused(unix.EPERM)
			s.unshare(unix.CLONE_NEWUTS)
			own := s.open("/proc/self/ns/uts", unix.O_RDONLY)
			s.call("setns(own uts, CLONE_NEWUTS)", unix.SYS_SETNS, own, unix.CLONE_NEWUTS).succeeds()
		}))
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/owner-uid", Level: spec.Must, Sources: []string{"USR-020", "IOC-005"},
		Clause: "ioctl_ns(2) NS_GET_OWNER_UID: the user ID of the process that made the user namespace",
		Needs:  []spec.Probe{ordinaryUser, getOwnerUID},
	}, func(t *spec.T) {
		s := newScript()
		var fd call
		s.wait(s.fork(unix.CLONE_FILES, func(s *script) {
			s.ordinary()
			fd = s.open("/proc/self/ns/user", unix.O_RDONLY)
		}))
		uid := s.Buffer(4)
		s.must("ioctl(fd, NS_GET_OWNER_UID, &uid)", unix.SYS_IOCTL, fd, unix.NS_GET_OWNER_UID, uid)
		s.run(t)
		want, _ := ids()
		t.Equal("ioctl(fd, NS_GET_OWNER_UID, &uid)", binary.NativeEndian.Uint32(uid.Bytes), uint32(want))
	})
})
