package campaign

import (
	"encoding/binary"
	"fmt"
	"sync"
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
	steps   []string // texts of programs to run
	first   uint64   // the lowest port that is ours, 0 while it is not known
	free    uint64   // bytes, when it was asked first
	domains uint32
}

// every is how often the house is kept.
const every = 2 * time.Second

// asking is what Xen is asked: the free memory, the domains.
var asking = sync.OnceValue(func() string {
	return `sysctl/physinfo(&136{cmd@0:4=3, version@4:4=version35}, 0, 0, 0, 0)
sysctl/getdomaininfolist(&136{cmd@0:4=6, version@4:4=version35, max@12:4=0x10, buffer@16:8=&4096{}}, 0, 0, 0, 0)
event_channel_op/alloc_unbound(6, &8{dom@0:2=0x7ff0, remote@2:2=0x7ff0}, 0, 0, 0)
event_channel_op/close(3, &4{port@0:4=from2+4:4}, 0, 0, 0)
`
})

// sweep is how many ports are closed at a time.
const sweep = 512

func (h *housekeeping) due() bool {
	if len(h.steps) > 0 {
		return true
	}
	if time.Since(h.last) < every {
		return false
	}
	h.last = time.Now()
	h.steps = append(h.steps, asking())
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

// read takes the answers.
func (h *housekeeping) read(w *worker, f *player.Flight, it *player.Item) {
	if len(it.Program.Calls) != 4 || w.play.Outcome(f, it, 2).State != area.Returned {
		return
	}
	if w.play.Outcome(f, it, 2).Result == 0 {
		port := uint64(binary.LittleEndian.Uint32(w.play.Memory(f, it, 2)[4:]))
		if h.first == 0 {
			h.first = port
		}
	}
	if h.first != 0 {
		// Ports are given out from the lowest free one on.
		text := ""
		for p := range uint64(sweep) {
			text += fmt.Sprintf("event_channel_op/close(3, &4{port@0:4=%#x}, 0, 0, 0)\n", h.first+p)
		}
		h.steps = append(h.steps, text)
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
