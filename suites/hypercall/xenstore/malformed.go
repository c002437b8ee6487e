package xenstore

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/xenstore"
	"xtest/runner/event"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

// both declares a spec twice: through the kernel, and past it on the store's own socket.
func both(m spec.Meta, body func(c *client)) {
	it(m, body)
	m.ID += "-socket"
	m.Needs = append([]spec.Probe{Daemon}, m.Needs...)
	it(m, func(c *client) {
		direct := connect(c.T, dial)
		direct.folder = c.folder
		body(direct)
	})
}

// refuses judges that a request is refused, by the store or already by the kernel, whose no is an
// error of the write.
func (c *client) refuses(call string, t xenstore.Type, payload []byte, known ...unix.Errno) {
	id, err := c.Send(t, 0, payload)
	if no := unix.Errno(0); errors.As(err, &no) {
		c.Record(event.Answer{Call: call, Value: "the kernel refuses the write: " + spec.ErrnoName(no), Errno: spec.ErrnoName(no)})
		return
	}
	c.Setup(call, err)
	m, err := c.Reply(id)
	c.replied(call, err)
	const core = "xenstored_core.c: no name is taken from the request, and looking for none fails"
	want := expect.Refusal(names(known)...).Also("ENOENT", core).Also("ENOMEM", core)
	if strings.HasSuffix(call, "-too-long") {
		want = want.If(Privileged, "OK", "xenstored_domain.c domain_max_chk: since Xen 4.18 a path's length is a quota, and a privileged domain has none; 4.14 does not look at a relative one's")
	}
	answer{c, call, m}.as(want)
	if m.Err() == nil {
		// What is granted has to be done. It is taken away again.
		path := xenstore.Strings(xenstore.Split(payload)[0])
		c.Equal(call+", read back", string(c.ask(call+", read back", xenstore.Read, 0, path).ok()), "x\x00")
		c.must("removing what was written", xenstore.Rm, 0, path)
	}
}

