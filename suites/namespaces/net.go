package namespaces

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// loopback adds a struct ifreq (linux/if.h) for lo.
func (s *script) loopback(flags uint16) child.Buffer {
	b := s.Buffer(40)
	copy(b.Bytes, "lo")
	binary.NativeEndian.PutUint16(b.Bytes[16:], flags)
	return b
}

// socket adds a socket(2) that must succeed.
func (s *script) socket(domain, kind int) call {
	return s.must(fmt.Sprintf("socket(%d, %d, 0)", domain, kind), unix.SYS_SOCKET, domain, kind, 0)
}

// up brings lo up.
func (s *script) up() {
	fd := s.socket(unix.AF_INET, unix.SOCK_DGRAM)
	s.must("ioctl(fd, SIOCSIFFLAGS, {lo, IFF_UP})", unix.SYS_IOCTL, fd, unix.SIOCSIFFLAGS, s.loopback(unix.IFF_UP))
}

// loUp probes for the request that brings an interface up (netdevice(7)).
var loUp = attempt("SIOCSIFFLAGS", func(s *script) {
	s.own(unix.CLONE_NEWNET)
	s.up()
})

// inet gives a struct sockaddr_in.
func (s *script) inet(addr [4]byte, port uint16) child.Buffer {
	b := binary.NativeEndian.AppendUint16(nil, unix.AF_INET)
	b = binary.BigEndian.AppendUint16(b, port)
	return s.bytes(append(append(b, addr[:]...), make([]byte, 8)...))
}

// local gives a struct sockaddr_un. A name that starts with NUL is abstract.
func (s *script) local(name string) child.Buffer {
	return s.bytes(append(binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX), name...))
}

// listen binds a UNIX stream socket and listens on it.
func (s *script) listen(name string) {
	fd, addr := s.socket(unix.AF_UNIX, unix.SOCK_STREAM), s.local(name)
	s.must("bind(fd, addr)", unix.SYS_BIND, fd, addr, len(addr.Bytes))
	s.must("listen(fd, 1)", unix.SYS_LISTEN, fd, 1)
}

func (s *script) connect(text, name string) call {
	fd, addr := s.socket(unix.AF_UNIX, unix.SOCK_STREAM), s.local(name)
	return s.call(text, unix.SYS_CONNECT, fd, addr, len(addr.Bytes))
}

const port = 7357

