package namespaces

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// ioctl adds an ioctl(2) that is judged.
func (s *script) ioctl(text string, fd any, request uint, arg any) call {
	return s.call(text, unix.SYS_IOCTL, fd, request, arg)
}

// has probes for a request of nsfs.
func has(name, file string, request uint) spec.Probe {
	return attempt(name, func(s *script) {
		s.must("ioctl(fd, "+name+")", unix.SYS_IOCTL, s.open(file, unix.O_RDONLY), request, s.Buffer(16))
	})
}

// knows probes for a request of nsfs: any answer but ENOTTY shows it.
func knows(name string, request uint) spec.Probe {
	return answers(name, func(s *script) call {
		return s.ioctl(`ioctl(open("/proc/self/ns/user"), `+name+")", s.open("/proc/self/ns/user", unix.O_RDONLY).Result, request, s.Buffer(8))
	}, unless(unix.ENOTTY))
}

var (
	getOwner    = knows("NS_GET_USERNS", unix.NS_GET_USERNS)
	getParent   = knows("NS_GET_PARENT", unix.NS_GET_PARENT)
	getType     = knows("NS_GET_NSTYPE", unix.NS_GET_NSTYPE)
	getOwnerUID = knows("NS_GET_OWNER_UID", unix.NS_GET_OWNER_UID)
)

var (
	mountIDs     = has("NS_GET_MNTNS_ID", "/proc/self/ns/mnt", unix.NS_GET_MNTNS_ID)
	namespaceIDs = has("NS_GET_ID", "/proc/self/ns/uts", unix.NS_GET_ID)
)

// pidTranslation probes for NS_GET_PID_IN_PIDNS and its relatives.
var pidTranslation = attempt("NS_GET_PID_IN_PIDNS", func(s *script) {
	s.must("ioctl(fd, NS_GET_PID_IN_PIDNS, getpid())", unix.SYS_IOCTL, s.open("/proc/self/ns/pid", unix.O_RDONLY), unix.NS_GET_PID_IN_PIDNS, s.getpid())
})

