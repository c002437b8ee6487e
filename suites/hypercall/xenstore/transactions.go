package xenstore

import (
	"golang.org/x/sys/unix"

	"xtest/internal/xenstore"
	"xtest/suites/spec"
)

const transactions = text + "TRANSACTION_START, TRANSACTION_END <T|F>: "

var _ = suite.Describe("xenstore", func() {
	it(spec.Meta{
		ID: "xenstore/transaction-commit", Level: spec.Must,
		Clause: transactions + "changes are seen by others when the transaction ends with T, and not before",
	}, func(c *client) {
		c.write(c.path("v"), "before")
		tx := c.begin()
		c.ask("write in the transaction", xenstore.Write, tx, append(xenstore.Strings(c.path("v")), "after"...)).ok()
		c.reads(c.path("v"), tx, "after")
		c.another().reads(c.path("v"), 0, "before")
		c.end(tx, "T").ok()
		c.another().reads(c.path("v"), 0, "after")
	})
	it(spec.Meta{
		ID: "xenstore/transaction-abort", Level: spec.Must,
		Clause: transactions + "with F its changes are lost",
	}, func(c *client) {
		c.write(c.path("v"), "before")
		tx := c.begin()
		c.ask("write in the transaction", xenstore.Write, tx, append(xenstore.Strings(c.path("v")), "after"...)).ok()
		c.ask("rm in the transaction", xenstore.Rm, tx, xenstore.Strings(c.path("w"))).ok()
		c.end(tx, "F").ok()
		c.reads(c.path("v"), 0, "before")
	})
	for id, conflict := range map[string]func(c *client, tx uint32){
		"read": func(c *client, tx uint32) { c.reads(c.path("v"), tx, "before") },
		"write": func(c *client, tx uint32) {
			c.ask("write in the transaction", xenstore.Write, tx, append(xenstore.Strings(c.path("v")), "mine"...)).ok()
		},
	} {
		it(spec.Meta{
			ID: "xenstore/transaction-conflict-" + id, Level: spec.Must,
			Clause: transactions + "EAGAIN when another change conflicts with what the transaction has seen; it has then to be done again",
		}, func(c *client) {
			c.write(c.path("v"), "before")
			tx := c.begin()
			conflict(c, tx)
			// So that there is something to commit, and a reason to look.
			c.ask("write in the transaction", xenstore.Write, tx, append(xenstore.Strings(c.path("w")), "x"...)).ok()
			c.another().write(c.path("v"), "theirs")
			c.end(tx, "T").only(unix.EAGAIN)
			c.reads(c.path("v"), 0, "theirs")
			c.ask("read of what was not committed", xenstore.Read, 0, xenstore.Strings(c.path("w"))).only(unix.ENOENT)
		})
	}
	it(spec.Meta{
		ID: "xenstore/transactions-apart", Level: spec.Must,
		Clause: transactions + "two that touch nothing in common both commit",
	}, func(c *client) {
		c.write(c.path("a"), "")
		c.write(c.path("b"), "")
		other := c.another()
		one, two := c.begin(), other.begin()
		c.True("two transactions", one != two, "one number twice", "two numbers")
		c.ask("write in one", xenstore.Write, one, append(xenstore.Strings(c.path("a")), '1')).ok()
		other.ask("write in the other", xenstore.Write, two, append(xenstore.Strings(c.path("b")), '2')).ok()
		c.end(one, "T").ok()
		other.end(two, "T").ok()
		c.reads(c.path("a"), 0, "1")
		c.reads(c.path("b"), 0, "2")
	})
	it(spec.Meta{
		ID: "xenstore/transaction-unknown", Level: spec.Must,
		Clause: transactions + "ENOENT: there is no such transaction, or it has ended",
	}, func(c *client) {
		c.ask("read in a transaction that is not", xenstore.Read, 0x7ffffff0, xenstore.Strings("/")).only(unix.ENOENT)
		tx := c.begin()
		c.end(tx, "F").ok()
		c.end(tx, "T").only(unix.ENOENT)
	})
	it(spec.Meta{
		ID: "xenstore/transaction-end-word", Level: spec.Must,
		Clause: transactions + "T and F are the only ends",
	}, func(c *client) {
		tx := c.begin()
		c.ask("transaction end X", xenstore.TransactionEnd, tx, xenstore.Strings("X")).only(unix.EINVAL)
		c.end(tx, "F").ok()
	})
	it(spec.Meta{
		// Linux's driver warns of this and keeps the reply to itself (xenbus_dev_queue_reply).
		ID: "xenstore/transaction-end-none", Level: spec.Should, Needs: []spec.Probe{Daemon},
		Clause: transactions + "the transaction is named in the header, and 0 is none",
	}, func(c *client) { connect(c.T, dial).end(0, "T").refused(unix.ENOENT, unix.EINVAL) })
	it(spec.Meta{
		ID: "xenstore/transaction-watch", Level: spec.Must,
		Clause: text + "WATCH: changes in a transaction fire when it commits, and not before",
	}, func(c *client) {
		c.watch(c.path("w"), "t")
		tx := c.begin()
		other := c.another()
		c.ask("write in the transaction", xenstore.Write, tx, append(xenstore.Strings(c.path("w")), 'x')).ok()
		other.reads(c.folder, 0, "")
		c.silent("watch on a change that is not committed")
		c.end(tx, "T").ok()
		c.fires(c.path("w"), "t")
	})
})
