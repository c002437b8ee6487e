package xenstore

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/xenstore"
	"xtest/suites/spec"
)

const perms = text + "SET_PERMS <path>|<perm-as-string>|+?, GET_PERMS: <perm-as-string> is w, r, b or n and a domain's number; the first is the owner and what others may: "

var _ = suite.Describe("xenstore", func() {
	it(spec.Meta{
		ID: "xenstore/permissions", Level: spec.Must, Clause: perms + "they read back as they were set",
	}, func(c *client) {
		c.write(c.path("p"), "")
		own := xenstore.Split(c.ask("get perms", xenstore.GetPerms, 0, xenstore.Strings(c.path("p"))).ok())
		c.True("get perms", len(own) > 0 && len(own[0]) > 1 && strings.ContainsRune("wrbn", rune(own[0][0])), fmt.Sprintf("%q", own), "an owner and what others may")
		owner := own[0][1:]
		for _, set := range [][]string{{"n" + owner}, {"r" + owner}, {"n" + owner, "r7"}, {"n" + owner, "w7", "b8", "r9"}} {
			c.ask("set perms "+strings.Join(set, " "), xenstore.SetPerms, 0, xenstore.Strings(append([]string{c.path("p")}, set...)...)).ok()
			got := xenstore.Split(c.ask("get perms", xenstore.GetPerms, 0, xenstore.Strings(c.path("p"))).ok())
			c.Equal("get perms behind set perms", got, set)
		}
	})
	it(spec.Meta{
		ID: "xenstore/permissions-inherited", Level: spec.Must, Clause: perms + "a new node has its parent's",
	}, func(c *client) {
		c.write(c.path("p"), "")
		own := xenstore.Split(c.ask("get perms", xenstore.GetPerms, 0, xenstore.Strings(c.path("p"))).ok())
		c.True("get perms", len(own) > 0 && len(own[0]) > 1, fmt.Sprintf("%q", own), "an owner")
		set := []string{"r" + own[0][1:], "w7"}
		c.ask("set perms", xenstore.SetPerms, 0, xenstore.Strings(append([]string{c.path("p")}, set...)...)).ok()
		c.write(c.path("p/child"), "")
		c.Equal("get perms of the child", xenstore.Split(c.ask("get perms", xenstore.GetPerms, 0, xenstore.Strings(c.path("p/child"))).ok()), set)
	})
	for id, set := range map[string]string{"letter": "x0", "no-number": "n", "not-a-number": "nfoo", "empty": ""} {
		it(spec.Meta{
			ID: "xenstore/permissions-bad-" + id, Level: spec.Must, Clause: perms + "EINVAL for others",
		}, func(c *client) {
			c.write(c.path("p"), "")
			before := c.ask("get perms", xenstore.GetPerms, 0, xenstore.Strings(c.path("p"))).ok()
			c.ask(fmt.Sprintf("set perms %q", set), xenstore.SetPerms, 0, xenstore.Strings(c.path("p"), set)).only(unix.EINVAL)
			c.Equal("get perms", string(c.ask("get perms", xenstore.GetPerms, 0, xenstore.Strings(c.path("p"))).ok()), string(before))
		})
	}
	it(spec.Meta{
		ID: "xenstore/permissions-missing", Level: spec.Must, Clause: perms + "ENOENT where there is no node",
	}, func(c *client) {
		c.ask("set perms of a missing node", xenstore.SetPerms, 0, xenstore.Strings(c.path("missing"), "n0")).only(unix.ENOENT)
	})
})
