// Package player has a machine run programs: it lays them out into slots, hands those out, and reads back
// what became of each call. When the machine dies it knows which call was under way.
//
// Beware: cries that do not end a machine come late: the calls that are under way when one is heard may not
// be those that caused it. Deaths of the machine are exact.
package player

import (
	"context"
	"errors"
	"fmt"
	"time"

	"xtest/fuzz/area"
	"xtest/fuzz/coverage"
	"xtest/fuzz/program"
	"xtest/fuzz/session"
	"xtest/runner/console"
)

// Item is a program in a slot.
type Item struct {
	Program program.Program
	Number  uint64
	First   int              // index of its first call in the slot
	Parent  int              // the corpus's index of what it was made from, -1: nothing
	Blocks  []coverage.Block // code that it was the first to reach
}

// Flight is a slot that is with the machine, or was.
type Flight struct {
	Slot  uint64
	Mode  int
	Items []Item
	sent  time.Time
}

// kept is how many flights are remembered behind those that are under way.
const kept = area.Slots + 4

// Player plays on one machine. It is for one goroutine.
type Player struct {
	S *session.Session
	// Silence is how long nothing may happen.
	Silence time.Duration
	// Hasty: what the machine has to say late is of no interest, [Player.Play] does not wait for it.
	Hasty bool
	// Apart: each program that [Player.Play] runs has a slot of its own. In one slot what Xen writes behind the end of
	// one program's memory may be what the next one passes.
	Apart bool
	// Watch sees each flight that [Player.Play] has read back; it may be nil.
	Watch   func(f *Flight)
	encoder program.Encoder
	flights [kept]Flight
	judged  uint64 // slots read back
	left    *Item  // that found no room
	where   uint64 // the call under way when it was looked at last
	since   time.Time
}

// New makes a player.
func New(s *session.Session, silence time.Duration) *Player {
	p := &Player{S: s, Silence: silence, since: time.Now()}
	p.encoder.Layout = s.Layout
	return p
}

// Fill hands out slots while there are free ones, with what next gives, until it gives no more or a slot of
// most calls is full. Mode is asked for each slot. It says whether it handed any out.
func (p *Player) Fill(mode func() int, most int, next func(it *Item, mode int) bool) (sent bool) {
	for {
		slot, n, ok := p.S.Free()
		if !ok || n >= p.judged+area.Slots { // what was done is read before it is written over
			return sent
		}
		f := &p.flights[n%kept]
		f.Slot, f.Mode, f.Items = n, mode(), f.Items[:0]
		if p.left != nil && p.left.Program.Depends() {
			f.Mode = area.Singles
		}
		p.encoder.Begin(slot, f.Mode)
		more := true
		for p.encoder.Calls() < most {
			it := f.item()
			if p.left != nil {
				*it, *p.left = *p.left, *it
				p.left = nil
			} else if more = next(it, f.Mode); !more {
				f.Items = f.Items[:len(f.Items)-1]
				break
			}
			it.First, it.Blocks = p.encoder.Calls(), it.Blocks[:0]
			if p.encoder.Encode(&it.Program) != nil {
				left := *it
				*it = Item{}
				f.Items = f.Items[:len(f.Items)-1]
				if it.First == 0 && len(f.Items) == 0 {
					break // too large for any slot
				}
				p.left = &left
				break
			}
		}
		if len(f.Items) == 0 {
			return sent
		}
		p.encoder.End()
		f.sent = time.Now()
		p.S.Publish()
		sent = true
		if !more {
			return sent
		}
	}
}

// item gives a further item of the flight, with the memory of one that was there before.
func (f *Flight) item() *Item {
	if len(f.Items) < cap(f.Items) {
		f.Items = f.Items[:len(f.Items)+1]
	} else {
		f.Items = append(f.Items, Item{})
	}
	return &f.Items[len(f.Items)-1]
}

// Outcome is what became of a call.
type Outcome struct {
	State  uint64
	Result int64
}

