package campaign

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/coverage"
	"xtest/fuzz/generator"
	"xtest/fuzz/oracle"
	"xtest/fuzz/player"
	"xtest/fuzz/program"
	"xtest/fuzz/session"
)

// worker keeps one machine at a time busy.
type worker struct {
	*Campaign
	id       int
	gen      *generator.Generator
	number   uint64 // of the next program
	end      uint64 // of the numbers that are ours
	answers  map[answerKey]uint64
	breaches []breach
	play     *player.Player
	blocks   []uint64
	over     bool
	house    housekeeping
	guidance guidance
	ended    time.Duration // of fuzzing, when the machine died or was to be looked into
}

// breach is a broken contract and the program that met it.
type breach struct {
	oracle.Breach
	program *program.Program
	list    []*program.Program // where it may be any of them
	number  uint64
	mode    int
}

func newWorker(c *Campaign, id int) *worker {
	w := &worker{Campaign: c, id: id, gen: generator.New(c.Target.Space, c.Ops, c.Seed), answers: map[answerKey]uint64{}}
	w.gen.Uniform, w.gen.Numbered = c.Uniform, c.Numbered
	return w
}

// work fuzzes with one machine after the other.
func (c *Campaign) work(ctx context.Context, id int) error {
	w := newWorker(c, id)
	for ctx.Err() == nil && !w.over {
		d, err := w.machine(ctx)
		w.tally()
		if c.whole.Err() != nil || err != nil && ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		if d != nil {
			if err := w.report(c.whole, d); err != nil && c.whole.Err() == nil {
				return err
			}
		}
		for len(w.breaches) > 0 && c.whole.Err() == nil {
			b := w.breaches[0]
			w.breaches = w.breaches[1:]
			if err := w.breached(c.whole, b); err != nil && c.whole.Err() == nil {
				return err
			}
		}
	}
	return nil
}

// boots is how often a machine that does not come up is tried again.
const boots = 3

