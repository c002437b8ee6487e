package namespaces

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// gone is how long the kernel has to take a namespace down once its last process has ended: it does so in
// a work queue, behind an RCU grace period for each layer.
const gone = 10 * time.Second

// rounds are what the peer is told: a victim for each stage named.
type rounds struct {
	Stages []int // the stage behind which each victim is killed
	Seed   uint64
	// Spare leaves the victims alive: nothing may end then. It is the control.
	Spare bool
}

// round is what the peer saw of one victim's end.
type round struct {
	Stage  int
	Absent []string
	// Ends are how the peer's connections ended: "EOF", "ECONNRESET", or "open" when they did not.
	Ends []string
	Last time.Duration // from the kill to the last connection's end
	// LinkGone and Gone are when the peer's end of the link and the namespace itself were destroyed, 0: not
	// within the limit.
	LinkGone, Gone time.Duration
}

var peerChild = child.NewFunc("namespaces-peer", func(s *child.Side) error {
	var order rounds
	if err := s.Recv(&order); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(order.Seed, 0))
	for i, stage := range order.Stages {
		r, err := oneRound(i+1, stage, order.Spare, time.Duration(random.IntN(3000))*time.Microsecond)
		if err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
		if err := s.Send(r); err != nil {
			return err
		}
	}
	return nil
})

// watcher reads of links and namespaces that end.
type watcher struct{ fd int }

func newWatcher() (*watcher, error) {
	fd, err := routeSocket(unix.RTMGRP_LINK)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, ns.GroupNSID)
	}
	if err != nil {
		return nil, fmt.Errorf("watching links and namespaces: %w", err)
	}
	return &watcher{fd}, nil
}

// ends waits until the link and the namespace are both gone, or the limit is over.
func (w *watcher) ends(link, nsid int, limit time.Duration) (linkGone, nsGone time.Duration, err error) {
	start := time.Now()
	b := make([]byte, 32<<10)
	for linkGone == 0 || nsGone == 0 {
		left := limit - time.Since(start)
		if left <= 0 {
			return linkGone, nsGone, nil
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if errors.Is(err, unix.EINTR) || n == 0 {
			continue
		}
		n, _, err = unix.Recvfrom(w.fd, b, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		} else if err != nil {
			return linkGone, nsGone, err
		}
		events, err := ns.Events(b[:n])
		if err != nil {
			return linkGone, nsGone, err
		}
		for _, e := range events {
			switch {
			case e.Kind == unix.RTM_DELLINK && e.Index == link:
				linkGone = time.Since(start)
			case e.Kind == unix.RTM_DELNSID && e.NSID == nsid:
				nsGone = time.Since(start)
			}
		}
	}
	return linkGone, nsGone, nil
}

// oneRound lets a victim come as far as a stage and kills it a moment later.
func oneRound(id, stage int, spare bool, moment time.Duration) (r round, err error) {
	fd, err := routeSocket(0)
	if err != nil {
		return r, err
	}
	defer unix.Close(fd)
	victim, err := fresh(victimChild, unix.CLONE_NEWNET)
	if err != nil {
		return r, err
	}
	defer child.KillAll()
	watch, err := newWatcher()
	if err != nil {
		return r, err
	}
	defer unix.Close(watch.fd)
	link, err := connect(fd, id, victim.PID())
	if err != nil {
		return r, err
	}
	p, err := listen()
	if err != nil {
		return r, err
	}
	defer p.close()
	if err := victim.Send(true); err != nil {
		return r, err
	}
	for at := -1; at < stage; {
		var said progress
		if err := victim.Recv(&said); err != nil {
			return r, fmt.Errorf("filling the namespace: %w", err)
		}
		at, r.Absent = said.Stage, said.Absent
		if stages[at].name == "listener" {
			p.dial()
		}
	}
	pause(moment)
	start := time.Now()
	limit := gone
	if spare {
		limit = 200 * time.Millisecond
	} else {
		victim.Kill()
	}
	r.Stage, r.Ends, r.Last = stage, p.ends(start.Add(limit)), time.Since(start)
	r.LinkGone, r.Gone, err = watch.ends(link, id, limit)
	return r, err
}

// pause waits for a moment within the victim's next stage.
func pause(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	<-ctx.Done()
}

// connect makes the link between here and a process's network namespace, which gets a number.
func connect(fd, id, pid int) (index int, err error) {
	step := func(what string, r *ns.Request) {
		if err == nil {
			if err = route(fd, r); err != nil {
				err = fmt.Errorf("%s: %w", what, err)
			}
		}
	}
	step("RTM_NEWNSID", ns.NameNamespace(pid, id))
	step("making a veth pair", ns.Veth(peerEnd, victimEnd))
	if err != nil {
		return 0, err
	}
	i, err := net.InterfaceByName(peerEnd)
	if err != nil {
		return 0, err
	}
	step("moving a veth end", ns.MoveLink(victimEnd, pid))
	step("giving the veth end its address", ns.Address(i.Index, peerAddr))
	step("bringing the veth end up", ns.LinkUp(i.Index, 0))
	return i.Index, err
}

// connections are the peer's, from and to the victim.
type connections struct {
	listener net.Listener
	mu       sync.Mutex
	all      []net.Conn
}

func listen() (*connections, error) {
	l, err := net.Listen("tcp4", netip.AddrPortFrom(peerAddr.Addr(), peerPort).String())
	if err != nil {
		return nil, err
	}
	p := &connections{listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.add(c)
		}
	}()
	return p, nil
}

