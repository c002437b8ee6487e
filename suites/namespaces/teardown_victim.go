package namespaces

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec/child"
)

// The link between the namespace that is destroyed and the one that sees it.
var (
	peerAddr   = netip.MustParsePrefix("10.99.0.1/24")
	victimAddr = netip.MustParsePrefix("10.99.0.2/24")
)

const (
	peerEnd, victimEnd = "xa", "xb"
	peerPort           = 7001
	victimPort         = 7002
)

// stage is one thing that the victim fills its namespace with. What the kernel cannot make is left out
// and named.
type stage struct {
	name string
	make func(v *victim) error
}

// victim fills a network namespace with whatever keeps such a namespace busy, stage by stage, until it is
// killed. What it opens stays open.
type victim struct {
	route  int
	kept   []io.Closer
	absent []string
}

func (v *victim) keep(c io.Closer, err error) error {
	if err == nil {
		v.kept = append(v.kept, c)
	}
	return err
}

// ask sends a request that the kernel may be unable to serve: its kind of object is a module.
func (v *victim) ask(what string, r *ns.Request) (done bool, err error) {
	err = route(v.route, r)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENODEV) {
		v.absent = append(v.absent, what)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("making %s: %w", what, err)
	}
	return true, nil
}

func (v *victim) up(name string, bridge int) error {
	i, err := net.InterfaceByName(name)
	if err == nil {
		err = route(v.route, ns.LinkUp(i.Index, bridge))
	}
	return err
}

