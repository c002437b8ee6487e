package xenstore

import (
	"errors"
	"io"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"xtest/internal/xenstore"
)

// lie is how a stand-in strays from the right answer.
type lie string

const (
	honest   lie = "honest"
	contrary lie = "contrary" // errors are successes, and the other way round
	garbled  lie = "garbled"  // every byte of a success inverted
	mute     lie = "mute"     // watches never fire but once, and whoever announces too much hears nothing
	leaving  lie = "leaving"  // where it is to refuse it ends the connection
	eager    lie = "eager"    // whatever is refused is granted and done
)

// folder is a spec's own.
var folder = regexp.MustCompile(`/data/xtest-[0-9]+\x00$`)

// setUp says whether a request is one that specs make before they judge anything, and not part of it.
func (l *link) setUp(m xenstore.Message) bool {
	switch m.Type {
	case xenstore.Read:
		return string(m.Payload) == "domid\x00"
	case xenstore.GetDomainPath:
		return l.served == 2
	case xenstore.Mkdir, xenstore.Rm, xenstore.Directory:
		return folder.Match(m.Payload)
	}
	return false
}

type node struct {
	value string
	perms []string
	born  int // when it was last changed
}

type tree map[string]node

// standIn is a store in memory, as privileged domain 0 sees one.
type standIn struct {
	mu    sync.Mutex
	lie   lie
	clock int
	nodes tree
	conns []*link
	txs   int
}

type link struct {
	conn    net.Conn
	watches [][2]string
	txs     map[uint32]*pending
	served  int
}

// pending is a transaction: what it sees, what it has touched, and when it began.
type pending struct {
	tree    tree
	touched map[string]bool
	changed map[string]bool
	began   int
}

func newStandIn() *standIn {
	return &standIn{lie: honest, nodes: tree{"/": {perms: []string{"n0"}}, "/local/domain/0": {perms: []string{"n0"}}}}
}

func (s *standIn) serve(conn net.Conn) {
	l := &link{conn: conn, txs: map[uint32]*pending{}}
	s.mu.Lock()
	s.conns = append(s.conns, l)
	s.mu.Unlock()
	for {
		m, err := xenstore.ReadMessage(conn)
		if err != nil {
			if s.lie == contrary && !errors.Is(err, io.EOF) {
				// What is too long to be read is granted.
				conn.Write(xenstore.Message{Type: xenstore.Read, Request: 1}.Bytes())
			}
			if s.lie == mute && !errors.Is(err, io.EOF) {
				io.Copy(io.Discard, conn)
			}
			conn.Close()
			s.mu.Lock()
			s.conns = slices.DeleteFunc(s.conns, func(o *link) bool { return o == l })
			s.mu.Unlock()
			return
		}
		s.mu.Lock()
		s.handle(l, m)
		s.mu.Unlock()
	}
}

func (s *standIn) handle(l *link, m xenstore.Message) {
	l.served++
	payload, no := s.answer(l, m)
	r := xenstore.Message{Type: m.Type, Request: m.Request, Tx: m.Tx, Payload: payload}
	if no != "" {
		r.Type, r.Payload = xenstore.ErrorReply, xenstore.Strings(no)
	}
	if !l.setUp(m) {
		switch {
		case s.lie == leaving && no != "":
			l.conn.Close()
			return
		case s.lie == contrary && no != "", s.lie == eager && no != "":
			r.Type, r.Payload = xenstore.Read, xenstore.Strings("OK")
		case s.lie == contrary:
			r.Type, r.Payload = xenstore.ErrorReply, xenstore.Strings("EIO")
		case s.lie == garbled && no == "":
			r.Payload = slices.Clone(r.Payload)
			for i := range r.Payload {
				r.Payload[i] ^= 0xff
			}
		}
	}
	l.conn.Write(r.Bytes())
	if m.Type == xenstore.Watch && no == "" {
		w := xenstore.Split(m.Payload)
		l.conn.Write(xenstore.Message{Type: xenstore.WatchEvent, Payload: xenstore.Strings(w[0], w[1])}.Bytes())
	}
}

const home = "/local/domain/0"

func absolute(path string) string {
	if strings.HasPrefix(path, "/") || strings.HasPrefix(path, "@") {
		return path
	}
	return home + "/" + path
}

// fire tells all watches of a change.
func (s *standIn) fire(changed string, gone bool) {
	if s.lie == mute {
		return
	}
	for _, l := range s.conns {
		for _, w := range l.watches {
			at := absolute(w[0])
			said := changed
			switch {
			case changed == at || strings.HasPrefix(changed, at+"/"):
			case gone && strings.HasPrefix(at, changed+"/"):
				said = at
			default:
				continue
			}
			if w[0] != at {
				said = strings.TrimPrefix(said, home+"/")
			}
			l.conn.Write(xenstore.Message{Type: xenstore.WatchEvent, Payload: xenstore.Strings(said, w[1])}.Bytes())
		}
	}
}

func valid(path string) bool {
	if path == "/" {
		return true
	}
	abs := absolute(path)
	return path != "" && path[0] != '@' && len(abs) <= xenstore.PathMax && (path[0] == '/' || len(path) <= xenstore.RelPathMax) &&
		!strings.Contains(path, "//") && !strings.HasSuffix(path, "/") && strings.Trim(abs, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/_@") == "" &&
		!strings.ContainsAny(path, " \x01") && strings.ToValidUTF8(path, "") == path && !strings.ContainsFunc(path, func(r rune) bool { return r > 126 })
}

func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}

// make adds a node with the parents it lacks.
func (t tree) make(path string, now int) {
	if _, there := t[path]; there {
		return
	}
	up := parent(path)
	t.make(up, now)
	t[path] = node{perms: t[up].perms, born: now}
}

func (t tree) children(path string) []string {
	var list []string
	for p := range t {
		if p != "/" && parent(p) == path {
			list = append(list, p[strings.LastIndexByte(p, '/')+1:])
		}
	}
	slices.Sort(list)
	return list
}

func (s *standIn) start(l *link) []byte {
	s.txs++
	l.txs[uint32(s.txs)] = &pending{tree: maps.Clone(s.nodes), touched: map[string]bool{}, changed: map[string]bool{}, began: s.clock}
	return xenstore.Strings(strconv.Itoa(s.txs))
}

// commit applies a transaction, or says that another change came between.
func (s *standIn) commit(p *pending) string {
	for path := range p.touched {
		if s.nodes[path].born > p.began {
			return "EAGAIN"
		}
	}
	s.clock++
	for path := range p.changed {
		n, there := p.tree[path]
		if !there {
			delete(s.nodes, path)
		} else {
			s.nodes.make(path, s.clock)
			n.born = s.clock
			s.nodes[path] = n
		}
		s.fire(path, !there)
	}
	return ""
}