func (p *connections) add(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, c)
}

// dial connects to the victim's listener and sends more than it takes.
func (p *connections) dial() {
	d := net.Dialer{Timeout: gone}
	c, err := d.Dial("tcp4", netip.AddrPortFrom(victimAddr.Addr(), victimPort).String())
	if err != nil {
		return // the victim is judged by the connections that came about
	}
	fill(c)
	p.add(c)
}

// ends reads every connection to its end and says what that was.
func (p *connections) ends(deadline time.Time) []string {
	p.mu.Lock()
	all := slices.Clone(p.all)
	p.mu.Unlock()
	ends := make([]string, len(all))
	var readers sync.WaitGroup
	for i, c := range all {
		readers.Go(func() {
			c.SetReadDeadline(deadline)
			_, err := io.Copy(io.Discard, c)
			switch {
			case err == nil:
				ends[i] = "EOF"
			case errors.Is(err, os.ErrDeadlineExceeded):
				ends[i] = "open"
			default:
				var errno syscall.Errno
				errors.As(err, &errno)
				ends[i] = cmp.Or(unix.ErrnoName(errno), err.Error())
			}
		})
	}
	readers.Wait()
	return ends
}

func (p *connections) close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.all {
		c.Close()
	}
}

// namedNamespaces probes for the messages that tell of a namespace's end, and for the link.
var namedNamespaces = spec.Probe{Name: "RTM_DELNSID", Check: func() error {
	return destroy(context.Background(), rounds{Stages: []int{0}}, func(r round) error {
		if r.Gone == 0 {
			return fmt.Errorf("no RTM_DELNSID within %v", gone)
		}
		return nil
	})
}}

// destroy has victims made and killed, and gives what was seen of each.
func destroy(ctx context.Context, order rounds, each func(round) error) error {
	p, err := fresh(peerChild, unix.CLONE_NEWNET)
	if err != nil {
		return err
	}
	defer p.Kill()
	if err := p.Send(order); err != nil {
		return err
	}
	for range order.Stages {
		var r round
		if err := p.Recv(&r); err != nil {
			return err
		}
		if err := errors.Join(each(r), context.Cause(ctx)); err != nil {
			return err
		}
	}
	return p.Wait(ctx)
}

