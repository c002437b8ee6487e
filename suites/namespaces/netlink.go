package namespaces

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// answered is an rtnetlink request of a script with the memory that its answer is read into.
type answered struct {
	call
	into child.Buffer
}

// err is what the kernel answered: nil for success.
func (a answered) err() error {
	if a.Err() != nil {
		return a.Err()
	}
	return ns.Acknowledged(a.into.Bytes[:a.Value()])
}

// route adds a request and the reading of its answer.
func (s *script) route(text string, r *ns.Request) answered {
	fd := s.must("socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)", unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	b, into := s.bytes(r.Bytes()), s.Buffer(4096)
	s.must("send("+text+")", unix.SYS_SENDTO, fd, b, len(b.Bytes), 0, 0, 0)
	return answered{s.call("recv("+text+")", unix.SYS_RECVFROM, fd, into, 4096, 0, 0, 0), into}
}

// vethPair probes for virtual Ethernet pairs made by a script.
var vethPair = spec.Probe{Name: "RTM_NEWLINK veth", Check: func() error {
	s := newScript()
	s.own(unix.CLONE_NEWNET)
	a := s.route("RTM_NEWLINK {veth}", ns.Veth("xa", "xb"))
	return errors.Join(s.try(context.Background()), a.err())
}}

// link adds a look for an interface by its name.
func (s *script) link(name string) call {
	b := s.Buffer(40)
	copy(b.Bytes, name)
	return s.call(fmt.Sprintf("ioctl(fd, SIOCGIFINDEX, {%s})", name), unix.SYS_IOCTL, s.socket(unix.AF_INET, unix.SOCK_DGRAM), unix.SIOCGIFINDEX, b)
}

// acknowledges judges the answers to requests.
func acknowledges(t *spec.T, a answered, want ...unix.Errno) {
	if len(want) == 0 {
		t.Success(a.text, a.err())
		return
	}
	t.Errno(a.text, a.err(), want...)
}

const tunDevice = "/dev/net/tun"

// tun adds a tunnel interface that lasts as long as its descriptor.
func (s *script) tun() {
	fd := s.open(tunDevice, unix.O_RDWR)
	r := s.Buffer(40)
	copy(r.Bytes, "xtun")
	binary.NativeEndian.PutUint16(r.Bytes[16:], unix.IFF_TUN|unix.IFF_NO_PI)
	s.must("ioctl(tun, TUNSETIFF, {xtun})", unix.SYS_IOCTL, fd, unix.TUNSETIFF, r)
}

var tuns = attempt("tun", func(s *script) {
	s.own(unix.CLONE_NEWNET)
	s.tun()
})

var sysfsMount = attempt("interfaces in sysfs", func(s *script) {
	s.own(unix.CLONE_NEWNS | unix.CLONE_NEWNET)
	s.mount("xtest", scratch, "sysfs", 0, "")
	s.require(s.access(scratch + "/class/net/lo"))
})

var _ = suite.Describe("net", func() {
	isolates(spec.Meta{
		ID: "net/tun-isolated", Level: spec.Must, Sources: []string{"NET-014"},
		Clause: "network_namespaces(7): a tunnel interface belongs to the namespace that it was made in",
		Needs:  []spec.Probe{tuns},
	}, ns.Net, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		s.tun()
		var found call
		s.wait(s.fork(flags, func(s *script) { found = s.link("xtun") }))
		s.run(t)
		return seen("TUNSETIFF outside, then inside "+found.text, found, unix.ENODEV, t)
	})

	isolates(spec.Meta{
		ID: "net/links-isolated", Level: spec.Must, Sources: []string{"NET-001"},
		Clause: "network_namespaces(7): an interface is in one namespace, and not found by its name in another",
		Needs:  []spec.Probe{vethPair},
	}, ns.Net, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		made := s.route("RTM_NEWLINK {veth}", ns.Veth("xa", "xb"))
		var found call
		s.wait(s.fork(flags, func(s *script) { found = s.link("xa") }))
		s.run(t)
		t.Setup(made.text, made.err())
		return seen("RTM_NEWLINK outside, then inside "+found.text, found, unix.ENODEV, t)
	})

	isolates(spec.Meta{
		ID: "net/sysfs-isolated", Level: spec.Must, Sources: []string{"NET-015"},
		Clause: "network_namespaces(7): a sysfs shows the interfaces of the namespace that it was mounted in",
		Needs:  []spec.Probe{vethPair, mountNS, sysfsMount},
	}, ns.Net, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNET | unix.CLONE_NEWNS)
		made := s.route("RTM_NEWLINK {veth}", ns.Veth("xa", "xb"))
		var found, lo call
		s.wait(s.fork(flags, func(s *script) {
			s.mount("xtest", scratch, "sysfs", 0, "")
			lo, found = s.access(scratch+"/class/net/lo"), s.access(scratch+"/class/net/xa")
		}))
		s.run(t)
		t.Setup(made.text, made.err())
		t.Setup(lo.text, lo.Err())
		return seen("RTM_NEWLINK outside, mount(sysfs) inside, "+found.text, found, unix.ENOENT, t)
	})

	suite.It(spec.Meta{
		ID: "net/move-errors", Level: spec.Must, Sources: []string{"NET-017", "NET-018"},
		Clause: "rtnetlink(7) IFLA_NET_NS_FD, net/core/dev.c: EEXIST for a name that is taken in the other namespace, EINVAL for lo, which cannot be moved, and for no namespace",
		Needs:  []spec.Probe{netNS, vethPair},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		s.keep(s.open("/proc/self/ns/net", unix.O_RDONLY))
		taken := s.route("RTM_NEWLINK {veth xa}", ns.Veth("xa", "xb"))
		s.unshare(unix.CLONE_NEWNET)
		made := s.route("RTM_NEWLINK {veth xa} in another namespace", ns.Veth("xa", "xc"))
		lo := s.route("RTM_NEWLINK {lo, IFLA_NET_NS_FD}", ns.MoveLinkTo("lo", theFile))
		exists := s.route("RTM_NEWLINK {xa, IFLA_NET_NS_FD} where xa is", ns.MoveLinkTo("xa", theFile))
		bad := s.route("RTM_NEWLINK {xc, IFLA_NET_NS_FD 9999}", ns.MoveLinkTo("xc", 9999))
		moved := s.route("RTM_NEWLINK {xc, IFLA_NET_NS_FD}", ns.MoveLinkTo("xc", theFile))
		s.link("xc").refused(unix.ENODEV)
		s.setns("setns(first, CLONE_NEWNET)", theFile, unix.CLONE_NEWNET).succeeds()
		s.link("xc").succeeds()
		s.run(t)
		t.Setup(taken.text, taken.err())
		t.Setup(made.text, made.err())
		acknowledges(t, lo, unix.EINVAL)
		acknowledges(t, exists, unix.EEXIST)
		acknowledges(t, bad, unix.EBADF, unix.EINVAL)
		acknowledges(t, moved)
	})

	suite.It(spec.Meta{
		ID: "net/namespace-numbers", Level: spec.Must, Sources: []string{"NET-020"},
		Clause: "linux/net_namespace.h RTM_NEWNSID: gives another namespace a number here; EEXIST for a number that is taken and for a namespace that has one",
		Needs:  []spec.Probe{netNS, nsid},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		s.keep(s.open("/proc/self/ns/net", unix.O_RDONLY))
		s.unshare(unix.CLONE_NEWNET)
		first := s.route("RTM_NEWNSID {NETNSA_FD first, NETNSA_NSID 7}", ns.NumberNamespace(theFile, 7))
		again := s.route("RTM_NEWNSID {NETNSA_FD first, NETNSA_NSID 8}", ns.NumberNamespace(theFile, 8))
		s.keep(s.open("/proc/self/ns/net", unix.O_RDONLY))
		taken := s.route("RTM_NEWNSID {NETNSA_FD own, NETNSA_NSID 7}", ns.NumberNamespace(theFile, 7))
		s.run(t)
		acknowledges(t, first)
		acknowledges(t, again, unix.EEXIST)
		acknowledges(t, taken, unix.EEXIST)
	})
})

var nsid = spec.Probe{Name: "RTM_NEWNSID", Check: func() error {
	s := newScript()
	s.own(unix.CLONE_NEWNET)
	s.keep(s.open("/proc/self/ns/net", unix.O_RDONLY))
	s.unshare(unix.CLONE_NEWNET)
	a := s.route("RTM_NEWNSID", ns.NumberNamespace(theFile, 7))
	return errors.Join(s.try(context.Background()), a.err())
}}
