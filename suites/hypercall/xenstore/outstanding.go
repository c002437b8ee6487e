package xenstore

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/xenstore"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

// A round trip takes half a millisecond under emulation: of nodes there are as many as tell the replies apart, and
// that many reads are timed at least.
const fewest = 16

var _ = suite.Describe("xenstore", func() {
	for _, n := range []int{1, 8, 64} {
		m := spec.Meta{
			ID: fmt.Sprintf("xenstore/outstanding-%d", n), Level: spec.Must,
			Clause: wire + "req_id: echoed in the reply, so that many requests may be outstanding; each is answered once",
		}
		it(m, func(c *client) {
			hands := []*client{c}
			for len(hands) < n {
				hands = append(hands, c.another())
			}
			c.outstanding(n, hands...)
		})
		m.ID += "-socket"
		m.Needs = []spec.Probe{Daemon}
		it(m, func(c *client) { c.outstanding(n, connect(c.T, dial)) })
		if n == 1 {
			continue
		}
		m.ID = fmt.Sprintf("xenstore/outstanding-%d-one-file", n)
		m.Level, m.Needs = spec.Should, nil
		it(m, func(c *client) {
			c.Note("Linux since 4.11 queues a request's header alone (xenbus_dev_request_and_reply); its payload is taken out of the open file's buffer when it is sent, and the next write may have changed it by then")
			c.outstanding(n, c)
		})
	}
})

// outstanding judges that n reads at once, dealt out to the connections given, are each answered with
// what was asked for, and samples how long a read takes.
func (c *client) outstanding(n int, hands ...*client) {
	value := func(i int) string { return strings.Repeat(fmt.Sprint(i%fewest), 3) }
	path := func(i int) string { return c.path(fmt.Sprint(i % fewest)) }
	for i := range min(n, fewest) {
		c.write(path(i), value(i))
	}
	rounds := max(n, fewest)
	start := time.Now()
	for done := 0; done < rounds; done += n {
		asked := make([]map[uint32]int, len(hands))
		for i := range n {
			h := i % len(hands)
			id, err := hands[h].Send(xenstore.Read, 0, xenstore.Strings(path(i)))
			c.Setup("asking", err)
			if asked[h] == nil {
				asked[h] = map[uint32]int{}
			}
			asked[h][id] = i
		}
		for h, hand := range hands {
			for range len(asked[h]) {
				m, err := hand.Next()
				c.Setup("waiting for a reply", err)
				i, mine := asked[h][m.Request]
				c.True("reply", mine, fmt.Sprintf("one to request %d", m.Request), "one to each request that was made")
				delete(asked[h], m.Request)
				c.Success("read", m.Err())
				c.Equal("read", string(m.Payload), value(i))
			}
		}
	}
	c.Sample(fmt.Sprintf("%s-read", c.ID()), float64(time.Since(start).Nanoseconds())/float64(rounds), "ns/op")
}

// quotas are what an unprivileged domain may use of the store, and what it is told beyond. The
// defaults are C xenstored's (xenstored(8)).
var quotas = []struct {
	id, clause string
	use        func(c *client) answer
	known      []unix.Errno
}{
	{"entries", "--entry-nb: nodes of a domain, 1000", func(c *client) answer {
		// Each request makes 41 nodes: the parents that are missing come with the last.
		return c.until(27, func(i int) answer {
			return c.ask("mkdir beyond the quota", xenstore.Mkdir, 0, xenstore.Strings(c.path(fmt.Sprint(i)+strings.Repeat("/n", 40))))
		})
	}, []unix.Errno{unix.ENOSPC}},
	{"entry-size", "--entry-size: bytes of a node, 2048", func(c *client) answer {
		return c.ask("write of 3000 bytes", xenstore.Write, 0, append(xenstore.Strings(c.path("v")), strings.Repeat("x", 3000)...))
	}, []unix.Errno{unix.ENOSPC, unix.E2BIG}},
	{"watches", "--watch-nb: watches of a domain, 128", func(c *client) answer {
		return c.until(136, func(i int) answer {
			return c.ask("watch beyond the quota", xenstore.Watch, 0, xenstore.Strings(c.path("w"), fmt.Sprint(i)))
		})
	}, []unix.Errno{unix.E2BIG, unix.ENOSPC}},
	{"transactions", "--transaction: transactions of a domain at once, 10", func(c *client) answer {
		return c.until(20, func(int) answer {
			return c.ask("transaction start beyond the quota", xenstore.TransactionStart, 0, []byte{0})
		})
	}, []unix.Errno{unix.EBUSY, unix.ENOSPC}},
	{"path-depth", "--path-max-depth and XENSTORE_REL_PATH_MAX: how deep nodes lie", func(c *client) answer {
		return c.ask("mkdir 700 levels down", xenstore.Mkdir, 0, xenstore.Strings(c.path(strings.Repeat("a/", 700)+"a")))
	}, []unix.Errno{unix.ENOSPC, unix.E2BIG, unix.EINVAL}},
}

// until asks up to n times, and gives the first refusal or the last answer.
func (c *client) until(n int, ask func(i int) answer) answer {
	var a answer
	for i := range n {
		if a = ask(i); a.m.Err() != nil {
			break
		}
	}
	return a
}

var _ = suite.Describe("xenstore", func() {
	for _, q := range quotas {
		it(spec.Meta{
			ID: "xenstore/quota-" + q.id, Level: spec.Should,
			Clause: "xenstored(8) " + q.clause + "; a privileged domain has none",
			Limit:  20 * time.Second,
		}, func(c *client) {
			want := expect.Refusal(names(q.known)...)
			if c.Has(Privileged) {
				want = expect.Exactly("OK")
				if q.id == "path-depth" {
					want = want.Also("ENOSPC", "quotas of a node's depth hold for all")
				}
			}
			q.use(c).as(want)
		})
	}
})