var _ = suite.Describe("ioctl", func() {
	suite.It(spec.Meta{
		ID: "ioctl/ns-type", Level: spec.Must, Sources: []string{"IOC-004"},
		Clause: "ioctl_ns(2) NS_GET_NSTYPE: gives the CLONE_NEW flag of the namespace's type",
		Needs:  []spec.Probe{getType},
	}, func(t *spec.T) {
		s := newScript()
		for _, k := range present() {
			s.ioctl("ioctl("+k.Name+", NS_GET_NSTYPE)", s.open("/proc/self/ns/"+k.Name, unix.O_RDONLY), unix.NS_GET_NSTYPE, 0).gives(int(k.Flag))
		}
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "ioctl/not-a-namespace", Level: spec.Must, Sources: []string{"IOC-003"},
		Clause: "ioctl_ns(2) ERRORS: ENOTTY for a descriptor that refers to no namespace",
		Needs:  []spec.Probe{getOwner, getParent, getType, getOwnerUID},
	}, func(t *spec.T) {
		s := newScript()
		fd := s.open("/proc/self/status", unix.O_RDONLY)
		for _, c := range []struct {
			name    string
			request uint
		}{{"NS_GET_USERNS", unix.NS_GET_USERNS}, {"NS_GET_PARENT", unix.NS_GET_PARENT}, {"NS_GET_NSTYPE", unix.NS_GET_NSTYPE}, {"NS_GET_OWNER_UID", unix.NS_GET_OWNER_UID}} {
			s.ioctl(`ioctl(open("/proc/self/status"), `+c.name+")", fd, c.request, s.Buffer(8)).refused(unix.ENOTTY)
		}
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "ioctl/parent-of-flat-kinds", Level: spec.Must, Sources: []string{"IOC-002"},
		Clause: "ioctl_ns(2) ERRORS: EINVAL for NS_GET_PARENT of a namespace whose kind has no hierarchy",
		Needs:  []spec.Probe{getParent},
	}, func(t *spec.T) {
		s := newScript()
		for _, k := range present() {
			if k.Flag != ns.User.Flag && k.Flag != ns.PID.Flag {
				s.ioctl("ioctl("+k.Name+", NS_GET_PARENT)", s.open("/proc/self/ns/"+k.Name, unix.O_RDONLY), unix.NS_GET_PARENT, 0).refused(unix.EINVAL)
			}
		}
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "ioctl/parent-of-initial", Level: spec.Must, Sources: []string{"IOC-001", "IOC-007"},
		Clause: "ioctl_ns(2) ERRORS: EPERM when the parent or owner is outside the caller's scope, as for the initial namespaces and the caller's own user namespace",
		Needs:  []spec.Probe{getOwner, getParent},
	}, func(t *spec.T) {
		s := newScript()
		user, pid := s.open("/proc/self/ns/user", unix.O_RDONLY), s.open("/proc/self/ns/pid", unix.O_RDONLY)
		s.ioctl("ioctl(own user, NS_GET_PARENT)", user, unix.NS_GET_PARENT, 0).refused(unix.EPERM)
		s.ioctl("ioctl(own user, NS_GET_USERNS)", user, unix.NS_GET_USERNS, 0).refused(unix.EPERM)
		s.ioctl("ioctl(own pid, NS_GET_PARENT)", pid, unix.NS_GET_PARENT, 0).refused(unix.EPERM)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "ioctl/owner-outside", Level: spec.Must, Sources: []string{"IOC-007"},
		Clause: "ioctl_ns(2) ERRORS: EPERM for NS_GET_USERNS when the owner is an ancestor of the caller's user namespace",
		Needs:  []spec.Probe{userNS, getOwner},
	}, func(t *spec.T) {
		s := newScript()
		fd := s.open("/proc/self/ns/uts", unix.O_RDONLY)
		s.own(unix.CLONE_NEWUSER)
		s.ioctl("unshare(CLONE_NEWUSER), ioctl(uts, NS_GET_USERNS)", fd, unix.NS_GET_USERNS, 0).refused(unix.EPERM)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "ioctl/owner-uid-kinds", Level: spec.Must, Sources: []string{"IOC-005"},
		Clause: "ioctl_ns(2) ERRORS: EINVAL for NS_GET_OWNER_UID of a namespace that is no user namespace",
		Needs:  []spec.Probe{getOwnerUID},
	}, func(t *spec.T) {
		s := newScript()
		for _, k := range present() {
			if c := s.ioctl("ioctl("+k.Name+", NS_GET_OWNER_UID, &uid)", s.open("/proc/self/ns/"+k.Name, unix.O_RDONLY), unix.NS_GET_OWNER_UID, s.Buffer(4)); k == ns.User {
				c.succeeds()
			} else {
				c.refused(unix.EINVAL)
			}
		}
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "ioctl/owner", Level: spec.Must, Sources: []string{"IOC-006", "USR-020"},
		Clause: "ioctl_ns(2) NS_GET_USERNS, NS_GET_PARENT: a close-on-exec descriptor of the owning and of the parent user namespace",
		Needs:  []spec.Probe{userNS, utsNS, getOwner, getParent},
	}, func(t *spec.T) {
		s := newScript()
		before := s.readlink("/proc/self/ns/user")
		var user, uts call
		var inner text
		s.wait(s.fork(unix.CLONE_FILES, func(s *script) {
			s.own(unix.CLONE_NEWUSER | unix.CLONE_NEWUTS)
			user, uts = s.open("/proc/self/ns/user", unix.O_RDONLY), s.open("/proc/self/ns/uts", unix.O_RDONLY)
			inner = s.readlink("/proc/self/ns/user")
		}))
		owner := s.ioctl("ioctl(child's uts, NS_GET_USERNS)", uts, unix.NS_GET_USERNS, 0)
		owner.succeeds()
		s.call("fcntl(owner, F_GETFD)", unix.SYS_FCNTL, owner.Result, unix.F_GETFD).gives(unix.FD_CLOEXEC)
		s.keep(owner)
		ownerLink := s.readlink(theFilePath)
		parent := s.ioctl("ioctl(child's user, NS_GET_PARENT)", user, unix.NS_GET_PARENT, 0)
		parent.succeeds()
		s.keep(parent)
		parentLink := s.readlink(theFilePath)
		s.run(t)
		t.Equal("ioctl(child's uts, NS_GET_USERNS)", ownerLink.String(), inner.String())
		t.Equal("ioctl(child's user, NS_GET_PARENT)", parentLink.String(), before.String())
	})

	suite.It(spec.Meta{
		ID: "ioctl/mount-id", Level: spec.Must, Sources: []string{"IOC-008"},
		Clause: "linux/nsfs.h NS_GET_MNTNS_ID: a 64-bit number above 0 that grows with each mount namespace made; EINVAL for other kinds",
		Needs:  []spec.Probe{mountIDs, mountNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		first, second := s.Buffer(8), s.Buffer(8)
		s.ioctl("ioctl(mnt, NS_GET_MNTNS_ID, &id)", s.open("/proc/self/ns/mnt", unix.O_RDONLY), unix.NS_GET_MNTNS_ID, first).succeeds()
		s.unshare(unix.CLONE_NEWNS)
		s.ioctl("ioctl(mnt, NS_GET_MNTNS_ID, &id)", s.open("/proc/self/ns/mnt", unix.O_RDONLY), unix.NS_GET_MNTNS_ID, second).succeeds()
		s.ioctl("ioctl(uts, NS_GET_MNTNS_ID, &id)", s.open("/proc/self/ns/uts", unix.O_RDONLY), unix.NS_GET_MNTNS_ID, s.Buffer(8)).refused(unix.EINVAL)
		s.run(t)
		a, b := binary.NativeEndian.Uint64(first.Bytes), binary.NativeEndian.Uint64(second.Bytes)
		t.True("ioctl(mnt, NS_GET_MNTNS_ID, &id), unshare(CLONE_NEWNS), again", 0 < a && a < b, fmt.Sprintf("%d, then %d", a, b), "a number above 0, then a greater one")
	})

	suite.It(spec.Meta{
		ID: "ioctl/id-unique", Level: spec.Must, Sources: []string{"IOC-012", "IOC-014"},
		Clause: "linux/nsfs.h NS_GET_ID: a 64-bit number above 0, the same for one namespace and different for another",
		Needs:  []spec.Probe{namespaceIDs, utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUTS)
		id := func() func() uint64 {
			b := s.Buffer(8)
			s.ioctl("ioctl(uts, NS_GET_ID, &id)", s.open("/proc/self/ns/uts", unix.O_RDONLY), unix.NS_GET_ID, b).succeeds()
			return func() uint64 { return binary.NativeEndian.Uint64(b.Bytes) }
		}
		a, same := id(), id()
		s.unshare(unix.CLONE_NEWUTS)
		b := id()
		s.run(t)
		t.Equal("ioctl(uts, NS_GET_ID, &id) twice", same(), a())
		t.True("ioctl(uts, NS_GET_ID, &id), unshare(CLONE_NEWUTS), again", 0 < a() && a() < b(), fmt.Sprintf("%d, then %d", a(), b()), "a number above 0, then a greater one")
	})

	suite.It(spec.Meta{
		ID: "ioctl/pid-translation", Level: spec.Must, Sources: []string{"IOC-009"},
		Clause: "linux/nsfs.h NS_GET_PID_FROM_PIDNS, NS_GET_PID_IN_PIDNS: translate PIDs between the caller's and the given namespace, ESRCH for none",
		Needs:  []spec.Probe{pidTranslation, pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWPID)
		done := s.event()
		init := s.fork(0, func(s *script) { s.await(done) })
		fd := s.open("/proc/self/ns/pid_for_children", unix.O_RDONLY)
		from := s.ioctl("ioctl(child's pid, NS_GET_PID_FROM_PIDNS, 1)", fd, unix.NS_GET_PID_FROM_PIDNS, 1)
		s.ioctl("ioctl(child's pid, NS_GET_PID_IN_PIDNS, its PID outside)", fd, unix.NS_GET_PID_IN_PIDNS, init.Result).gives(1)
		s.ioctl("ioctl(child's pid, NS_GET_PID_FROM_PIDNS, 2)", fd, unix.NS_GET_PID_FROM_PIDNS, 2).refused(unix.ESRCH)
		s.ioctl("ioctl(child's pid, NS_GET_PID_IN_PIDNS, getpid())", fd, unix.NS_GET_PID_IN_PIDNS, s.getpid().Result).refused(unix.ESRCH)
		s.signal(done)
		s.wait(init)
		s.run(t)
		from.reached(t)
		t.Success(from.text, from.Err())
		t.Equal(from.text, from.Value(), init.Value())
	})
})
