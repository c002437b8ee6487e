// Package xenstore holds the specs of Xenstore's wire protocol, as a domain's user space reaches it
// through /dev/xen/xenbus: reads and writes, transactions and their conflicts, watches, permissions,
// quotas, many requests outstanding at once, and requests that are malformed. What they ask for stands
// in docs/misc/xenstore.txt and in the public header io/xs_wire.h.
//
// Beware: the store holds what the machine's kernel and toolstack live by. Specs keep to a folder of
// their own below the domain's, and take it away.
package xenstore

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/xenstore"
	"xtest/runner/event"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

var suite = spec.NewSuite("hypercall").Under("xen")

const (
	text = "docs/misc/xenstore.txt "
	wire = "xen/include/public/io/xs_wire.h "
)

// open connects to the store. Tests put a stand-in under the specs here.
var open = xenstore.Open

// dial connects to the store's socket, past the kernel.
var dial = xenstore.Dial

// Store probes for a store that answers.
var Store = spec.Probe{Name: "Xenstore", Check: func() error {
	c, err := open()
	if err != nil {
		return err
	}
	m, err := c.Ask(xenstore.Directory, 0, xenstore.Strings("/"))
	return errors.Join(err, m.Err(), c.Close())
}}

// Daemon probes for the store's socket: only in the domain that the store runs in.
var Daemon = spec.Probe{Name: "Xenstore's own socket", Check: func() error {
	c, err := dial()
	if err != nil {
		return err
	}
	return c.Close()
}}

// client is a spec's hand on the store.
type client struct {
	*spec.T
	*xenstore.Conn
	folder string // the spec's own, absolute
}

var folders atomic.Int64

// it declares a spec with a folder of its own in the store.
func it(m spec.Meta, body func(c *client)) {
	m.Grade = max(m.Grade, spec.Guest)
	m.Needs = append([]spec.Probe{Store}, m.Needs...)
	suite.It(m, func(t *spec.T) {
		k, err := keeper()
		t.Setup("reaching the domain's own folder", err)
		c := connect(t, open)
		c.folder = fmt.Sprintf("%s/data/xtest-%d", k.home, folders.Add(1))
		t.Setup("mkdir "+c.folder, k.do(xenstore.Mkdir, c.folder))
		t.Cleanup(func() { k.do(xenstore.Rm, c.folder) })
		body(c)
	})
}

func connect(t *spec.T, by func() (*xenstore.Conn, error)) *client {
	conn, err := by()
	t.Setup("connecting to the store", err)
	t.Cleanup(func() { conn.Close() })
	return &client{T: t, Conn: conn}
}

// another is a second connection of the same domain.
func (c *client) another() *client {
	o := connect(c.T, open)
	o.folder = c.folder
	return o
}

// folderKeeper makes and removes the specs' folders, on a connection that no spec can spoil.
type folderKeeper struct {
	*xenstore.Conn
	home string // the domain's own path
}

// keeper finds out where the domain's own folder is. Each request takes about a millisecond under emulation.
var keeper = sync.OnceValues(func() (*folderKeeper, error) {
	c, err := open()
	if err != nil {
		return nil, err
	}
	domain, err := ownDomain(c)
	if err != nil {
		return nil, fmt.Errorf("asking for this domain's number: %w", err)
	}
	m, err := c.Ask(xenstore.GetDomainPath, 0, domain)
	if err = errors.Join(err, m.Err()); err != nil {
		return nil, fmt.Errorf("asking for the domain's own path: %w", err)
	}
	return &folderKeeper{c, xenstore.Split(append(m.Payload, 0))[0]}, nil
})

func (k *folderKeeper) do(what xenstore.Type, folder string) error {
	m, err := k.Ask(what, 0, xenstore.Strings(folder))
	return errors.Join(err, m.Err())
}

// ownDomain finds the number of this domain: relative paths are below its own path, where the
// toolstack keeps the number; the domain that has none is 0.
func ownDomain(c *xenstore.Conn) ([]byte, error) {
	m, err := c.Ask(xenstore.Read, 0, xenstore.Strings("domid"))
	if err != nil {
		return nil, err
	}
	if m.Err() != nil {
		return xenstore.Strings("0"), nil
	}
	return append(m.Payload, 0), nil
}

// below writes a path without the spec's folder, whose number is another in each run: calls by different names
// are not compared.
func (c *client) below(path string) string {
	path = strings.Replace(path, c.folder, ".", 1)
	return strings.Replace(path, "data/"+c.folder[strings.LastIndexByte(c.folder, '/')+1:], "data/FOLDER", 1)
}

