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

// rounds is how many reads are timed for each number of them outstanding.
const rounds = 128

var _ = suite.Describe("xenstore", func() {
	for _, n := range []int{1, 8, 64} {
		both(spec.Meta{
			ID: fmt.Sprintf("xenstore/outstanding-%d", n), Level: spec.Must,
			Clause: wire + "req_id: echoed in the reply, so that many requests may be outstanding; each is answered once",
		}, func(c *client) {
			for i := range n {
				c.write(c.path(fmt.Sprint(i)), strings.Repeat(fmt.Sprint(i), 3))
			}
			c.Note("Linux 6.1's /dev/xen/xenbus was seen to send a later request's bytes under an earlier one's number; the store's own socket does not")
			start := time.Now()
			for done := 0; done < rounds; done += n {
				asked := map[uint32]int{}
				for i := range n {
					id, err := c.Send(xenstore.Read, 0, xenstore.Strings(c.path(fmt.Sprint(i))))
					c.Setup("asking", err)
					asked[id] = i
				}
				for range n {
					m, err := c.Next()
					c.Setup("waiting for a reply", err)
					i, mine := asked[m.Request]
					c.True("reply", mine, fmt.Sprintf("one to request %d", m.Request), "one to each request that was made")
					delete(asked, m.Request)
					c.Success("read", m.Err())
					c.Equal("read", string(m.Payload), strings.Repeat(fmt.Sprint(i), 3))
				}
			}
			c.Sample(fmt.Sprintf("%s-read", c.ID()), float64(time.Since(start).Nanoseconds())/rounds, "ns/op")
		})
	}
})

// quotas are what an unprivileged domain may use of the store, and what it is told beyond. The
// defaults are C xenstored's (xenstored(8)).
var quotas = []struct {
	id, clause string
	use        func(c *client) answer
	known      []unix.Errno
}{
	{"entries", "--entry-nb: nodes of a domain, 1000", func(c *client) answer {
		return c.until(1100, func(i int) answer {
			return c.ask("mkdir beyond the quota", xenstore.Mkdir, 0, xenstore.Strings(c.path(fmt.Sprint(i))))
		})
	}, []unix.Errno{unix.ENOSPC}},
	{"entry-size", "--entry-size: bytes of a node, 2048", func(c *client) answer {
		return c.ask("write of 3000 bytes", xenstore.Write, 0, append(xenstore.Strings(c.path("v")), strings.Repeat("x", 3000)...))
	}, []unix.Errno{unix.ENOSPC, unix.E2BIG}},
	{"watches", "--watch-nb: watches of a domain, 128", func(c *client) answer {
		return c.until(200, func(i int) answer {
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
