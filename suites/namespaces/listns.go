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

// listed is a listns(2) with the memory that it fills.
type listed struct {
	call
	into child.Buffer
}

func (l listed) ids() []uint64 {
	if l.Err() != nil {
		return nil
	}
	ids := make([]uint64, min(l.Value(), len(l.into.Bytes)/8))
	for i := range ids {
		ids[i] = binary.NativeEndian.Uint64(l.into.Bytes[8*i:])
	}
	return ids
}

// listNamespaces adds a listns(2) of up to n namespaces.
func (s *script) listNamespaces(text string, r unix.NsIdReq, n int) listed {
	r.Size = unix.NS_ID_REQ_SIZE_VER0
	into := s.Buffer(8 * n)
	return listed{s.call(text, unix.SYS_LISTNS, s.request(r), into, n, 0), into}
}

// request gives the program's copy of a struct ns_id_req (linux/nsfs.h).
func (s *script) request(r unix.NsIdReq) child.Buffer {
	b, _ := binary.Append(nil, binary.NativeEndian, r)
	return s.bytes(b)
}

// namespaceID adds a NS_GET_ID of one of the process's namespaces.
func (s *script) namespaceID(kind string) func() uint64 {
	b := s.Buffer(8)
	fd := s.open("/proc/self/ns/"+kind, unix.O_RDONLY)
	s.must("ioctl("+kind+", NS_GET_ID, &id)", unix.SYS_IOCTL, fd, unix.NS_GET_ID, b)
	s.must("close(fd)", unix.SYS_CLOSE, fd)
	return func() uint64 { return binary.NativeEndian.Uint64(b.Bytes) }
}

var listns = attempt("listns", func(s *script) {
	l := s.listNamespaces("listns({.ns_type = 0}, ids, 8, 0)", unix.NsIdReq{}, 8)
	s.require(l.call)
	s.namespaceID("uts")
})

// all is more than the namespaces that a machine of ours has, and what one request may ask for.
const all = 4096

func has64(ids []uint64, id uint64) string {
	if slices.Contains(ids, id) {
		return "listed"
	}
	return "not listed"
}

