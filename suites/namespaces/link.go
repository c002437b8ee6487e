package namespaces

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// fresh starts Go code as a child in new namespaces, with the rights to configure them.
func fresh(f *child.Func, flags uintptr) (*child.Peer, error) {
	opts := []child.Option{child.In(flags)}
	if !direct() {
		opts = append(opts, child.MapRoot())
	}
	return f.Start(opts...)
}

// route sends a request and waits for its acknowledgement.
func route(fd int, r *ns.Request) error {
	if err := unix.Sendto(fd, r.Bytes(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	b := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, b, 0)
	if err != nil {
		return err
	}
	return ns.Acknowledged(b[:n])
}

// vethReport is what the child of the veth specs saw.
type vethReport struct {
	Here, There   bool // the moved end is in this and in the other namespace
	Gone          bool // the other end was removed within the limit
	After         time.Duration
	ForeignEvents int // link events heard here while only the other namespace changed
}

func routeSocket(groups uint32) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("opening a netlink socket: %w", err)
	}
	limit := unix.Timeval{Sec: int64(gone / time.Second)}
	err = errors.Join(unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit))
	return fd, err
}

var vethChild = child.NewFunc("namespaces-veth", func(s *child.Side) error {
	fd, err := routeSocket(0)
	if err != nil {
		return err
	}
	if err := route(fd, ns.Veth("xa", "xb")); err != nil {
		return fmt.Errorf("making a veth pair: %w", err)
	}
	var probing bool
	if err := s.Recv(&probing); err != nil {
		return err
	}
	events, err := routeSocket(unix.RTMGRP_LINK)
	if err != nil {
		return err
	}
	var r vethReport
	// The other namespace's member lives on a pipe: it looks when told to and ends on its own.
	other := newScript()
	other.unshare(unix.CLONE_NEWNET)
	ready, moved, looked, end := event(), event(), event(), event()
	other.signal(ready)
	other.await(moved)
	links := other.read("/proc/self/net/dev", 4096)
	other.up()
	other.signal(looked)
	other.await(end)
	proc, err := other.Start(0)
	if err != nil {
		return err
	}
	defer proc.Kill()
	if err := await(ready, proc); err != nil {
		return err
	}
	if err := route(fd, ns.MoveLink("xb", proc.PID())); err != nil {
		return fmt.Errorf("moving a veth end: %w", err)
	}
	_, missing := net.InterfaceByName("xb")
	r.Here = missing == nil
	drain(events)
	signal(moved)
	if err := await(looked, proc); err != nil {
		return err
	}
	if err := other.check(); err != nil || probing {
		return errors.Join(err, s.Send(vethReport{}))
	}
	r.There = strings.Contains(links.String(), "xb:")
	r.ForeignEvents = drain(events)
	start := time.Now()
	proc.Kill()
	r.Gone = deleted(events)
	r.After = time.Since(start)
	return s.Send(r)
})

// deleted waits for a link of this namespace to go.
func deleted(events int) bool {
	b := make([]byte, 16<<10)
	for {
		n, _, err := unix.Recvfrom(events, b, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n < unix.SizeofNlMsghdr {
			return false
		}
		if binary.NativeEndian.Uint16(b[4:]) == unix.RTM_DELLINK {
			return true
		}
	}
}

// drain takes the events that are waiting and counts them.
func drain(fd int) (n int) {
	b := make([]byte, 16<<10)
	for {
		if _, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT); err != nil {
			return n
		}
		n++
	}
}

// veth probes for virtual Ethernet pairs, which may be a module that is not loaded, and for the
// requests that move an end and bring a link up.
var veth = spec.Probe{Name: "veth", Check: func() error {
	p, err := fresh(vethChild, unix.CLONE_NEWNET)
	if err != nil {
		return err
	}
	defer p.Kill()
	if err := p.Send(true); err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, unix.EPIPE) {
		return err
	}
	return p.Recv(nil)
}}

var _ = suite.Describe("net", func() {
	suite.It(spec.Meta{
		ID: "net/veth-moves", Level: spec.Must, Sources: []string{"NET-009", "NET-021"},
		Clause: "network_namespaces(7), veth(4): an end of a pair that is moved is in the other namespace only, and the pair is destroyed with that namespace",
		Needs:  []spec.Probe{netNS, veth},
	}, func(t *spec.T) {
		p, err := fresh(vethChild, unix.CLONE_NEWNET)
		t.Setup("clone(CLONE_NEWNET)", err)
		var r vethReport
		t.Setup("in the child process", errors.Join(p.Send(false), p.Recv(&r)))
		p.Wait(t)
		t.True("RTM_NEWLINK {IFLA_NET_NS_PID}: if_nametoindex(\"xb\")", !r.Here, "still here", "not here any longer")
		t.True("RTM_NEWLINK {IFLA_NET_NS_PID}: the other namespace's /proc/net/dev", r.There, "not there", "there")
		t.Equal("lo up in the other namespace: recv(RTMGRP_LINK) here", fmt.Sprint(r.ForeignEvents, " events"), fmt.Sprint(0, " events"))
		t.True("the other namespace's end: recv(RTMGRP_LINK) here", r.Gone, "no RTM_DELLINK within 2 s", "RTM_DELLINK")
		t.Sample("veth-teardown", float64(r.After.Nanoseconds()), "ns")
	})
})