// Outcome reads what became of a call of a flight's item.
func (p *Player) Outcome(f *Flight, it *Item, call int) Outcome {
	s := p.S.Area.Slot(f.Slot)
	i := min(it.First+call, area.SlotCalls-1)
	if f.Mode == area.Multicall {
		if r := s.Entry(i)[1]; r != area.Pending {
			return Outcome{area.Returned, int64(r)}
		}
		return Outcome{State: area.Waiting}
	}
	r := s.Record(i)
	return Outcome{r.State, r.Result}
}

// Collect calls see for each flight that is done, with the code that its programs reached in them, and says
// whether there was one. Stray is code that no program was under way for.
func (p *Player) Collect(see func(f *Flight), stray func(b coverage.Block)) (some bool) {
	done := p.S.Done()
	for p.judged < done {
		if !some {
			p.charge(stray)
		}
		f := &p.flights[p.judged%kept]
		see(f)
		p.judged++
		some = true
	}
	return some
}

// charge gives new code to the programs that were under way.
func (p *Player) charge(stray func(b coverage.Block)) {
	for _, b := range p.S.Cover.New() {
		if it := p.Find(b.Slot, b.Call); it != nil {
			it.Blocks = append(it.Blocks, b)
		} else if stray != nil {
			stray(b)
		}
	}
}

// Find gives the program that a call of a slot belongs to, nil when the slot is forgotten.
func (p *Player) Find(slot uint64, call int) *Item {
	f := &p.flights[slot%kept]
	if f.Slot != slot {
		return nil
	}
	for i := len(f.Items) - 1; i >= 0; i-- {
		if f.Items[i].First <= call {
			return &f.Items[i]
		}
	}
	return nil
}

// Kind of a death.
const (
	Crash  = "crash"  // the console told
	Hang   = "hang"   // nothing happened any more
	Vanish = "vanish" // the machine ended without a word
)

// Death is how a machine ended that was not asked to.
type Death struct {
	Kind    string
	Crash   console.Crash // of Crash; of the others its Excerpt is the console's end
	Culprit *Item         // the program under way, nil when none was
	Call    int           // its call, -1 when nobody can tell
	Before  []*Item       // programs that ran before it, oldest first, as far as they are remembered
	Mode    int           // how it was called
	How     string        // the machine's end by the word of its emulator
	Caller  bool          // of Hang: the hypervisor goes on, and the domain that makes the calls does not
	Memory  string        // the file that keeps the machine's memory, or ""
}

// Signature is the same for the same death.
func (d *Death) Signature() string {
	name := ""
	if d.Culprit != nil && d.Call >= 0 && d.Call < len(d.Culprit.Program.Calls) {
		name = " in " + d.Culprit.Program.Calls[d.Call].Op.Name
	}
	switch d.Kind {
	case Crash:
		return d.Crash.Signature
	case Hang:
		if d.Caller {
			return "the calling domain hangs" // which call did it nobody can say: it may have masked a timer long ago
		}
		return "hang" + name
	}
	return fmt.Sprintf("the machine %s%s", d.How, name)
}

// settle is how long a machine may go on after its first cry, to finish what it has to say.
const settle = 1500 * time.Millisecond

// Check looks whether the machine still works, and gives its death when it does not. The machine is ended
// then; its memory is still there until [session.Session.End].
func (p *Player) Check() *Death {
	if _, cried := p.S.Cry(); cried {
		select {
		case <-p.S.Ended():
		case <-time.After(settle):
		}
		return p.died(Crash)
	}
	select {
	case <-p.S.Ended():
		return p.died(Vanish)
	default:
	}
	slot, call, _ := p.S.Area.Current()
	now := slot<<16 | uint64(call)
	if now != p.where || p.S.Done() == p.S.Published() { // it works, or has nothing to do
		p.where, p.since = now, time.Now()
		return nil
	}
	if time.Since(p.since) > p.Silence {
		return p.died(Hang)
	}
	return nil
}

// outstanding is how many slots were handed out and not read back.
func (p *Player) outstanding() uint64 { return p.S.Published() - p.judged }