var _ = suite.Describe("net", func() {
	isolates(spec.Meta{
		ID: "net/lo-down", Level: spec.Must, Sources: []string{"NET-001"},
		Clause: "network_namespaces(7): a network namespace has its own interfaces; a new one has lo, which is down",
		Needs:  []spec.Probe{loUp},
	}, ns.Net, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		s.up()
		var req child.Buffer
		var get call
		s.wait(s.fork(flags, func(s *script) {
			req = s.loopback(0)
			get = s.call("ioctl(fd, SIOCGIFFLAGS, {lo})", unix.SYS_IOCTL, s.socket(unix.AF_INET, unix.SOCK_DGRAM), unix.SIOCGIFFLAGS, req)
		}))
		s.run(t)
		get.reached(t)
		t.Success(get.text, get.Err())
		up := binary.NativeEndian.Uint16(req.Bytes[16:])&unix.IFF_UP != 0
		return observation{"lo up outside, then inside " + get.text, map[bool]string{true: "IFF_UP", false: "no IFF_UP"}[up], up}
	})

	suite.It(spec.Meta{
		ID: "net/lo-down-unreachable", Level: spec.Must, Sources: []string{"NET-002"},
		Clause: "network_namespaces(7), connect(2) ERRORS: no address is reachable in a new namespace (ENETUNREACH) until lo is up (then ECONNREFUSED)",
		Needs:  []spec.Probe{netNS, loUp},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		addr := s.inet([4]byte{127, 0, 0, 1}, port)
		dial := func(text string) call {
			return s.call(text, unix.SYS_CONNECT, s.socket(unix.AF_INET, unix.SOCK_STREAM), addr, 16)
		}
		dial("connect(127.0.0.1) with lo down").refused(unix.ENETUNREACH)
		s.up()
		dial("connect(127.0.0.1) with lo up").refused(unix.ECONNREFUSED)
		s.run(t)
	})

	isolates(spec.Meta{
		ID: "net/ports-isolated", Level: spec.Must, Sources: []string{"NET-003"},
		Clause: "network_namespaces(7): port numbers belong to a network namespace",
	}, ns.Net, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		bind := func(s *script) call {
			return s.call("bind(fd, {0.0.0.0, 7357})", unix.SYS_BIND, s.socket(unix.AF_INET, unix.SOCK_STREAM), s.inet([4]byte{}, port), 16)
		}
		bind(s)
		s.Must()
		var inner call
		s.wait(s.fork(flags, func(s *script) { inner = bind(s) }))
		s.run(t)
		inner.reached(t)
		if err := inner.Err(); err != nil {
			t.Errno(inner.text, err, unix.EADDRINUSE)
		}
		return observation{"bound outside, then inside " + inner.text, spec.ErrnoName(inner.Err()), inner.Err() != nil}
	})

	isolates(spec.Meta{
		ID: "net/abstract-sockets-isolated", Level: spec.Must, Sources: []string{"NET-004"},
		Clause: "network_namespaces(7), unix(7): the abstract socket name space belongs to a network namespace",
	}, ns.Net, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		s.listen("\x00xtest")
		var dial call
		s.wait(s.fork(flags, func(s *script) { dial = s.connect(`connect("\0xtest")`, "\x00xtest") }))
		s.run(t)
		return seen("listening outside, then inside "+dial.text, dial, unix.ECONNREFUSED, t)
	})

	crosses(spec.Meta{
		ID: "net/path-sockets-shared", Level: spec.Must, Sources: []string{"NET-005"},
		Clause: "unix(7): a socket bound to a pathname is reached through the file system, from any network namespace",
		Needs:  []spec.Probe{mountNS, mounts},
	}, ns.Net, func(t *spec.T, flags uintptr, act bool) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNS | unix.CLONE_NEWNET)
		s.scratch()
		if act {
			s.listen(scratch + "/socket\x00")
		}
		var dial call
		s.wait(s.fork(flags, func(s *script) { dial = s.connect(`connect("/tmp/socket")`, scratch+"/socket\x00") }))
		s.run(t)
		return seen("listening outside, then inside "+dial.text, dial, unix.ENOENT, t)
	})

	isolates(spec.Meta{
		ID: "net/routes-isolated", Level: spec.Must, Sources: []string{"NET-012", "NET-024"},
		Clause: "network_namespaces(7): a new namespace has no routes; /proc/net shows the reader's namespace",
		Needs:  []spec.Probe{loUp},
	}, ns.Net, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		s.up()
		var routes text
		s.wait(s.fork(flags, func(s *script) { routes = s.read("/proc/self/net/fib_trie", 4096) }))
		s.run(t)
		has := strings.Contains(routes.String(), "127.0.0.1")
		return observation{`lo up outside, read("/proc/net/fib_trie") inside`, fmt.Sprintf("%d bytes, 127.0.0.1 in it: %v", len(routes.String()), has), has}
	})

	isolates(spec.Meta{
		ID: "net/sysctl-isolated", Level: spec.Must, Sources: []string{"NET-008", "NET-013"},
		Clause: "network_namespaces(7), ip(7): /proc/sys/net/ipv4/ip_local_port_range is each namespace's own",
		Needs:  []spec.Probe{writableNetSysctls},
	}, ns.Net, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		s.wait(s.fork(flags, func(s *script) { s.write(portRange, "20011 30011") }))
		after := s.read(portRange, 64)
		s.run(t)
		got := strings.Join(strings.Fields(after.String()), " ")
		return observation{`write("20011 30011") inside, then read outside`, got, got == "20011 30011"}
	})

	suite.It(spec.Meta{
		ID: "net/socket-stays", Level: spec.Must, Sources: []string{"NET-006", "TDN-015"},
		Clause: "network_namespaces(7), net/socket.c SIOCGSKNS: a socket stays in the namespace it was made in when the process leaves",
		Needs:  []spec.Probe{netNS, loUp},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		fd := s.socket(unix.AF_INET, unix.SOCK_DGRAM)
		before := s.readlink("/proc/self/ns/net")
		s.unshare(unix.CLONE_NEWNET)
		s.up()
		req := s.loopback(0)
		s.must("ioctl(fd, SIOCGIFFLAGS, {lo}) of the old socket", unix.SYS_IOCTL, fd, unix.SIOCGIFFLAGS, req)
		s.keep(s.must("ioctl(fd, SIOCGSKNS)", unix.SYS_IOCTL, fd, unix.SIOCGSKNS))
		owner := s.readlink(theFilePath)
		s.run(t)
		t.Equal("socket(), unshare(CLONE_NEWNET), ioctl(fd, SIOCGSKNS)", owner.String(), before.String())
		t.True("socket(), unshare(CLONE_NEWNET), lo up, ioctl(fd, SIOCGIFFLAGS, {lo})", binary.NativeEndian.Uint16(req.Bytes[16:])&unix.IFF_UP == 0, "IFF_UP", "no IFF_UP: the old namespace's lo")
	})

	suite.It(spec.Meta{
		ID: "net/raw-socket", Level: spec.Must, Sources: []string{"NET-010"},
		Clause: "raw(7), user_namespaces(7): a raw socket needs CAP_NET_RAW in the user namespace that owns the network namespace",
		Needs:  []spec.Probe{netNS, ordinaryUser},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		raw := func(text string) call {
			return s.call(text, unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
		}
		raw("socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) in the parent's network namespace").refused(unix.EPERM)
		s.unshare(unix.CLONE_NEWNET)
		raw("socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) in an own network namespace").succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "net/owner-decides", Level: spec.Must, Sources: []string{"NET-011"},
		Clause: "user_namespaces(7): root of a user namespace cannot configure interfaces of a network namespace that its parent owns",
		Needs:  []spec.Probe{netNS, ordinaryUser, loUp},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		fd, req := s.socket(unix.AF_INET, unix.SOCK_DGRAM), s.loopback(0)
		// The flags are set to what they are, so that a target that allows it loses nothing.
		s.must("ioctl(fd, SIOCGIFFLAGS, {lo})", unix.SYS_IOCTL, fd, unix.SIOCGIFFLAGS, req)
		s.call("ioctl(fd, SIOCSIFFLAGS, {lo, flags}) in the parent's network namespace", unix.SYS_IOCTL, fd, unix.SIOCSIFFLAGS, req).refused(unix.EPERM)
		s.unshare(unix.CLONE_NEWNET)
		s.call("ioctl(fd, SIOCSIFFLAGS, {lo, IFF_UP}) in an own network namespace", unix.SYS_IOCTL, s.socket(unix.AF_INET, unix.SOCK_DGRAM), unix.SIOCSIFFLAGS, s.loopback(unix.IFF_UP)).succeeds()
		s.run(t)
	})

	isolates(spec.Meta{
		ID: "net/cookie", Level: spec.Must, Sources: []string{"NET-007"},
		Clause: "socket(7) SO_NETNS_COOKIE: a number that differs between network namespaces and is the same within one",
		Needs:  []spec.Probe{cookies},
	}, ns.Net, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		outer := s.cookie()
		var inner child.Buffer
		s.wait(s.fork(flags, func(s *script) { inner = s.cookie() }))
		s.run(t)
		same := string(outer.Bytes) == string(inner.Bytes)
		return observation{"getsockopt(SO_NETNS_COOKIE) outside and inside", map[bool]string{true: "equal", false: "different"}[same], same}
	})
})

