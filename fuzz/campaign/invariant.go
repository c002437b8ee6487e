package campaign

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/oracle"
	"xtest/fuzz/player"
	"xtest/fuzz/program"
)

// state is what Xen has at a moment. What the caller is not told is 0.
type state struct {
	memory, domains, grants uint64
	open                    []int // ports of those that were asked for
}

// asking is a program that asks for it: the free memory, the domains, the frames of the caller's grant table, and
// the states of ports.
func asking(ports []int) string {
	text := `sysctl/physinfo(&136{cmd@0:4=3, version@4:4=version35}, 0, 0, 0, 0)
sysctl/getdomaininfolist(&136{cmd@0:4=6, version@4:4=version35, max@12:4=0x10, buffer@16:8=&4096{}}, 0, 0, 0, 0)
grant_table_op/query_size(6, &16{dom@0:2=0x7ff0}, 1, 0, 0)
`
	for _, p := range ports {
		text += askPort(p)
	}
	return text
}

// asked is the number of its calls before those for ports.
const asked = 3

// askPort is the call that asks for the state of a port.
func askPort(port int) string {
	return fmt.Sprintf("event_channel_op/status(5, &24{dom@0:2=0x7ff0, port@4:4=%#x}, 0, 0, 0)\n", port)
}

// closed is what the status of a port is that nobody has (public/event_channel.h EVTCHNSTAT_closed).
const closed = 0

// portOf reads the answer to such a call; ok is false when there is none.
func portOf(p *player.Player, f *player.Flight, it *player.Item, c int) (port int, open, ok bool) {
	if p.Outcome(f, it, c) != (player.Outcome{State: area.Returned}) {
		return 0, false, false
	}
	status := p.Memory(f, it, c)
	return int(binary.LittleEndian.Uint32(status[4:])), binary.LittleEndian.Uint32(status[8:]) != closed, true
}

// stateOf reads the answers to [asking].
func stateOf(p *player.Player, f *player.Flight, it *player.Item) (s state) {
	le := binary.LittleEndian
	for c, to := range []struct {
		value *uint64
		read  func(b []byte) uint64
	}{
		{&s.memory, func(b []byte) uint64 { return le.Uint64(b[8+48:]) * 4096 }},
		{&s.domains, func(b []byte) uint64 { return uint64(le.Uint32(b[8+16:])) }},
		{&s.grants, func(b []byte) uint64 { return uint64(le.Uint32(b[4:])) }},
	} {
		if p.Outcome(f, it, c) == (player.Outcome{State: area.Returned}) {
			*to.value = to.read(p.Memory(f, it, c))
		}
	}
	for c := asked; c < len(it.Program.Calls); c++ {
		if port, open, ok := portOf(p, f, it, c); ok && open {
			s.open = append(s.open, port)
		}
	}
	return s
}

// What no call is to change, as signatures of findings begin with it.
const (
	invariant = "invariant: "
	domains   = invariant + "the number of domains changed"
	ports     = invariant + "a port was closed that was open before the first call"
)

// by are the operations that change them by design.
var by = map[string][]string{
	domains: {"domctl/createdomain", "domctl/destroydomain"}, ports: {"event_channel_op/reset", "event_channel_op/reset_cont"},
}

// breaks says what has changed between two states that nothing is to change.
func (c *Campaign) breaks(was, now state) (list []oracle.Breach) {
	if was.domains != 0 && now.domains != 0 && was.domains != now.domains {
		list = append(list, oracle.Breach{Signature: domains, Story: fmt.Sprintf("the number of domains went from %d to %d while no call was made that makes or ends one", was.domains, now.domains)})
	}
	if now.grants != 0 { // it was answered
		for _, p := range was.open {
			if !slices.Contains(now.open, p) {
				list = append(list, oracle.Breach{Signature: ports, Story: fmt.Sprintf("port %d, which was open before the first call, is closed, and no call was to close it", p)})
				break
			}
		}
	}
	return slices.DeleteFunc(list, func(b oracle.Breach) bool {
		return slices.ContainsFunc(c.Ops, func(o *call.Op) bool { return slices.Contains(by[b.Signature], o.Name) })
	})
}

// changed makes breaches of what has changed since the house was kept last.
func (w *worker) changed(h *housekeeping, now state) {
	for _, b := range w.breaks(h.was, now) {
		w.mu.Lock()
		known := w.byText[b.Signature] != nil
		w.mu.Unlock()
		if known {
			continue
		}
		var list []*program.Program
		for _, it := range w.play.Recent() {
			if it.Number != house {
				list = append(list, it.Program.Clone())
			}
		}
		if len(list) == 0 {
			w.Say("%s", b.Story)
			continue
		}
		w.breaches = append(w.breaches, breach{Breach: b, list: list, mode: area.Singles})
	}
}

// looked is how many ports are looked at when a change is looked into: those given out first.
const looked = 100

// state asks the machine that programs are tried in.
func (t *triage) state(ctx context.Context, p *player.Player) (s state, err error) {
	list := make([]int, looked)
	for i := range list {
		list[i] = i + 1
	}
	_, ask, err := program.ParseFile(program.Header(t.Target.Space) + asking(list))
	if err != nil {
		panic(err) // the text is our own
	}
	p.Watch = func(f *player.Flight) { s = stateOf(p, f, &f.Items[0]) }
	_, err = p.Play(ctx, area.Singles, ask, nil)
	p.Watch = nil
	return s, err
}

// isInvariant says whether a signature is of something that was to stay as it is.
func isInvariant(signature string) bool { return strings.HasPrefix(signature, invariant) }
