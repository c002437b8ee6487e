package xenstore

import (
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"xtest/internal/xenstore"
	"xtest/runner/event"
	"xtest/suites/spec"
)

const watches = text + "WATCH <wpath>|<token>|: "

var _ = suite.Describe("xenstore", func() {
	it(spec.Meta{
		ID: "xenstore/watch", Level: spec.Must,
		Clause: watches + "fires once at first, and then whenever <wpath> or anything below it changes, with the path of the change and the token",
	}, func(c *client) {
		c.watch(c.path("w"), "a token with spaces")
		c.write(c.path("w"), "1")
		c.fires(c.path("w"), "a token with spaces")
		c.another().write(c.path("w/below"), "2")
		c.fires(c.path("w/below"), "a token with spaces")
		c.ask("rm below", xenstore.Rm, 0, xenstore.Strings(c.path("w/below"))).ok()
		c.fires(c.path("w/below"), "a token with spaces")
		c.write(c.path("elsewhere"), "3")
		c.silent("watch on another node")
	})
	it(spec.Meta{
		ID: "xenstore/watch-missing", Level: spec.Must,
		Clause: watches + "<wpath> need not exist",
	}, func(c *client) {
		c.watch(c.path("not/there"), "t")
		c.write(c.path("not/there"), "now")
		c.fires(c.path("not/there"), "t")
	})
	it(spec.Meta{
		ID: "xenstore/watch-rm-parent", Level: spec.Must,
		Clause: watches + "fires when <wpath> goes because what is above it is deleted",
	}, func(c *client) {
		c.write(c.path("p/q"), "x")
		c.watch(c.path("p/q"), "t")
		c.ask("rm of the parent", xenstore.Rm, 0, xenstore.Strings(c.path("p"))).ok()
		p, token, err := c.Event(eventTime)
		c.Success("waiting for the watch", err)
		c.Equal("token of the event", token, "t")
		c.Record(event.Answer{Call: "path of the event", Value: p[len(c.folder):]})
	})
	it(spec.Meta{
		ID: "xenstore/watch-relative", Level: spec.Must,
		Clause: watches + "a relative <wpath> gives events with relative paths",
	}, func(c *client) {
		relative := "data/" + path.Base(c.folder)
		c.watch(relative+"/w", "t")
		c.write(c.path("w"), "1")
		c.fires(relative+"/w", "t")
	})
	it(spec.Meta{
		ID: "xenstore/unwatch", Level: spec.Must,
		Clause: text + "UNWATCH <wpath>|<token>|: no more events",
	}, func(c *client) {
		c.watch(c.path("w"), "t")
		c.ask("unwatch", xenstore.Unwatch, 0, xenstore.Strings(c.path("w"), "t")).ok()
		c.write(c.path("w"), "1")
		c.silent("watch that is gone")
	})
	it(spec.Meta{
		// Linux's driver keeps the watches of its users, and grants any unwatch (xenbus_write_watch).
		ID: "xenstore/unwatch-missing", Level: spec.Must, Needs: []spec.Probe{Daemon},
		Clause: text + "UNWATCH <wpath>|<token>|: ENOENT if there is no such watch",
	}, func(c *client) {
		connect(c.T, dial).ask("unwatch of no watch", xenstore.Unwatch, 0, xenstore.Strings(c.path("w"), "t")).only(unix.ENOENT)
	})
	it(spec.Meta{
		ID: "xenstore/watch-two-tokens", Level: spec.Must,
		Clause: watches + "one path may be watched with several tokens, each with its own event",
	}, func(c *client) {
		c.watch(c.path("w"), "one")
		c.watch(c.path("w"), "two")
		c.write(c.path("w"), "1")
		var tokens []string
		for range 2 {
			_, token, err := c.Event(eventTime)
			c.Success("waiting for a watch", err)
			tokens = append(tokens, token)
		}
		slices.Sort(tokens)
		c.Equal("tokens of the events", tokens, []string{"one", "two"})
	})
	it(spec.Meta{
		ID: "xenstore/watch-closed", Level: spec.Must,
		Clause: watches + "a watch is a connection's, and ends with it",
	}, func(c *client) {
		other := c.another()
		other.watch(c.path("w"), "t")
		c.write(c.path("w"), "1")
		c.silent("watch of another connection")
		other.fires(c.path("w"), "t")
	})
	it(spec.Meta{
		ID: "xenstore/watch-special", Level: spec.Must,
		Clause: watches + "@introduceDomain and @releaseDomain tell of domains",
	}, func(c *client) {
		c.watch("@introduceDomain", "i")
		c.watch("@releaseDomain", "r")
		c.silent("watch on domains, none of which comes or goes")
	})
	for id, payload := range map[string][]byte{
		"no-token": xenstore.Strings("/x"), "nothing": {}, "no-nul": []byte("/x"),
	} {
		it(spec.Meta{
			ID: "xenstore/watch-malformed-" + id, Level: spec.Should,
			Clause: watches + "a path and a token, each with its NUL; the kernel's driver, which keeps the watches, may refuse the write",
		}, func(c *client) {
			id, err := c.Send(xenstore.Watch, 0, payload)
			if err != nil {
				c.Answer("write of the request", spec.ErrnoName(err))
				return
			}
			m, err := c.Reply(id)
			c.replied("waiting for the reply", err)
			answer{c, "watch", m}.refused(unix.EINVAL)
		})
	}
})