// judgeRound judges how the peer saw a namespace's end.
func judgeRound(t *spec.T, r round, call string) {
	for _, end := range r.Ends {
		t.True(call+": recv() of the peer's TCP connection", end == "EOF" || end == "ECONNRESET" || end == "EPIPE", end, "EOF, or ECONNRESET, or EPIPE where the end was half closed")
	}
	t.True(call+": the peer's end of the veth pair", r.LinkGone > 0, fmt.Sprintf("no RTM_DELLINK within %v", gone), "RTM_DELLINK")
	t.True(call+": the namespace", r.Gone > 0, fmt.Sprintf("no RTM_DELNSID within %v", gone), "RTM_DELNSID")
}

func randomKills(id string, n int, m spec.Meta) {
	m.ID, m.Level = id, spec.Must
	m.Needs = []spec.Probe{netNS, veth, namedNamespaces}
	m.Clause = "network_namespaces(7), namespaces(7) \"Namespace lifetime\": a namespace full of links, routes and sockets that is destroyed at any point is freed with all that is in it, and its peers see their connections end"
	suite.It(m, func(t *spec.T) {
		order := rounds{Seed: t.Rand().Uint64()}
		for range n {
			order.Stages = append(order.Stages, t.Rand().IntN(len(stages)))
		}
		absent := map[string]bool{}
		quietLog(t, func() {
			t.Setup("destroying namespaces", destroy(t, order, func(r round) error {
				judgeRound(t, r, fmt.Sprintf("kill(victim, SIGKILL) behind %q", stages[r.Stage].name))
				for _, a := range r.Absent {
					absent[a] = true
				}
				t.Sample("destroyed", float64(r.Gone.Nanoseconds()), "ns")
				return nil
			}))
		})
		for a := range absent {
			t.Note("this kernel cannot make: %s", a)
		}
	})
}

var _ = suite.WantsModules("bridge", "dummy", "8021q", "macvlan", "nf_tables", "ipip", "vxlan")

var _ = suite.Describe("teardown", func() {
	suite.It(spec.Meta{
		ID: "teardown/net-full", Level: spec.Must, Sources: []string{"TDN-001", "TDN-016", "TDN-018", "TDN-020"}, Limit: 30 * time.Second,
		Clause: "network_namespaces(7): when the last process has ended the namespace is freed: veth pairs destroyed, bridges, vlans and sockets too; tcp(7): a peer's connection ends",
		Needs:  []spec.Probe{netNS, veth, namedNamespaces},
	}, func(t *spec.T) {
		full := []int{len(stages) - 1}
		t.Setup("without destroying anything", destroy(t, rounds{Stages: full, Spare: true}, func(r round) error {
			// The control: what the verdict rests on must not be seen as long as the namespace lives.
			if len(r.Ends) < 4 || slices.ContainsFunc(r.Ends, func(e string) bool { return e != "open" }) || r.LinkGone+r.Gone != 0 {
				return fmt.Errorf("void: with the namespace alive the connections were %v, link gone after %v, namespace after %v", r.Ends, r.LinkGone, r.Gone)
			}
			return nil
		}))
		quietLog(t, func() {
			t.Setup("destroying a namespace", destroy(t, rounds{Stages: full}, func(r round) error {
				judgeRound(t, r, "kill(every process of the namespace)")
				t.Answer("the peer's connections ended with", strings.Join(slices.Sorted(slices.Values(r.Ends)), " "))
				t.Sample("connections ended", float64(r.Last.Nanoseconds()), "ns")
				t.Sample("destroyed", float64(r.Gone.Nanoseconds()), "ns")
				return nil
			}))
		})
	})

	randomKills("teardown/net-random", 5, spec.Meta{Sources: []string{"TDN-025"}, Limit: 60 * time.Second})
	randomKills("teardown/net-random-soak", 300, spec.Meta{Sources: []string{"TDN-025"}, Labels: []string{"soak"}, Limit: 10 * time.Minute})
})