func (s *script) cookie() child.Buffer {
	b, n := s.Buffer(8), s.bytes([]byte{8, 0, 0, 0})
	s.must("getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE)", unix.SYS_GETSOCKOPT, s.socket(unix.AF_INET, unix.SOCK_DGRAM), unix.SOL_SOCKET, unix.SO_NETNS_COOKIE, b, n)
	return b
}

var cookies = attempt("SO_NETNS_COOKIE", func(s *script) { s.cookie() })

const portRange = "/proc/sys/net/ipv4/ip_local_port_range"

var writableNetSysctls = attempt("writable network sysctls", func(s *script) {
	s.own(unix.CLONE_NEWNET)
	s.write(portRange, "20012 30012")
})

const pingGroups = "/proc/sys/net/ipv4/ping_group_range"

// pingable probes for the right of an own network namespace's root to let groups ping.
var pingable = attempt("writable ping_group_range", func(s *script) {
	s.ordinary()
	s.unshare(unix.CLONE_NEWNET)
	s.write(pingGroups, "0 0")
})

var _ = suite.Describe("net", func() {
	suite.It(spec.Meta{
		ID: "net/ping-groups", Level: spec.Must, Sources: []string{"NET-023"},
		Clause: "icmp(7) ping_group_range: 1 0 in a new network namespace: nobody may open ping sockets (EACCES) until a group may",
		Needs:  []spec.Probe{netNS, ordinaryUser, pingable},
	}, func(t *spec.T) {
		ping := func(s *script, text string) call {
			return s.call(text, unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP)
		}
		s := newScript()
		s.ordinary()
		s.unshare(unix.CLONE_NEWNET)
		ping(s, "socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) in a new network namespace").refused(unix.EACCES)
		s.write(pingGroups, "0 0")
		ping(s, "socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) behind ping_group_range 0 0").succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "net/ipv6-loopback", Level: spec.Must, Sources: []string{"NET-022"},
		Clause: "network_namespaces(7), proc(5) /proc/net/if_inet6: lo of a new network namespace has the address ::1 when it is up, and not before",
		Needs:  []spec.Probe{netNS, loUp, exists(inet6)},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		enabled := s.read("/proc/sys/net/ipv6/conf/lo/disable_ipv6", 8)
		before := s.read(inet6, 4096)
		s.up()
		after := s.read(inet6, 4096)
		s.run(t)
		if strings.TrimSpace(enabled.String()) != "0" {
			t.NotApplicable("disable_ipv6 is %s for lo of new network namespaces", strings.TrimSpace(enabled.String()))
		}
		const address = "00000000000000000000000000000001 "
		t.True("lo down: read(if_inet6)", !strings.Contains(before.String(), address), before.String(), "no ::1")
		t.True("lo up: read(if_inet6)", strings.Contains(after.String(), address), after.String(), "::1")
	})
})

const inet6 = "/proc/self/net/if_inet6"