// boot brings a machine of a target up.
func (c *Campaign) boot(ctx context.Context, t *session.Target, log string) (*session.Session, error) {
	var errs []error
	for range boots {
		s, err := session.Boot(ctx, t, log)
		if err == nil {
			c.Machines.Add(1)
			return s, nil
		}
		if errs = append(errs, err); ctx.Err() != nil || errors.Is(err, session.ErrRefused) {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// machine keeps a machine busy until it dies, or there is a breach to look into, or time is up.
func (w *worker) machine(ctx context.Context) (*player.Death, error) {
	log := ""
	if w.Dir != "" {
		log = filepath.Join(w.Dir, fmt.Sprintf("console-%d.log", w.id+1))
	}
	s, err := w.boot(ctx, w.Target, log)
	if err != nil {
		return nil, err
	}
	w.up()
	w.play = player.New(s, w.Silence)
	w.house = housekeeping{}
	var before []uint64
	for _, b := range s.Cover.New() {
		before = append(before, b.Address)
	}
	w.Corpus.See(before...)
	w.mu.Lock()
	w.booted = max(w.booted, len(before))
	w.mu.Unlock()
	died, err := w.loop(ctx)
	w.ended = w.Took()
	if died == nil {
		s.Finish()
	} else {
		if w.Dump {
			w.keepMemory(died)
		}
		s.End()
	}
	return died, err
}

// keepMemory keeps the memory of a machine that died in a way that is new. Without it the finding is one all the same.
func (w *worker) keepMemory(d *player.Death) {
	w.mu.Lock()
	known := w.byText[d.Signature()] != nil
	w.mu.Unlock()
	if known || w.Dir == "" {
		return
	}
	var err error
	if d.Memory, err = w.play.S.Keep(filepath.Join(w.Dir, fmt.Sprintf("memory-%d", w.id+1))); err != nil {
		w.Say("%s: its memory could not be kept: %v", d.Signature(), err)
	}
}

// loop is the life of a machine.
func (w *worker) loop(ctx context.Context) (*player.Death, error) {
	for looked, saved := time.Now(), time.Now(); ; {
		w.play.Fill(w.nextMode, area.SlotCalls, w.next)
		idle := !w.play.Collect(w.judge, w.stray)
		if time.Since(looked) > 20*time.Millisecond || idle {
			looked = time.Now()
			if d := w.play.Check(); d != nil {
				return d, nil
			}
			if len(w.breaches) > 0 {
				return w.play.Check(), nil
			}
			if w.whole != nil && w.whole.Err() != nil { // the user wants an end
				return nil, nil
			}
			if w.play.S.Overwritten() {
				w.Say("a call wrote over the memory that the machine shares with the fuzzer: the next machine goes on")
				return nil, nil
			}
			if ctx.Err() != nil {
				w.over = true
			}
			if w.over && w.play.S.Done() == w.play.S.Published() && !w.house.finish(w) {
				return w.play.Check(), nil
			}
		}
		if w.id == 0 && time.Since(saved) > 5*time.Second {
			saved = time.Now()
			w.tally()
			w.point()
			if err := w.save(); err != nil {
				return nil, err
			}
		}
		if idle {
			// All slots are with the machine. Looking again at once would take a processor from its emulator; a slot
			// takes it milliseconds, and it has the others meanwhile.
			time.Sleep(100 * time.Microsecond)
		}
	}
}

// nextMode is how the next slot's calls are made.
func (w *worker) nextMode() int {
	if w.house.due() {
		return area.Singles
	}
	if w.number == w.end {
		w.number = w.take()
		w.end = w.number + block
	}
	return w.mode(w.number)
}

// next makes the next program of a slot.
func (w *worker) next(it *player.Item, mode int) bool {
	if w.house.alone {
		w.house.alone = false
		return false
	}
	if w.house.next(w, it) {
		return true
	}
	for w.number < w.end && !w.over {
		if w.Most > 0 && w.Calls.Load() >= w.Most {
			w.over = true
			return false
		}
		n := w.number
		w.number++
		w.gen.Independent = mode == area.Multicall
		it.Number, it.Parent = n, -1
		if !w.guide(n, it, mode) {
			w.gen.Program(n, &it.Program)
		}
		if w.silenced(&it.Program) {
			continue
		}
		w.Calls.Add(uint64(len(it.Program.Calls)))
		w.Programs.Add(1)
		return true
	}
	return false
}

// silenced says whether the program makes a call that is known to end machines.
func (w *worker) silenced(p *program.Program) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.muted) == 0 {
		return false
	}
	for i := range p.Calls {
		if w.muted[p.Calls[i].Op.Name] {
			return true
		}
	}
	return false
}

// stray is code that ran while no call of ours was under way.
func (w *worker) stray(b coverage.Block) { w.Corpus.See(b.Address) }

// judge looks at what a slot's calls came back with.
func (w *worker) judge(f *player.Flight) {
	for i := range f.Items {
		it := &f.Items[i]
		if it.Number == house {
			w.house.read(w, f, it)
			continue
		}
		for c := range it.Program.Calls {
			o := w.play.Outcome(f, it, c)
			if o.State == area.Waiting {
				continue
			}
			w.answered(it, c, o, f.Mode)
		}
		if len(it.Blocks) > 0 {
			w.blocks = w.blocks[:0]
			for _, b := range it.Blocks {
				w.blocks = append(w.blocks, b.Address)
			}
			if n := w.Corpus.Add(&it.Program, w.blocks); n > 0 {
				w.LastNew.Store(time.Now().UnixNano())
				w.guidance.reached(w.Corpus, it, n)
			}
		}
		w.guidance.made(it)
	}
}

func (w *worker) answered(it *player.Item, c int, o player.Outcome, mode int) {
	op := it.Program.Calls[c].Op
	k := answerKey{op, o.Result}
	if o.Result > 0 || o.Result < -call.ErrorsTop {
		k.result = 1 // values are all alike here
	}
	if n := w.answers[k]; n > 0 && k.result == o.Result && o.State == area.Returned {
		w.answers[k] = n + 1
		return
	}
	if w.answers[k]++; w.answers[k] == 1 {
		w.tallyNew(k)
	}
	if b := oracle.Judge(w.Target.Space, w.Target.Unprivileged, op, o.State, o.Result); b != nil {
		w.mu.Lock()
		known := w.byText[b.Signature] != nil
		w.mu.Unlock()
		if !known && len(w.breaches) < 8 {
			w.breaches = append(w.breaches, breach{Breach: *b, program: it.Program.Clone(), number: it.Number, mode: mode})
		}
	}
}

// tallyNew counts an answer that this worker has not seen.
func (w *worker) tallyNew(k answerKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answer[k] == 0 {
		w.Distinct.Add(1)
		w.answer[k] = 1
	}
}

// tally brings the common counts up to date.
func (w *worker) tally() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, n := range w.answers {
		w.answer[k] += n
		w.answers[k] = 0
	}
}