func (p *Player) died(kind string) *Death {
	slot, call, span := p.S.Area.Current()
	p.charge(nil)
	d := &Death{Kind: kind, Call: -1, How: p.S.How(), Mode: p.flights[slot%kept].Mode}
	if c, cried := p.S.Cry(); cried {
		d.Kind, d.Crash = Crash, c
	} else {
		d.Crash.Excerpt = p.S.Tail()
	}
	if d.How == "" {
		d.How = "ended"
	}
	if kind == Hang {
		d.Caller, _ = p.S.Answers()
	}
	d.Culprit = p.Find(slot, call)
	if d.Culprit != nil && span == 1 {
		d.Call = min(call-d.Culprit.First, len(d.Culprit.Program.Calls)-1)
	}
	p.remembered(slot, func(n uint64, it *Item) bool {
		if it == d.Culprit || n == slot && it.First > call {
			return false
		}
		d.Before = append(d.Before, it)
		return true
	})
	return d
}

// remembered shows the programs of the slots up to the last one, oldest first; of a slot those until see is false.
func (p *Player) remembered(last uint64, see func(slot uint64, it *Item) bool) {
	for n := last - min(last, area.Slots-1); n <= last; n++ {
		f := &p.flights[n%kept]
		if f.Slot != n {
			continue
		}
		for i := range f.Items {
			if !see(n, &f.Items[i]) {
				break
			}
		}
	}
}

// Recent are the programs that are remembered, oldest first, up to those read back last.
func (p *Player) Recent() (list []*Item) {
	p.remembered(p.judged, func(_ uint64, it *Item) bool {
		list = append(list, it)
		return true
	})
	return list
}

// ErrOverwritten says that nobody can tell any more what the machine has done.
var ErrOverwritten = errors.New("a call wrote over the memory that the machine shares with the fuzzer")

// Play runs a list of programs in order and waits until all are done or the machine is dead. See gets what
// became of each call.
func (p *Player) Play(ctx context.Context, mode int, list []*program.Program, see func(pr *program.Program, call int, o Outcome)) (*Death, error) {
	next, most := 0, area.SlotCalls
	if p.Apart {
		most = 1
	}
	collect := func(f *Flight) {
		if p.Watch != nil {
			p.Watch(f)
		}
		for i := range f.Items {
			it := &f.Items[i]
			for c := range it.Program.Calls {
				if see != nil {
					see(&it.Program, c, p.Outcome(f, it, c))
				}
			}
		}
	}
	for {
		p.Fill(func() int { return mode }, most, func(it *Item, _ int) bool {
			if next == len(list) {
				return false
			}
			it.Program, it.Number = *list[next].Clone(), uint64(next)
			next++
			return true
		})
		p.Collect(collect, nil)
		if d := p.Check(); d != nil {
			return d, nil
		}
		if p.S.Overwritten() {
			return nil, ErrOverwritten
		}
		if next == len(list) && p.left == nil && p.outstanding() == 0 {
			return p.afterwards(ctx)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(200 * time.Microsecond):
		}
	}
}

// aftermath is how long a machine is watched when all programs were run: what it has to say may come late.
const aftermath = 300 * time.Millisecond

func (p *Player) afterwards(ctx context.Context) (*Death, error) {
	if p.Hasty {
		return nil, nil
	}
	end := time.After(aftermath)
	for {
		select {
		case <-end:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
		if d := p.Check(); d != nil {
			return d, nil
		}
	}
}

// Memory is what a call's first pointer shows, as the machine left it.
func (p *Player) Memory(f *Flight, it *Item, call int) []byte {
	r := p.S.Area.Slot(f.Slot).Record(min(it.First+call, area.SlotCalls-1))
	b, ok := it.Program.BufferOf(call)
	if !ok || f.Mode != area.Singles {
		return make([]byte, program.MaxBuffer)
	}
	for i, a := range it.Program.Calls[call].Args {
		if a.Form == program.Pointer && int(a.N) == b {
			m := p.S.Area.Slot(f.Slot).At(r.Args[i], int(it.Program.Buffers[b].Size))
			return append(append([]byte(nil), m...), make([]byte, program.MaxBuffer)...)
		}
	}
	return make([]byte, program.MaxBuffer)
}

// Resume goes on where another player of the same machine stopped, all of whose slots are done.
func (p *Player) Resume() { p.judged = p.S.Published() }
