package namespaces

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/leak"
)

// nft adds an nf_tables request and the reading of its answer.
func (s *script) nft(text string, request []byte) answered {
	fd := s.must("socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER)", unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER)
	b, into := s.bytes(request), s.Buffer(4096)
	s.must("send("+text+")", unix.SYS_SENDTO, fd, b, len(b.Bytes), 0, 0, 0)
	a := answered{s.call("recv("+text+")", unix.SYS_RECVFROM, fd, into, 4096, unix.MSG_DONTWAIT, 0, 0), into}
	s.must("close(fd)", unix.SYS_CLOSE, fd)
	return a
}

const nftTable = "xtest"

// tables probes for nf_tables, a module in most kernels.
var tables = spec.Probe{Name: "nf_tables", Check: func() error {
	s := newScript()
	s.own(unix.CLONE_NEWNET)
	a := s.nft("NFT_MSG_NEWTABLE", ns.NftNewTable(nftTable))
	return errors.Join(s.try(context.Background()), a.err())
}}

var _ = suite.Describe("net", func() {
	isolates(spec.Meta{
		ID: "net/nft-isolated", Level: spec.Must, Sources: []string{"NET-019"},
		Clause: "network_namespaces(7), nft(8): a table of netfilter's rules is its network namespace's own",
		Needs:  []spec.Probe{tables},
	}, ns.Net, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		ready, done := s.event(), s.event()
		var inside answered
		other := s.fork(flags, func(s *script) {
			inside = s.nft("NFT_MSG_NEWTABLE", ns.NftNewTable(nftTable))
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		outside := s.nft("NFT_MSG_GETTABLE", ns.NftGetTable(nftTable))
		s.signal(done)
		s.wait(other)
		s.run(t)
		t.Setup("making a table", inside.err())
		t.Setup("asking for the table", outside.Err())
		found, err := ns.NftFound(outside.into.Bytes[:outside.Value()])
		t.Setup("asking for the table", err)
		return observation{"NFT_MSG_NEWTABLE inside, NFT_MSG_GETTABLE outside", fmt.Sprintf("found %v", found), found}
	})
})

var _ = suite.Describe("teardown", func() {
	suite.It(spec.Meta{
		ID: "teardown/nft", Level: spec.Must, Grade: spec.Guest, Sources: []string{"TDN-019"}, Limit: time.Minute,
		Clause: "network_namespaces(7), nft(8): tables go with their network namespace; making and leaving " + fmt.Sprint(briefRound) + " leaves no memory behind",
		Needs:  []spec.Probe{netNS, tables},
	}, func(t *spec.T) {
		quietLog(t, func() {
			var inside []answered // of each batch's last cycle
			// The control makes namespaces without a table.
			r, err := leak.Watch(t, briefRound,
				func() error { return cycles(t, ns.Net, unix.CLONE_NEWNET, briefRound) },
				func() error {
					return fullCycles(t, ns.Net, unix.CLONE_NEWNET, briefRound, func(s *script) {
						inside = append(inside, s.nft("NFT_MSG_NEWTABLE", ns.NftNewTable(nftTable)))
					})
				})
			t.Setup("watching the kernel's memory", err)
			for _, a := range inside {
				t.Setup("making a table", a.err())
			}
			t.True(fmt.Sprintf("unshare(CLONE_NEWNET), NFT_MSG_NEWTABLE, exit_group(0), %d times, twice", briefRound), r.Grown == "", "grown beyond the control: "+r.Grown, "memory as before")
		})
	})
})