var _ = suite.Describe("listns", func() {
	suite.It(spec.Meta{
		ID: "listns/own", Level: spec.Must, Sources: []string{"LST-001", "PFD-010"},
		Clause: "kernel/nstree.c listns: gives the numbers of NS_GET_ID, in ascending order, with the caller's own namespaces among them",
		Needs:  []spec.Probe{listns},
	}, func(t *spec.T) {
		s := newScript()
		l := s.listNamespaces("listns({.ns_type = 0}, ids, 4096, 0)", unix.NsIdReq{}, all)
		l.succeeds()
		var own []func() uint64
		for _, k := range present() {
			own = append(own, s.namespaceID(k.Name))
		}
		s.run(t)
		ids := l.ids()
		t.True(l.text, slices.IsSorted(ids) && len(slices.Compact(slices.Clone(ids))) == len(ids), fmt.Sprint(ids), "ascending numbers")
		for i, k := range present() {
			t.Equal(l.text+": own "+k.Name+" namespace", has64(ids, own[i]()), "listed")
		}
	})

	for _, k := range []ns.Kind{ns.Cgroup, ns.IPC, ns.Mount, ns.Net, ns.PID, ns.User, ns.UTS} {
		suite.It(spec.Meta{
			ID: "listns/type-" + k.Name, Level: spec.Must, Sources: []string{"LST-002"},
			Clause: "linux/nsfs.h struct ns_id_req: ns_type chooses the kinds that are listed: " + k.C,
			Needs:  []spec.Probe{listns, canMake(k)},
		}, func(t *spec.T) {
			s := newScript()
			l := s.listNamespaces("listns({.ns_type = "+k.C+"}, ids, 4096, 0)", unix.NsIdReq{Ns_type: uint32(k.Flag)}, all)
			l.succeeds()
			own := map[string]func() uint64{}
			for _, k := range present() {
				own[k.Name] = s.namespaceID(k.Name)
			}
			s.run(t)
			for _, other := range present() {
				want := "not listed"
				if other == k {
					want = "listed"
				}
				t.Equal(l.text+": own "+other.Name+" namespace", has64(l.ids(), own[other.Name]()), want)
			}
		})
	}

	suite.It(spec.Meta{
		ID: "listns/pages", Level: spec.Must, Sources: []string{"LST-003"},
		Clause: "linux/nsfs.h struct ns_id_req: with ns_id the list goes on behind that namespace, so that pages hold each one once",
		Needs:  []spec.Probe{listns, utsNS},
	}, func(t *spec.T) {
		const kind, page, pages = unix.CLONE_NEWUTS, 3, 40
		s := newScript()
		s.own(0)
		ready := s.event()
		var children []call
		for range 4 {
			children = append(children, s.fork(kind, func(s *script) {
				s.signal(ready)
				s.pause()
			}))
			s.await(ready)
		}
		whole := s.listNamespaces("listns({.ns_type = CLONE_NEWUTS}, ids, 4096, 0)", unix.NsIdReq{Ns_type: kind}, all)
		whole.succeeds()
		// Each page's request takes its place from the last entry of the page before: from memory.
		memory := s.must(`memfd_create("x", 0)`, unix.SYS_MEMFD_CREATE, s.String("x"), 0)
		request := s.request(unix.NsIdReq{Size: unix.NS_ID_REQ_SIZE_VER0, Ns_type: kind})
		var parts []listed
		for i := range pages {
			into := s.Buffer(8 * page)
			parts = append(parts, listed{s.call(fmt.Sprintf("listns({.ns_type = CLONE_NEWUTS, .ns_id = last}, ids, %d, 0), page %d", page, i), unix.SYS_LISTNS, request, into, page, 0), into})
			s.must("pwrite(memfd, last, 8, 0)", unix.SYS_PWRITE64, memory, address(into)+8*(page-1), 8, 0)
			s.must("pread(memfd, &request.ns_id, 8, 0)", unix.SYS_PREAD64, memory, address(request)+8, 8, 0)
		}
		for _, c := range children {
			s.must("kill(child, SIGKILL)", unix.SYS_KILL, c, int(unix.SIGKILL))
			s.wait(c)
		}
		s.run(t)
		var ids []uint64
		for _, p := range parts {
			t.Success(p.text, p.Err())
			ids = append(ids, p.ids()...)
			if p.Value() < page {
				break
			}
		}
		if len(whole.ids()) > page*pages {
			t.NotApplicable("%d UTS namespaces are more than the spec reads", len(whole.ids()))
		}
		t.Equal(fmt.Sprintf("listns() in pages of %d", page), fmt.Sprint(ids), fmt.Sprint(whole.ids()))
	})

	suite.It(spec.Meta{
		ID: "listns/current-user", Level: spec.Must, Sources: []string{"LST-004"},
		Clause: "linux/nsfs.h LISTNS_CURRENT_USER: the namespaces that the caller's user namespace owns, and no other",
		Needs:  []spec.Probe{listns, ordinaryUser, utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		outer := s.namespaceID("uts")
		s.unshare(unix.CLONE_NEWUTS)
		inner := s.namespaceID("uts")
		l := s.listNamespaces("listns({.user_ns_id = LISTNS_CURRENT_USER, .ns_type = CLONE_NEWUTS}, ids, 64, 0)", unix.NsIdReq{Ns_type: unix.CLONE_NEWUTS, User_ns_id: unix.LISTNS_CURRENT_USER}, 64)
		l.succeeds()
		s.run(t)
		t.Equal(l.text, fmt.Sprint(l.ids()), fmt.Sprint([]uint64{inner()}))
		if outer() == inner() {
			t.Broken("void: both namespaces have the number %d", outer())
		}
	})

	suite.It(spec.Meta{
		ID: "listns/ended", Level: spec.Must, Sources: []string{"LST-005"},
		Clause: "kernel/nstree.c listns: a namespace is listed as long as a process is in it or a descriptor refers to it",
		Needs:  []spec.Probe{listns, utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		ready, done := s.event(), s.event()
		list := func(when string) listed {
			l := s.listNamespaces("listns({.ns_type = CLONE_NEWUTS}, ids, 4096, 0) "+when, unix.NsIdReq{Ns_type: unix.CLONE_NEWUTS}, 1024)
			l.succeeds()
			return l
		}
		var id func() uint64
		var fd call
		other := s.fork(unix.CLONE_NEWUTS|unix.CLONE_FILES, func(s *script) {
			id = s.namespaceID("uts")
			fd = s.open("/proc/self/ns/uts", unix.O_RDONLY)
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		alive := list("with a member")
		s.signal(done)
		s.wait(other)
		kept := list("with a descriptor")
		s.must("close(fd)", unix.SYS_CLOSE, fd)
		gone := list("with neither")
		s.run(t)
		t.Equal(alive.text, has64(alive.ids(), id()), "listed")
		t.Equal(kept.text, has64(kept.ids(), id()), "listed")
		t.Equal(gone.text, has64(gone.ids(), id()), "not listed")
	})

	for _, c := range []struct{ id, source, clause string }{
		{"listns/unprivileged", "LST-006", "without CAP_SYS_ADMIN in a namespace's owner a process sees it only from within"},
		{"listns/siblings", "LST-007", "root of a user namespace does not see what a sibling user namespace owns"},
	} {
		suite.It(spec.Meta{
			ID: c.id, Level: spec.Must, Sources: []string{c.source},
			Clause: "kernel/nstree.c may_list_ns: " + c.clause,
			Needs:  []spec.Probe{listns, ordinaryUser, utsNS},
		}, func(t *spec.T) {
			s := newScript()
			s.drop()
			ready, done := s.event(), s.event()
			var theirs, own func() uint64
			list := func(s *script, who string) listed {
				l := s.listNamespaces("listns({.ns_type = CLONE_NEWUTS}, ids, 1024, 0) by "+who, unix.NsIdReq{Ns_type: unix.CLONE_NEWUTS}, 1024)
				l.succeeds()
				return l
			}
			var owners, others listed
			other := s.fork(0, func(s *script) {
				s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
				s.unshare(unix.CLONE_NEWUTS)
				theirs = s.namespaceID("uts")
				owners = list(s, "a member")
				s.signal(ready)
				s.await(done)
			})
			s.await(ready)
			s.wait(s.fork(0, func(s *script) {
				// Not from the parent namespace: the owner's user ID has all rights there.
				s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
				if c.source == "LST-006" {
					s.must("capset(hdr, {0})", unix.SYS_CAPSET, s.bytes(ns.CapabilityHeader()), s.Buffer(ns.CapabilitySets))
				}
				own = s.namespaceID("uts")
				others = list(s, "another")
			}))
			s.signal(done)
			s.wait(other)
			s.run(t)
			t.Equal(owners.text+": its namespace", has64(owners.ids(), theirs()), "listed")
			t.Equal(others.text+": that namespace", has64(others.ids(), theirs()), "not listed")
			if own() == theirs() {
				t.Broken("void: both are in UTS namespace %d", own())
			}
		})
	}

	suite.It(spec.Meta{
		ID: "listns/bad-buffer", Level: spec.Must, Sources: []string{"LST-008"},
		Clause: "kernel/nstree.c listns: EFAULT for a bad address of the request or of the list; EOVERFLOW for more than a million entries",
		Needs:  []spec.Probe{listns},
	}, func(t *spec.T) {
		s := newScript()
		r := s.request(unix.NsIdReq{Size: unix.NS_ID_REQ_SIZE_VER0})
		s.call("listns(-1, ids, 8, 0)", unix.SYS_LISTNS, -1, s.Buffer(64), 8, 0).refused(unix.EFAULT)
		s.call("listns(&r, -1, 8, 0)", unix.SYS_LISTNS, r, -1, 8, 0).refused(unix.EFAULT)
		s.call("listns(&r, 4096, 8, 0)", unix.SYS_LISTNS, r, 4096, 8, 0).refused(unix.EFAULT)
		s.call("listns(&r, ids, 1000001, 0)", unix.SYS_LISTNS, r, s.Buffer(64), 1_000_001, 0).refused(unix.EOVERFLOW)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "listns/bad-request", Level: spec.Must, Sources: []string{"LST-009"},
		Clause: "kernel/nstree.c listns: EINVAL for flags, a spare field that is set and a size that is too small; EOPNOTSUPP for an unknown kind; E2BIG for unknown fields that are set",
		Needs:  []spec.Probe{listns},
	}, func(t *spec.T) {
		s := newScript()
		list := func(text string, r unix.NsIdReq, flags int) call {
			b, _ := binary.Append(nil, binary.NativeEndian, r)
			long := append(b, make([]byte, 64)...)
			long[40] = 1
			return s.call("listns("+text+")", unix.SYS_LISTNS, s.bytes(long), s.Buffer(64), 8, flags)
		}
		const size = unix.NS_ID_REQ_SIZE_VER0
		list("&r, ids, 8, 1", unix.NsIdReq{Size: size}, 1).refused(unix.EINVAL)
		list("{.spare = 1}, ids, 8, 0", unix.NsIdReq{Size: size, Spare: 1}, 0).refused(unix.EINVAL)
		list("{.spare2 = 1}, ids, 8, 0", unix.NsIdReq{Size: size, Spare2: 1}, 0).known("EINVAL (as for spare), success (copy_ns_id_req looks at spare alone)", unix.EINVAL, 0)
		list("{.ns_type = 1}, ids, 8, 0", unix.NsIdReq{Size: size, Ns_type: 1}, 0).refused(unix.EOPNOTSUPP)
		list("{.size = 16}, ids, 8, 0", unix.NsIdReq{Size: 16}, 0).refused(unix.EINVAL)
		list("{.size = 96} with a byte set behind, ids, 8, 0", unix.NsIdReq{Size: 96}, 0).refused(unix.E2BIG)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "listns/socket", Level: spec.Must, Sources: []string{"LST-010"},
		Clause: "net/socket.c SIOCGSKNS, kernel/nstree.c: the descriptor that a socket gives of its network namespace keeps it listed",
		Needs:  []spec.Probe{listns, netNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		id := s.namespaceID("net")
		socket := s.socket(unix.AF_INET, unix.SOCK_DGRAM)
		s.unshare(unix.CLONE_NEWNET)
		list := func(when string) listed {
			l := s.listNamespaces("listns({.ns_type = CLONE_NEWNET}, ids, 1024, 0) "+when, unix.NsIdReq{Ns_type: unix.CLONE_NEWNET}, 1024)
			l.succeeds()
			return l
		}
		fd := s.must("ioctl(socket, SIOCGSKNS)", unix.SYS_IOCTL, socket, unix.SIOCGSKNS, 0)
		with := list("with the descriptor")
		s.must("close(fd)", unix.SYS_CLOSE, fd)
		without := list("without it")
		s.run(t)
		t.Equal(with.text, has64(with.ids(), id()), "listed")
		t.Answer(without.text, has64(without.ids(), id()))
	})
})
