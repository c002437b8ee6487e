package xenstore

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"xtest/internal/xenstore"
)

var permission = regexp.MustCompile(`^[wrbn][0-9]+$`)

// answer is the reply's payload, or the error's name.
func (s *standIn) answer(l *link, m xenstore.Message) (payload []byte, no string) {
	args := xenstore.Split(m.Payload)
	whole := len(m.Payload) > 0 && m.Payload[len(m.Payload)-1] == 0
	switch m.Type {
	case xenstore.Read, xenstore.Directory, xenstore.GetPerms, xenstore.DirectoryPart, xenstore.Write, xenstore.Mkdir, xenstore.Rm, xenstore.SetPerms:
		return s.onNode(l, m, args, whole)
	case xenstore.Watch, xenstore.Unwatch:
		return s.onWatch(l, m.Type, args)
	case xenstore.TransactionStart:
		return s.start(l), ""
	case xenstore.TransactionEnd:
		p := l.txs[m.Tx]
		switch {
		case p == nil:
			return nil, "ENOENT"
		case len(args) != 1 || args[0] != "T" && args[0] != "F":
			return nil, "EINVAL"
		}
		delete(l.txs, m.Tx)
		if args[0] == "T" {
			return xenstore.Strings("OK"), s.commit(p)
		}
		return xenstore.Strings("OK"), ""
	case xenstore.GetDomainPath:
		if len(args) != 1 {
			return nil, "EINVAL"
		}
		return xenstore.Strings("/local/domain/" + args[0]), ""
	case xenstore.IsDomainIntroduced:
		if len(args) != 1 {
			return nil, "EINVAL"
		}
		return xenstore.Strings(map[bool]string{true: "T", false: "F"}[args[0] == "0"]), ""
	case xenstore.Introduce, xenstore.Control:
		return nil, "EINVAL"
	case xenstore.Release, xenstore.Resume, xenstore.SetTarget:
		if len(args) == 0 || args[0] == "0" {
			return nil, "EINVAL"
		}
		return nil, "ENOENT"
	}
	return nil, "EINVAL"
}

func (s *standIn) onWatch(l *link, t xenstore.Type, args []string) ([]byte, string) {
	if len(args) != 2 {
		return nil, "EINVAL"
	}
	w := [2]string{args[0], args[1]}
	if t == xenstore.Watch {
		l.watches = append(l.watches, w)
		return xenstore.Strings("OK"), ""
	}
	for i, o := range l.watches {
		if o == w {
			l.watches = append(l.watches[:i:i], l.watches[i+1:]...)
			return xenstore.Strings("OK"), ""
		}
	}
	return nil, "ENOENT"
}

func (s *standIn) onNode(l *link, m xenstore.Message, args []string, whole bool) ([]byte, string) {
	if len(args) == 0 || !valid(args[0]) || m.Type != xenstore.Write && !whole {
		return nil, "EINVAL"
	}
	nodes, path, p := s.nodes, absolute(args[0]), (*pending)(nil)
	if m.Tx != 0 {
		if p = l.txs[m.Tx]; p == nil {
			return nil, "ENOENT"
		}
		nodes = p.tree
		p.touched[path] = true
	}
	n, there := nodes[path]
	changed := func(gone bool) ([]byte, string) {
		if p != nil {
			p.changed[path] = true
		} else {
			s.fire(path, gone)
		}
		return xenstore.Strings("OK"), ""
	}
	s.clock++
	switch m.Type {
	case xenstore.Write:
		if strings.Count(path, "/") > 500 {
			return nil, "ENOSPC"
		}
		_, value, _ := bytes.Cut(m.Payload, []byte{0})
		nodes.make(path, s.clock)
		nodes[path] = node{string(value), nodes[path].perms, s.clock}
		return changed(false)
	case xenstore.Mkdir:
		if there {
			return xenstore.Strings("OK"), ""
		}
		nodes.make(path, s.clock)
		return changed(false)
	case xenstore.Rm:
		switch _, above := nodes[parent(path)]; {
		case path == "/":
			return nil, "EINVAL"
		case !there && !above:
			return nil, "ENOENT"
		case !there:
			return xenstore.Strings("OK"), ""
		}
		for o := range nodes {
			if strings.HasPrefix(o, path+"/") {
				delete(nodes, o)
			}
		}
		delete(nodes, path)
		return changed(true)
	}
	if !there {
		return nil, "ENOENT"
	}
	switch m.Type {
	case xenstore.Read:
		if len(args) != 1 {
			return nil, "EINVAL"
		}
		return []byte(n.value), ""
	case xenstore.GetPerms:
		return xenstore.Strings(n.perms...), ""
	case xenstore.SetPerms:
		if len(args) < 2 {
			return nil, "EINVAL"
		}
		for _, a := range args[1:] {
			if !permission.MatchString(a) {
				return nil, "EINVAL"
			}
		}
		n.perms = args[1:]
		nodes[path] = n
		return changed(false)
	case xenstore.Directory:
		b := xenstore.Strings(nodes.children(path)...)
		if len(b) > xenstore.PayloadMax {
			return nil, "E2BIG"
		}
		return b, ""
	}
	return directoryPart(nodes.children(path), args)
}

// directoryPart gives the children from an offset on that fit; an empty name ends the list.
func directoryPart(children, args []string) ([]byte, string) {
	if len(args) != 2 {
		return nil, "EINVAL"
	}
	offset, _ := strconv.Atoi(args[1])
	b, at := xenstore.Strings("1"), 0
	for _, c := range children {
		if at += len(c) + 1; at <= offset {
			continue
		}
		if len(b)+len(c)+2 > xenstore.PayloadMax {
			return b, ""
		}
		b = append(b, xenstore.Strings(c)...)
	}
	return append(b, 0), ""
}
