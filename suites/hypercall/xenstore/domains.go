package xenstore

import (
	"golang.org/x/sys/unix"

	"xtest/internal/xenstore"
	"xtest/suites/spec"
)

// Privileged probes for the right to ask about other domains.
var Privileged = spec.Probe{Name: "Xenstore privilege", Check: func() error {
	c, err := open()
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := c.Ask(xenstore.IsDomainIntroduced, 0, xenstore.Strings("0"))
	if err != nil {
		return err
	}
	return m.Err()
}}

var _ = suite.Describe("xenstore", func() {
	it(spec.Meta{
		ID: "xenstore/domain-path", Level: spec.Must,
		Clause: text + "GET_DOMAIN_PATH <domid>| → <path>|: /local/domain/<domid>, also of a domain that does not exist",
	}, func(c *client) {
		for _, dom := range []string{"0", "7", "32000"} {
			b := c.ask("get domain path "+dom, xenstore.GetDomainPath, 0, xenstore.Strings(dom)).ok()
			c.Equal("get domain path "+dom, string(b), "/local/domain/"+dom+"\x00")
		}
	})
	it(spec.Meta{
		ID: "xenstore/introduced", Level: spec.Must, Needs: []spec.Probe{Privileged},
		Clause: text + "IS_DOMAIN_INTRODUCED <domid>| → T| or F|",
	}, func(c *client) {
		c.Equal("is domain 0 introduced", string(c.ask("is domain 0 introduced", xenstore.IsDomainIntroduced, 0, xenstore.Strings("0")).ok()), "T\x00")
		c.Equal("is domain 32000 introduced", string(c.ask("is domain 32000 introduced", xenstore.IsDomainIntroduced, 0, xenstore.Strings("32000")).ok()), "F\x00")
	})
	for _, r := range []struct {
		id      string
		t       xenstore.Type
		payload []byte
		clause  string
		known   []unix.Errno
	}{
		{"introduce-nothing", xenstore.Introduce, nil, "INTRODUCE <domid>|<gfn>|<evtchn>|?", []unix.Errno{unix.EINVAL}},
		{"introduce-short", xenstore.Introduce, xenstore.Strings("32000"), "INTRODUCE <domid>|<gfn>|<evtchn>|?", []unix.Errno{unix.EINVAL}},
		{"introduce-no-port", xenstore.Introduce, xenstore.Strings("32000", "1", "0"), "INTRODUCE: the port is one of the domain's", []unix.Errno{unix.EINVAL, unix.EBADF}},
		{"release-nobody", xenstore.Release, xenstore.Strings("32000"), "RELEASE <domid>|", []unix.Errno{unix.ENOENT, unix.EINVAL}},
		{"release-nothing", xenstore.Release, nil, "RELEASE <domid>|", []unix.Errno{unix.EINVAL}},
		{"release-self", xenstore.Release, xenstore.Strings("0"), "RELEASE <domid>|: domain 0 cannot be released", []unix.Errno{unix.EINVAL}},
		{"resume-nobody", xenstore.Resume, xenstore.Strings("32000"), "RESUME <domid>|", []unix.Errno{unix.ENOENT, unix.EINVAL}},
		{"resume-nothing", xenstore.Resume, nil, "RESUME <domid>|", []unix.Errno{unix.EINVAL}},
		{"set-target-nobody", xenstore.SetTarget, xenstore.Strings("32000", "32001"), "SET_TARGET <domid>|<tdomid>|", []unix.Errno{unix.ENOENT, unix.EINVAL}},
		{"set-target-nothing", xenstore.SetTarget, nil, "SET_TARGET <domid>|<tdomid>|", []unix.Errno{unix.EINVAL}},
		{"control-unknown", xenstore.Control, xenstore.Strings("no-such-command"), "CONTROL <command>|: commands that the store does not know are refused", []unix.Errno{unix.EINVAL}},
		{"control-nothing", xenstore.Control, nil, "CONTROL <command>|", []unix.Errno{unix.EINVAL}},
		{"domain-path-nothing", xenstore.GetDomainPath, nil, "GET_DOMAIN_PATH <domid>|", []unix.Errno{unix.EINVAL}},
		{"introduced-nothing", xenstore.IsDomainIntroduced, nil, "IS_DOMAIN_INTRODUCED <domid>|", []unix.Errno{unix.EINVAL}},
	} {
		it(spec.Meta{
			ID: "xenstore/" + r.id, Level: spec.Must, Needs: []spec.Probe{Privileged},
			Clause: text + r.clause,
		}, func(c *client) { c.ask(r.id, r.t, 0, r.payload).refused(r.known...) })
	}
})
