package campaign

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/player"
	"xtest/fuzz/program"
)

// house is the number of programs that are the fuzzer's own and not of the list.
const house = ^uint64(0)

// housekeeping closes the ports that programs left open, and asks Xen for what must not change.
type housekeeping struct {
	last  time.Time
	begun bool
	alone bool     // the slot is for a program of the house and takes no other: what that makes Xen write may overlap
	steps []string // texts of programs to run
	noted bool     // [Campaign.Kept] has a place for this machine
	place int      // which
	ports []int    // that nobody had before the first program: what is open of them is ours
	held  []int    // that somebody had, at most [watched]
	kept  Kept
}

// Kept is what Xen has of things that programs can use up, when it was asked first and last, in a machine. What a
// caller is not told is 0.
type Kept struct {
	Memory  [2]uint64 // free, in bytes
	Domains [2]uint64
	Ports   [2]uint64 // of those that were open before the first program
	Grants  [2]uint64 // frames of the caller's grant table
}

// every is how often the house is kept.
const every = 2 * time.Second

// asking is what Xen is asked: the free memory, the domains, the frames of the caller's grant table. The states of
// ports come behind.
const asking = `sysctl/physinfo(&136{cmd@0:4=3, version@4:4=version35}, 0, 0, 0, 0)
sysctl/getdomaininfolist(&136{cmd@0:4=6, version@4:4=version35, max@12:4=0x10, buffer@16:8=&4096{}}, 0, 0, 0, 0)
grant_table_op/query_size(6, &16{dom@0:2=0x7ff0}, 1, 0, 0)
`

// stateOf is the call that asks for the state of a port.
func stateOf(port int) string {
	return fmt.Sprintf("event_channel_op/status(5, &24{dom@0:2=0x7ff0, port@4:4=%#x}, 0, 0, 0)\n", port)
}

// watched is how many of the ports that were open before the first program are looked at.
const watched = 64

// counted is how many ports are looked at: those given out first. A program looks at as many as a slot has calls.
const (
	counted = 1000
	atOnce  = counted / 2
)

func (h *housekeeping) due() bool {
	if len(h.steps) > 0 {
		return true
	}
	if time.Since(h.last) < every {
		return false
	}
	h.last = time.Now()
	if !h.begun {
		h.begun = true
		for first := 1; first < counted; first += atOnce {
			text := ""
			for p := first; p < first+atOnce; p++ {
				text += stateOf(p)
			}
			h.steps = append(h.steps, text)
		}
		return true
	}
	text := asking
	for _, p := range h.held {
		text += stateOf(p)
	}
	h.steps = append(h.steps, text)
	for first := 0; first < len(h.ports); first += atOnce {
		text := ""
		for _, p := range h.ports[first:min(first+atOnce, len(h.ports))] {
			text += fmt.Sprintf("event_channel_op/close(3, &4{port@0:4=%#x}, 0, 0, 0)\n", p)
		}
		h.steps = append(h.steps, text)
	}
	return true
}

// next gives the next program of the house.
func (h *housekeeping) next(w *worker, it *player.Item) bool {
	h.alone = false
	if len(h.steps) == 0 || w.Target.Space != call.Xen() || w.Uniform {
		h.steps = nil
		return false
	}
	_, list, err := program.ParseFile(program.Header(w.Target.Space) + h.steps[0])
	h.steps = h.steps[1:]
	if err != nil {
		panic(err) // the texts are our own
	}
	it.Program, it.Number, it.Mutant, h.alone = *list[0], house, false, true
	return true
}

// closed is what the status of a port is that nobody has (public/event_channel.h EVTCHNSTAT_closed).
const closed = 0

// read takes the answers.
func (h *housekeeping) read(w *worker, f *player.Flight, it *player.Item) {
	le := binary.LittleEndian
	// answer is what a call left in memory, nil when it failed.
	answer := func(c int) []byte {
		if w.play.Outcome(f, it, c) != (player.Outcome{State: area.Returned}) {
			return nil
		}
		return w.play.Memory(f, it, c)
	}
	switch it.Program.Calls[0].Op.Name {
	case "event_channel_op/status":
		for c := range it.Program.Calls {
			status := answer(c)
			switch {
			case status == nil:
			case le.Uint32(status[8:]) == closed:
				h.ports = append(h.ports, int(le.Uint32(status[4:])))
			case len(h.held) < watched:
				h.held = append(h.held, int(le.Uint32(status[4:])))
			}
		}
		return
	case "event_channel_op/close":
		return
	}
	if info := answer(0); info != nil {
		h.kept.set(&h.kept.Memory, le.Uint64(info[8+48:])*4096)
		w.Memory.Store(h.kept.Memory[1])
	}
	if list := answer(1); list != nil {
		h.tell(w, "domains", &h.kept.Domains, uint64(le.Uint32(list[8+16:])))
	}
	if size := answer(2); size != nil {
		h.kept.set(&h.kept.Grants, uint64(le.Uint32(size[4:])))
	}
	open := uint64(0)
	for c := asked; c < len(it.Program.Calls); c++ {
		if status := answer(c); status != nil && le.Uint32(status[8:]) != closed {
			open++
		}
	}
	h.tell(w, "ports of those that were open before the first call", &h.kept.Ports, open)
	h.note(w.Campaign)
}

// note brings the campaign's list up to date.
func (h *housekeeping) note(c *Campaign) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !h.noted {
		h.noted, h.place = true, len(c.houses)
		c.houses = append(c.houses, h.kept)
	}
	c.houses[h.place] = h.kept
}

// Kept is what each machine had first and last, in the order in which they were asked first.
func (c *Campaign) Kept() []Kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.houses)
}

// asked is the number of calls in [asking].
const asked = 3

// set notes a value, which is the first one as long as that is 0.
func (*Kept) set(to *[2]uint64, v uint64) {
	if to[0] == 0 {
		to[0] = v
	}
	to[1] = v
}

// tell says when what nobody's call is to change has changed.
func (h *housekeeping) tell(w *worker, what string, of *[2]uint64, v uint64) {
	if of[0] != 0 && of[1] != v {
		w.Say("the number of %s went from %d to %d while nobody made or ended one", what, of[1], v)
	}
	h.kept.set(of, v)
}
