package campaign

import (
	"encoding/binary"
	"fmt"
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
	last    time.Time
	begun   bool
	steps   []string // texts of programs to run
	free    uint64   // bytes, when it was asked first
	domains uint32
	ports   []int // that nobody had before the first program: what is open of them is ours
}

// every is how often the house is kept.
const every = 2 * time.Second

// asking is what Xen is asked: the free memory, the domains.
const asking = `sysctl/physinfo(&136{cmd@0:4=3, version@4:4=version35}, 0, 0, 0, 0)
sysctl/getdomaininfolist(&136{cmd@0:4=6, version@4:4=version35, max@12:4=0x10, buffer@16:8=&4096{}}, 0, 0, 0, 0)
`

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
				text += fmt.Sprintf("event_channel_op/status(5, &24{dom@0:2=0x7ff0, port@4:4=%#x}, 0, 0, 0)\n", p)
			}
			h.steps = append(h.steps, text)
		}
		return true
	}
	h.steps = append(h.steps, asking)
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
	if len(h.steps) == 0 || w.Target.Space != call.Xen() || w.Uniform {
		h.steps = nil
		return false
	}
	_, list, err := program.ParseFile(program.Header(w.Target.Space) + h.steps[0])
	h.steps = h.steps[1:]
	if err != nil {
		panic(err) // the texts are our own
	}
	it.Program, it.Number, it.Mutant = *list[0], house, false
	return true
}

// closed is what the status of a port is that nobody has (public/event_channel.h EVTCHNSTAT_closed).
const closed = 0

// read takes the answers.
func (h *housekeeping) read(w *worker, f *player.Flight, it *player.Item) {
	switch it.Program.Calls[0].Op.Name {
	case "event_channel_op/status":
		for c := range it.Program.Calls {
			status := w.play.Memory(f, it, c)
			if w.play.Outcome(f, it, c) == (player.Outcome{State: area.Returned}) && binary.LittleEndian.Uint32(status[8:]) == closed {
				h.ports = append(h.ports, int(binary.LittleEndian.Uint32(status[4:])))
			}
		}
		return
	case "event_channel_op/close":
		return
	}
	if w.play.Outcome(f, it, 0).Result != 0 {
		return
	}
	le := binary.LittleEndian
	info := w.play.Memory(f, it, 0)
	free := le.Uint64(info[8+48:]) * 4096
	w.Memory.Store(free)
	if h.free == 0 {
		h.free = free
	}
	if w.play.Outcome(f, it, 1).Result == 0 {
		n := le.Uint32(w.play.Memory(f, it, 1)[8+16:])
		if h.domains == 0 {
			h.domains = n
		}
		if n != h.domains {
			w.Say("the number of domains went from %d to %d while nobody made or ended one", h.domains, n)
			h.domains = n
		}
	}
}