// path is a node in the spec's folder.
func (c *client) path(name string) string { return c.folder + "/" + name }

// answer is the store's reply to one request.
type answer struct {
	c    *client
	call string
	m    xenstore.Message
}

// ask sends a request that is judged and waits for the reply. Call is what is done, in words.
func (c *client) ask(call string, t xenstore.Type, tx uint32, payload []byte) answer {
	m, err := c.Ask(t, tx, payload)
	c.replied(call, err)
	return answer{c, call, m}
}

// replied judges that the store has replied: it owes each request a reply, and each connection its life.
func (c *client) replied(call string, err error) {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.Answer(call, "no reply")
		c.True(call, false, "no reply", "a reply")
	case errors.Is(err, xenstore.ErrClosed):
		c.Answer(call, "the connection is closed")
		c.True(call, false, "the connection is closed", "a reply")
	}
	c.Setup(call, err)
}

// must asks for what has to work before anything can be judged.
func (c *client) must(call string, t xenstore.Type, tx uint32, payload []byte) []byte {
	m, err := c.Ask(t, tx, payload)
	c.Setup(call, errors.Join(err, m.Err()))
	return m.Payload
}

func (a answer) got() expect.Got {
	if err := a.m.Err(); err != nil {
		return expect.Got{Text: spec.ErrnoName(err), Refused: true, Register: fmt.Sprintf("type %d", a.m.Type), Errno: spec.ErrnoName(err)}
	}
	return expect.Got{Text: "OK", Register: fmt.Sprintf("type %d", a.m.Type)}
}

// as judges the reply by data, and records it.
func (a answer) as(w expect.Want) answer {
	expect.Judge(a.c.T, a.call, w, a.got())
	return a
}

// ok judges that the request was granted, and gives the payload.
func (a answer) ok() []byte { return a.as(expect.Success()).m.Payload }

// refused judges that the request was refused; the errors given are known.
func (a answer) refused(known ...unix.Errno) {
	a.as(expect.Refusal(names(known)...))
}

// only judges that the request was refused by one of the errors given, and no other.
func (a answer) only(want ...unix.Errno) { a.as(expect.Exactly(names(want)...)) }

func names(list []unix.Errno) []string {
	var texts []string
	for _, no := range list {
		texts = append(texts, spec.ErrnoName(no))
	}
	return texts
}

func (c *client) write(path, value string) {
	c.ask("write "+c.below(path), xenstore.Write, 0, append(xenstore.Strings(path), value...)).ok()
}

// reads judges that a node has a value, in a transaction or outside.
func (c *client) reads(path string, tx uint32, want string) {
	call := "read " + c.below(path)
	c.Equal(call, string(c.ask(call, xenstore.Read, tx, xenstore.Strings(path)).ok()), want)
}

// begin starts a transaction.
func (c *client) begin() uint32 {
	s := xenstore.Split(c.ask("transaction start", xenstore.TransactionStart, 0, []byte{0}).ok())
	c.True("transaction start", len(s) == 1 && s[0] != "" && s[0] != "0", fmt.Sprintf("%q", s), "a number that is not 0")
	var id uint32
	_, err := fmt.Sscanf(s[0], "%d", &id)
	c.Success("transaction start: "+s[0]+" as a number", err)
	return id
}

func (c *client) end(tx uint32, how string) answer {
	return c.ask("transaction end "+how, xenstore.TransactionEnd, tx, xenstore.Strings(how))
}

// watch registers a watch and takes its first event, which comes at once.
func (c *client) watch(path, token string) {
	c.ask("watch "+c.below(path), xenstore.Watch, 0, xenstore.Strings(path, token)).ok()
	c.fires(path, token)
}

// eventTime is how long an event may take that has to come.
var eventTime = 10 * time.Second

// fires judges that a watch fires next, for the path and with the token.
func (c *client) fires(path, token string) {
	p, got, err := c.Event(eventTime)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.True("watch "+c.below(path), false, "no event", "an event")
	}
	c.Setup("waiting for a watch", err)
	c.Equal("watch "+c.below(path)+": path of the event", p, path)
	c.Equal("watch "+c.below(path)+": token of the event", got, token)
	c.Record(event.Answer{Call: "event of the watch on " + c.below(path), Value: "came"})
}

// silent judges that no watch has fired: a round trip to the store comes first, and replies keep
// behind events.
func (c *client) silent(why string) {
	c.must("a round trip", xenstore.Directory, 0, xenstore.Strings(c.folder))
	p, _, err := c.Event(time.Millisecond)
	c.True(why, errors.Is(err, os.ErrDeadlineExceeded), "an event for "+p, "no event")
}
