package namespaces

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// handle adds a name_to_handle_at(2) of one of the process's namespaces.
func (s *script) handle(kind string) child.Buffer {
	h := s.Buffer(ns.HandleSize)
	binary.NativeEndian.PutUint32(h.Bytes, ns.NamespaceHandle)
	fd := s.open("/proc/self/ns/"+kind, unix.O_RDONLY)
	s.must("name_to_handle_at("+kind+", AT_EMPTY_PATH)", unix.SYS_NAME_TO_HANDLE_AT, fd, s.String(""), h, s.Buffer(8), unix.AT_EMPTY_PATH)
	s.must("close(fd)", unix.SYS_CLOSE, fd)
	return h
}

// openHandle adds an open_by_handle_at(2) in nsfs.
func (s *script) openHandle(text string, h child.Buffer) call {
	return s.call("open_by_handle_at(FD_NSFS_ROOT, "+text+")", unix.SYS_OPEN_BY_HANDLE_AT, unix.FD_NSFS_ROOT, h, unix.O_RDONLY|unix.O_CLOEXEC)
}

// handles probes for file handles of namespaces.
var handles = attempt("file handles of namespaces", func(s *script) {
	s.require(s.openHandle("own uts", s.handle("uts")))
})

var _ = suite.Describe("handle", func() {
	for _, k := range []ns.Kind{ns.Cgroup, ns.IPC, ns.Mount, ns.Net, ns.User, ns.UTS} {
		suite.It(spec.Meta{
			ID: "handle/" + k.Name, Level: spec.Must, Sources: []string{"GEN-013"},
			Clause: "linux/nsfs.h struct nsfs_file_handle, fs/nsfs.c: a handle of a " + k.Name + " namespace opens the same namespace again",
			Needs:  []spec.Probe{handles, canMake(k)},
		}, func(t *spec.T) {
			s := newScript()
			s.own(k.Flag)
			h := s.handle(k.Name)
			before := s.readlink("/proc/self/ns/" + k.Name)
			fd := s.openHandle("own "+k.Name, h)
			fd.succeeds()
			s.keep(fd)
			after := s.readlink(theFilePath)
			s.run(t)
			t.Equal(fd.text+", readlink(\"/proc/self/fd/N\")", after.String(), before.String())
			size, kind := binary.NativeEndian.Uint32(h.Bytes), binary.NativeEndian.Uint32(h.Bytes[4:])
			t.Equal("name_to_handle_at("+k.Name+"): handle_bytes, handle_type", fmt.Sprintf("%d %#x", size, kind), fmt.Sprintf("%d %#x", ns.NamespaceHandle, ns.NamespaceHandleType))
		})
	}

	suite.It(spec.Meta{
		ID: "handle/ended", Level: spec.Must, Sources: []string{"GEN-014"},
		Clause: "fs/nsfs.c nsfs_fh_to_dentry: a handle of a namespace without members and descriptors opens nothing (ESTALE or ENOENT)",
		Needs:  []spec.Probe{handles, utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		ready, done := s.event(), s.event()
		var h child.Buffer
		other := s.fork(unix.CLONE_NEWUTS, func(s *script) {
			h = s.handle("uts")
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		fd := s.openHandle("child's uts", h)
		fd.succeeds()
		s.call("close(fd)", unix.SYS_CLOSE, fd)
		s.signal(done)
		s.wait(other)
		s.openHandle("ended child's uts", h).refused(unix.ESTALE, unix.ENOENT)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "handle/parent-reachable", Level: spec.Must, Sources: []string{"GEN-020"},
		Clause: "kernel/nscommon.c: a namespace with members keeps the user namespaces above it reachable",
		Needs:  []spec.Probe{handles, userNS, listns},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		ready, done := s.event(), s.event()
		var h child.Buffer
		other := s.fork(0, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			s.mapRoot(0, 0)
			h = s.handle("user")
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER) // nobody is in the first any longer
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		fd := s.openHandle("parent of the child's user", h)
		fd.succeeds()
		s.call("close(fd)", unix.SYS_CLOSE, fd)
		s.signal(done)
		s.wait(other)
		s.openHandle("parent of the ended child's user", h).refused(unix.ESTALE, unix.ENOENT)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "handle/bad", Level: spec.Must, Sources: []string{"GEN-013"},
		Clause: "open_by_handle_at(2) ERRORS, fs/nsfs.c nsfs_fh_to_dentry: a handle whose number, kind or inode do not fit together opens nothing",
		Needs:  []spec.Probe{handles},
	}, func(t *spec.T) {
		s := newScript()
		for _, c := range []struct {
			name   string
			at     int
			change byte
		}{{"number", 8 + 6, 0x7F}, {"kind", 8 + 8, 0x01}, {"inode", 8 + 12, 0x55}} {
			h := s.handle("uts")
			other := s.Buffer(1)
			other.Bytes[0] = c.change
			memory := s.must(`memfd_create("x", 0)`, unix.SYS_MEMFD_CREATE, s.String("x"), 0)
			s.must("write(memfd, other, 1)", unix.SYS_WRITE, memory, other, 1)
			s.must("pread(memfd, handle+n, 1, 0)", unix.SYS_PREAD64, memory, address(h)+uint64(c.at), 1, 0)
			s.openHandle("own uts with another "+c.name, h).refused(unix.ESTALE, unix.ENOENT, unix.EINVAL)
		}
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "handle/initial-numbers", Level: spec.Must, Sources: []string{"GEN-019"},
		Clause: "linux/nsfs.h enum init_ns_id: NS_GET_ID of the initial namespaces gives 1 to 8",
		Needs:  []spec.Probe{namespaceIDs, listns},
	}, func(t *spec.T) {
		ids := map[string]uint64{"ipc": 1, "uts": 2, "user": 3, "pid": 4, "cgroup": 5, "time": 6, "net": 7, "mnt": 8}
		comm, err := os.ReadFile("/proc/2/comm")
		if err != nil || strings.TrimSpace(string(comm)) != "kthreadd" {
			t.NotApplicable("this process is not in the initial PID namespace: process 2 is not kthreadd")
		}
		s := newScript()
		own := map[string]func() uint64{}
		for _, k := range present() {
			if inInitial(k.Name) {
				own[k.Name] = s.namespaceID(k.Name)
			}
		}
		s.run(t)
		for kind, id := range own {
			t.Equal("ioctl(initial "+kind+", NS_GET_ID, &id)", id(), ids[kind])
		}
	})
})

// mountWalk probes for the requests that walk all mount namespaces.
var mountWalk = knowsMount("NS_MNT_GET_NEXT", ns.MountGetNext)

func knowsMount(name string, request uint) spec.Probe {
	return answers(name, func(s *script) call {
		return s.ioctl(`ioctl(open("/proc/self/ns/mnt"), `+name+")", s.open("/proc/self/ns/mnt", unix.O_RDONLY).Result, request, s.Buffer(ns.MountInfoSize))
	}, unless(unix.ENOTTY))
}

var _ = suite.Describe("ioctl", func() {
	suite.It(spec.Meta{
		ID: "ioctl/mount-walk", Level: spec.Must, Grade: spec.Guest, Sources: []string{"IOC-011"},
		Clause: "linux/nsfs.h NS_MNT_GET_NEXT, NS_MNT_GET_PREV: descriptors of the mount namespaces with the next number and the one before; ENOENT at the end",
		Needs:  []spec.Probe{mountWalk, mountNS, allNamespaces},
	}, func(t *spec.T) {
		// On a machine that others use the newest namespace may be one of theirs.
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		first := s.open("/proc/self/ns/mnt", unix.O_RDONLY)
		s.unshare(unix.CLONE_NEWNS)
		second := s.open("/proc/self/ns/mnt", unix.O_RDONLY)
		secondLink, info, back := s.readlink("/proc/self/ns/mnt"), s.Buffer(ns.MountInfoSize), s.Buffer(ns.MountInfoSize)
		id := [2]child.Buffer{s.Buffer(8), s.Buffer(8)}
		s.ioctl("ioctl(first, NS_GET_MNTNS_ID, &id)", first.Result, unix.NS_GET_MNTNS_ID, id[0]).succeeds()
		s.ioctl("ioctl(second, NS_GET_MNTNS_ID, &id)", second.Result, unix.NS_GET_MNTNS_ID, id[1]).succeeds()
		next := s.ioctl("ioctl(first, NS_MNT_GET_NEXT, &info)", first.Result, ns.MountGetNext, info)
		next.succeeds()
		s.keep(next)
		nextLink := s.readlink(theFilePath)
		previous := s.ioctl("ioctl(second, NS_MNT_GET_PREV, &info)", second.Result, ns.MountGetPrevious, back)
		previous.succeeds()
		s.ioctl("ioctl(newest, NS_MNT_GET_NEXT, &info)", second.Result, ns.MountGetNext, s.Buffer(ns.MountInfoSize)).refused(unix.ENOENT)
		s.ioctl("ioctl(uts, NS_MNT_GET_NEXT, &info)", s.open("/proc/self/ns/uts", unix.O_RDONLY).Result, ns.MountGetNext, s.Buffer(ns.MountInfoSize)).refused(unix.EINVAL)
		s.run(t)
		number := func(b child.Buffer, at int) uint64 { return binary.NativeEndian.Uint64(b.Bytes[at:]) }
		t.Equal(next.text+": mnt_ns_id", number(info, 8), number(id[1], 0))
		t.Equal(next.text+", readlink(\"/proc/self/fd/N\")", nextLink.String(), secondLink.String())
		t.Equal(previous.text+": mnt_ns_id", number(back, 8), number(id[0], 0))
	})

	suite.It(spec.Meta{
		ID: "ioctl/mount-walk-rights", Level: spec.Must, Sources: []string{"IOC-011"},
		Clause: "fs/nsfs.c may_see_all_namespaces: EPERM for NS_MNT_GET_NEXT without CAP_SYS_ADMIN in the initial user namespace; Linux 6.12 let root of the owner walk its own",
		Needs:  []spec.Probe{mountWalk, ordinaryUser, mountNS},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		s.unshare(unix.CLONE_NEWNS)
		first := s.open("/proc/self/ns/mnt", unix.O_RDONLY)
		s.unshare(unix.CLONE_NEWNS)
		s.ioctl("ioctl(own older namespace, NS_MNT_GET_NEXT, &info) by root of a user namespace", first.Result, ns.MountGetNext, s.Buffer(ns.MountInfoSize)).
			known("EPERM (since Linux 6.18), success (6.12 to 6.17)", unix.EPERM, 0)
		s.wait(s.fork(0, func(s *script) {
			s.must("capset(hdr, {0})", unix.SYS_CAPSET, s.bytes(ns.CapabilityHeader()), s.Buffer(ns.CapabilitySets))
			s.ioctl("ioctl(older namespace, NS_MNT_GET_NEXT, &info) without capabilities", first.Result, ns.MountGetNext, s.Buffer(ns.MountInfoSize)).refused(unix.EPERM, unix.ENOENT)
		}))
		s.run(t)
	})

	for _, c := range []struct {
		id, from, in string
		get, put     uint
	}{
		{"ioctl/pid-translation-thread-group", "NS_GET_TGID_FROM_PIDNS", "NS_GET_TGID_IN_PIDNS", unix.NS_GET_TGID_FROM_PIDNS, unix.NS_GET_TGID_IN_PIDNS},
	} {
		suite.It(spec.Meta{
			ID: c.id, Level: spec.Must, Sources: []string{"IOC-009"},
			Clause: "linux/nsfs.h " + c.from + ", " + c.in + ": the thread group's ID of a thread of the caller's and of the given namespace, ESRCH for none",
			Needs:  []spec.Probe{pidTranslation, pidNS, images},
		}, func(t *spec.T) {
			s := newScript()
			s.own(unix.CLONE_NEWPID)
			ready, done := s.event(), s.event()
			var tid call
			init := s.fork(0, func(s *script) {
				tid = s.thread(func(s *script) { s.await(done) })
				s.signal(ready)
				s.pause()
			})
			s.await(ready)
			fd := s.open("/proc/self/ns/pid_for_children", unix.O_RDONLY)
			from := s.ioctl("ioctl(child's pid, "+c.from+", thread)", fd, c.get, tid.Result)
			s.ioctl("ioctl(child's pid, "+c.in+", its PID outside)", fd, c.put, init.Result).gives(1)
			s.ioctl("ioctl(child's pid, "+c.from+", 99)", fd, c.get, 99).refused(unix.ESRCH)
			s.must("kill(init, SIGKILL)", unix.SYS_KILL, init, int(unix.SIGKILL))
			s.wait(init)
			s.run(t)
			from.reached(t)
			t.Success(from.text, from.Err())
			t.Equal(from.text, from.Value(), init.Value())
		})
	}
})

// allNamespaces probes for the right to see the namespaces of others, kernel/nscommon.c
// may_see_all_namespaces: CAP_SYS_ADMIN in the initial user namespace, for a member of the initial PID namespace.
var allNamespaces = spec.Probe{Name: "the right to see all namespaces", Check: func() error {
	switch {
	case !inInitial("user"):
		return errors.New("this process is not in the initial user namespace")
	case !inInitial("pid"):
		return errors.New("this process is not in the initial PID namespace")
	case !direct():
		return errors.New("this process has no CAP_SYS_ADMIN")
	}
	return nil
}}
