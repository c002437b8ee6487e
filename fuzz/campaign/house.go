package campaign

import (
	"fmt"
	"slices"
	"time"

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
	final bool     // the last round is under way, or done
	alone bool     // the slot is for a program of the house and takes no other: what that makes Xen write may overlap
	steps []string // texts of programs to run
	noted bool     // [Campaign.Kept] has a place for this machine
	place int      // which
	ports []int    // that nobody had before the first program: what is open of them is ours
	held  []int    // that somebody had, at most [watched]
	was   state    // when it was asked last
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
	h.round()
	return true
}

// round lays out what is to be asked and done.
func (h *housekeeping) round() {
	if !h.begun {
		h.begun = true
		h.steps = append(h.steps, asking(nil))
		for first := 1; first < counted; first += atOnce {
			text := ""
			for p := first; p < first+atOnce; p++ {
				text += askPort(p)
			}
			h.steps = append(h.steps, text)
		}
		return
	}
	h.steps = append(h.steps, asking(h.held))
	for first := 0; first < len(h.ports); first += atOnce {
		text := ""
		for _, p := range h.ports[first:min(first+atOnce, len(h.ports))] {
			text += fmt.Sprintf("event_channel_op/close(3, &4{port@0:4=%#x}, 0, 0, 0)\n", p)
		}
		h.steps = append(h.steps, text)
	}
}

// finish begins the last round of a machine and says whether there is one.
func (h *housekeeping) finish(w *worker) bool {
	if h.final || !h.begun || !w.asks() {
		return false
	}
	h.final = true
	h.round()
	return true
}

// asks says whether the target's house is kept.
func (c *Campaign) asks() bool { return c.Target.Space == call.Xen() && !c.Uniform }

// next gives the next program of the house.
func (h *housekeeping) next(w *worker, it *player.Item) bool {
	h.alone = false
	if len(h.steps) == 0 || !w.asks() {
		h.steps = nil
		return false
	}
	_, list, err := program.ParseFile(program.Header(w.Target.Space) + h.steps[0])
	h.steps = h.steps[1:]
	if err != nil {
		panic(err) // the texts are our own
	}
	it.Program, it.Number, it.Parent, h.alone = *list[0], house, -1, true
	return true
}

// read takes the answers.
func (h *housekeeping) read(w *worker, f *player.Flight, it *player.Item) {
	switch it.Program.Calls[0].Op.Name {
	case "event_channel_op/status":
		for c := range it.Program.Calls {
			switch port, open, ok := portOf(w.play, f, it, c); {
			case !ok:
			case !open:
				h.ports = append(h.ports, port)
			case len(h.held) < watched:
				h.held = append(h.held, port)
			}
		}
		return
	case "event_channel_op/close":
		return
	}
	now := stateOf(w.play, f, it)
	if now.memory != 0 {
		w.Memory.Store(now.memory)
	}
	if h.noted { // the first time nobody knew of ports
		w.changed(h, now)
	}
	if len(h.was.open) == 0 {
		h.kept.Ports[0] = uint64(len(now.open))
	}
	h.was = now
	h.kept.Ports[1] = uint64(len(now.open))
	set(&h.kept.Memory, now.memory)
	set(&h.kept.Domains, now.domains)
	set(&h.kept.Grants, now.grants)
	h.note(w.Campaign)
}

// set notes a value, which is the first one as long as that is 0.
func set(to *[2]uint64, v uint64) {
	if to[0] == 0 {
		to[0] = v
	}
	to[1] = v
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