var stages = []stage{
	{"nothing", func(v *victim) error { return nil }},
	{"address", func(v *victim) error {
		i, err := net.InterfaceByName(victimEnd)
		if err != nil {
			return err
		}
		return errors.Join(v.up("lo", 0), v.up(victimEnd, 0), route(v.route, ns.Address(i.Index, victimAddr)))
	}},
	{"bridge", func(v *victim) error {
		if ok, err := v.ask("bridge", ns.Link("bridge", "br0", 0, nil)); !ok {
			return err
		}
		bridge, err := net.InterfaceByName("br0")
		if err != nil {
			return err
		}
		if err := errors.Join(v.up("br0", 0), route(v.route, ns.Veth("v0", "v1")), v.up("v0", bridge.Index), v.up("v1", 0)); err != nil {
			return err
		}
		return nil
	}},
	{"stacked links", func(v *victim) error {
		if ok, err := v.ask("dummy", ns.Link("dummy", "d0", 0, nil)); !ok {
			return err
		}
		lower, err := net.InterfaceByName("d0")
		if err != nil {
			return err
		}
		_, vlan := v.ask("vlan", ns.Link("vlan", "d0.7", lower.Index, ns.VLAN(7)))
		_, macvlan := v.ask("macvlan", ns.Link("macvlan", "m0", lower.Index, nil))
		return errors.Join(v.up("d0", 0), vlan, macvlan)
	}},
	{"routes", func(v *victim) error {
		i, err := net.InterfaceByName(victimEnd)
		if err != nil {
			return err
		}
		for n := range byte(32) {
			to := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 100, n, 0}), 24)
			via := netip.AddrFrom4([4]byte{10, 99, 0, 100 + n})
			if err := errors.Join(route(v.route, ns.Neighbour(i.Index, via, [6]byte{2, 0, 0, 0, 0, n})), route(v.route, ns.Route(to, via))); err != nil {
				return fmt.Errorf("making route %d: %w", n, err)
			}
		}
		return nil
	}},
	{"tunnels", func(v *victim) error {
		_, ipip := v.ask("ipip", ns.Link("ipip", "t0", 0, ns.IPIP(peerAddr.Addr())))
		_, vxlan := v.ask("vxlan", ns.Link("vxlan", "t1", 0, ns.VXLAN(7)))
		return errors.Join(ipip, vxlan)
	}},
	{"packet filter", func(v *victim) error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if errors.Is(err, unix.EPROTONOSUPPORT) {
			v.absent = append(v.absent, "nf_tables")
			return nil
		}
		if err := v.keep(descriptor(fd), err); err != nil {
			return err
		}
		err = unix.Sendto(fd, ns.FilterTable("xtest"), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if err != nil {
			return fmt.Errorf("sending a packet filter's table: %w", err)
		}
		b := make([]byte, 4096)
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err == nil {
			err = ns.Acknowledged(b[:n])
		}
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			v.absent, err = append(v.absent, "nf_tables"), nil
		}
		return err
	}},
	{"sysctl", func(v *victim) error {
		err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
		if errors.Is(err, unix.EROFS) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) {
			v.absent, err = append(v.absent, "writable sysctls"), nil
		}
		return err
	}},
	{"datagram sockets", func(v *victim) error {
		udp, err := net.ListenPacket("udp4", netip.AddrPortFrom(victimAddr.Addr(), 0).String())
		if err != nil {
			return err
		}
		v.keep(udp, nil)
		peer := net.UDPAddrFromAddrPort(netip.AddrPortFrom(peerAddr.Addr(), peerPort))
		for range 16 {
			if _, err := udp.WriteTo(make([]byte, 1000), peer); err != nil {
				return err
			}
		}
		raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		if err := v.keep(descriptor(raw), err); err != nil {
			return err
		}
		packet, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0x0300) // ETH_P_ALL in network order
		if errors.Is(err, unix.EAFNOSUPPORT) {
			v.absent, err = append(v.absent, "packet sockets"), nil
		} else {
			err = v.keep(descriptor(packet), err)
		}
		return err
	}},
	{"unix sockets", func(v *victim) error {
		l, err := net.Listen("unix", "@xtest-teardown")
		if err := v.keep(l, err); err != nil {
			return err
		}
		for range 4 { // never accepted
			c, err := net.Dial("unix", "@xtest-teardown")
			if err := v.keep(c, err); err != nil {
				return err
			}
			c.Write(make([]byte, 4096))
		}
		return nil
	}},
	{"listener", func(v *victim) error {
		l, err := net.Listen("tcp4", netip.AddrPortFrom(victimAddr.Addr(), victimPort).String())
		return v.keep(l, err)
	}},
	{"connections out", func(v *victim) error {
		for range 3 {
			c, err := net.Dial("tcp4", netip.AddrPortFrom(peerAddr.Addr(), peerPort).String())
			if err := v.keep(c, err); err != nil {
				return err
			}
			fill(c)
		}
		return nil
	}},
	{"connections within", func(v *victim) error {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err := v.keep(l, err); err != nil {
			return err
		}
		dial := func() (net.Conn, error) { return net.Dial("tcp4", l.Addr().String()) }
		// TIME_WAIT: closed here first, and read to the end and closed there.
		for range 4 {
			out, err := dial()
			if err != nil {
				return err
			}
			in, err := l.Accept()
			if err != nil {
				return err
			}
			out.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, in)
			in.Close()
			out.Close()
		}
		// Orphans: closed with data that nobody will read.
		for range 4 {
			c, err := dial()
			if err != nil {
				return err
			}
			fill(c)
			c.Close()
		}
		return nil
	}},
}

// descriptor is a socket that package net has no type for.
type descriptor int

func (d descriptor) Close() error { return unix.Close(int(d)) }

// fill writes until the other side would have to read: the data is in flight from then on.
func fill(c net.Conn) {
	c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	io.Copy(c, zeros{})
	c.SetWriteDeadline(time.Time{})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// progress is what the victim says behind each stage.
type progress struct {
	Stage  int
	Absent []string
}

var victimChild = child.NewFunc("namespaces-victim", func(s *child.Side) error {
	var ready bool // the link is here
	if err := s.Recv(&ready); err != nil {
		return err
	}
	fd, err := routeSocket(0)
	if err != nil {
		return err
	}
	v := &victim{route: fd}
	for i, st := range stages {
		if err := st.make(v); err != nil {
			return fmt.Errorf("stage %q: %w", st.name, err)
		}
		if err := s.Send(progress{i, v.absent}); err != nil {
			return err
		}
	}
	return s.Recv(&ready) // until it is killed
})