var _ = suite.Describe("xenstore", func() {
	for id, r := range map[string]struct {
		t       xenstore.Type
		payload []byte
		clause  string
	}{
		"read-no-nul":          {xenstore.Read, []byte("/"), "READ <path>|: a path ends with a NUL"},
		"read-nothing":         {xenstore.Read, nil, "READ <path>|: a path ends with a NUL"},
		"read-two":             {xenstore.Read, xenstore.Strings("/", "/"), "READ <path>|: one path"},
		"directory-no-nul":     {xenstore.Directory, []byte("/"), "DIRECTORY <path>|: a path ends with a NUL"},
		"write-no-nul":         {xenstore.Write, []byte("/local"), "WRITE <path>|<value|>: a path ends with a NUL"},
		"write-nothing":        {xenstore.Write, nil, "WRITE <path>|<value|>: a path ends with a NUL"},
		"mkdir-no-nul":         {xenstore.Mkdir, []byte("/local"), "MKDIR <path>|"},
		"rm-nothing":           {xenstore.Rm, nil, "RM <path>|"},
		"set-perms-path-alone": {xenstore.SetPerms, xenstore.Strings("/local"), "SET_PERMS <path>|<perm-as-string>|+?"},
		"directory-part-alone": {xenstore.DirectoryPart, xenstore.Strings("/"), "DIRECTORY_PART <path>|<offset>"},
		"path-empty":           {xenstore.Write, xenstore.Strings("", "x"), "paths: an empty one names nothing"},
		"path-double-slash":    {xenstore.Write, xenstore.Strings("/local//x", "x"), "paths: no two slashes in a row"},
		"path-trailing-slash":  {xenstore.Write, xenstore.Strings("/local/x/", "x"), "paths: none at the end, but for the root"},
		"path-space":           {xenstore.Write, xenstore.Strings("/local/a b", "x"), "paths: letters, digits, - / _ and @ alone"},
		"path-control":         {xenstore.Write, xenstore.Strings("/local/a\x01", "x"), "paths: letters, digits, - / _ and @ alone"},
		"path-utf8":            {xenstore.Write, xenstore.Strings("/local/é", "x"), "paths: letters, digits, - / _ and @ alone"},
		"path-special-write":   {xenstore.Write, xenstore.Strings("@introduceDomain", "x"), "paths: those that begin with @ can be watched alone"},
		"path-too-long":        {xenstore.Write, xenstore.Strings("/"+strings.Repeat("a", xenstore.PathMax), "x"), "paths: XENSTORE_ABS_PATH_MAX, 3072 bytes"},
		"relative-too-long":    {xenstore.Write, xenstore.Strings(strings.Repeat("a", xenstore.RelPathMax+1), "x"), "paths: XENSTORE_REL_PATH_MAX, 2048 bytes"},
		"type-unused":          {20, xenstore.Strings("/"), "message types: 20 was XS_RESTRICT and is no more"},
		"type-behind":          {200, xenstore.Strings("/"), "message types: there are none from XS_TYPE_COUNT on"},
		"type-invalid":         {xenstore.Invalid, xenstore.Strings("/"), "message types: XS_INVALID stays no type"},
		"type-error":           {xenstore.ErrorReply, xenstore.Strings("ENOENT"), "message types: an error is the store's to say"},
		"type-watch-event":     {xenstore.WatchEvent, xenstore.Strings("/", "t"), "message types: a watch event is the store's to say"},
	} {
		source := text
		if strings.HasPrefix(id, "type-") {
			source = wire
		}
		both(spec.Meta{ID: "xenstore/malformed-" + id, Level: spec.Must, Clause: source + r.clause}, func(c *client) {
			c.refuses(id, r.t, r.payload, unix.EINVAL, unix.ENOSYS)
			// The connection still works.
			c.must("a request that is well formed", xenstore.Directory, 0, xenstore.Strings(c.folder))
		})
	}
	for id, n := range map[string]uint32{"one-more": xenstore.PayloadMax + 1, "sign-bit": 1 << 31, "all-ones": ^uint32(0)} {
		both(spec.Meta{
			ID: "xenstore/payload-" + id, Level: spec.Must,
			Clause: wire + "XENSTORE_PAYLOAD_MAX: 4096 bytes; violating this ends the connection at once (docs/misc/xenstore.txt), or the kernel refuses it",
		}, func(c *client) {
			call := fmt.Sprintf("a header that announces %d bytes", n)
			err := c.Raw(xenstore.Message{Type: xenstore.Read, Request: 1, Payload: xenstore.Strings("/")}.WithLength(n))
			got := spec.ErrnoName(err)
			if err == nil {
				var m xenstore.Message
				m, err = c.ReplyWithin(1, eventTime)
				switch {
				case errors.Is(err, xenstore.ErrClosed):
					got = "the connection is closed"
				case errors.Is(err, os.ErrDeadlineExceeded):
					got, err = "no reply, and the connection stays", nil
					c.Note("Debian's xenstored of Xen 4.14 ignores such a connection and leaves it open")
				case err == nil && m.Err() != nil:
					got, err = spec.ErrnoName(m.Err()), m.Err()
				case err == nil:
					got = "granted"
				}
			}
			c.Answer(call, got)
			c.True(call, err != nil, got, "a refusal, or the connection's end")
			fresh := c.another()
			fresh.must("a request on a new connection", xenstore.Directory, 0, xenstore.Strings(c.folder))
		})
	}
	it(spec.Meta{
		ID: "xenstore/in-pieces", Level: spec.Must,
		Clause: wire + "struct xsd_sockmsg: a message is its bytes, however they are cut",
	}, func(c *client) {
		c.write(c.path("v"), "whole")
		for _, b := range (xenstore.Message{Type: xenstore.Read, Request: 77, Payload: xenstore.Strings(c.path("v"))}).Bytes() {
			c.Setup("writing one byte", c.Raw([]byte{b}))
		}
		m, err := c.Reply(77)
		c.replied("read, sent byte by byte", err)
		c.Equal("read, sent byte by byte", string(answer{c, "read, sent byte by byte", m}.ok()), "whole")
	})
})
