package reports

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/clipperhouse/displaywidth"

	"xtest/runner/event"
)

// redraw is the shortest time between two drawings of the live line.
const redraw = 100 * time.Millisecond

// ProgressOptions say how progress is shown.
type ProgressOptions struct {
	Options
	// Terminal allows a live line that is drawn over itself. Without it only whole lines are
	// written and nothing but them, for logs.
	Terminal bool
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
}

// Progress shows a run while it is under way: permanent lines for targets that booted, failures and
// ends of targets, and on a terminal a live line below them. It is safe for concurrent use. What
// cannot be written is lost without a word: a run is not to end because its onlooker left.
type Progress struct {
	mu        sync.Mutex
	w         io.Writer
	o         ProgressOptions
	fold      *Folder
	start     time.Time
	judging   time.Time // when the first spec started
	drawn     time.Time
	live      bool // a live line stands on the terminal
	closed    bool
	transfers []*transfer
	work      []*work
}

// NewProgress shows progress on w. Its clock starts now.
func NewProgress(w io.Writer, o ProgressOptions) *Progress {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Width == 0 {
		o.Width = DefaultWidth
	}
	p := &Progress{w: w, o: o, fold: NewFolder(), start: o.Now()}
	p.fold.settled = p.settled
	return p
}

// Add takes the next event of the run.
func (p *Progress) Add(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.fold.Add(e)
	if e.Kind == event.SpecStarted && p.judging.IsZero() {
		p.judging = p.o.Now()
	}
	if t := p.fold.targets[e.Target]; t != nil {
		p.tell(t, e)
	}
	p.draw()
}

// Tick redraws the live line if its time has come, so that the clock on it goes on.
func (p *Progress) Tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw()
}

// Watch calls [Progress.Tick] until ctx ends. Without a terminal it only waits.
func (p *Progress) Watch(ctx context.Context) {
	if !p.o.Terminal {
		<-ctx.Done()
		return
	}
	t := time.NewTicker(redraw)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			p.Tick()
		}
	}
}

// Close takes the live line away. Nothing is shown after it.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	p.closed = true
}

// tell writes the permanent lines of events that are about a target or its machine.
func (p *Progress) tell(t *Target, e event.Event) {
	name := Clip(Clean(t.Name), 60)
	switch e.Kind {
	case event.TargetMissed:
		reason, _, _ := strings.Cut(e.Reason, "\n") // the table has all of it
		text := "missed  " + name + "  " + Clip(Clean(reason), maxValue)
		if e.Fix != "" {
			text += "  fix: " + Clean(e.Fix)
		}
		p.print(yellow, text)
	case event.Booted:
		if p.fold.bench() && e.Boot > 1 {
			return // whoever boots it again and again says so
		}
		b := t.boot(e.Boot)
		text := "booted  " + name
		if b.Machine != nil {
			text += "  " + strings.Join(machine(b.Machine), ", ")
		}
		if b.Took > 0 {
			text += "  " + span(b.Took)
		}
		if e.Boot > 1 {
			text += fmt.Sprintf("  (boot %d)", e.Boot)
		}
		p.print(plain, text)
	case event.Crashed:
		c := t.Crashes[len(t.Crashes)-1]
		p.print(red, fmt.Sprintf("CRASH   %s  %s: %s", name, Clip(Clean(c.Kind), 60), Clip(Clean(c.Signature), maxValue)))
	case event.TargetEnded:
		c := t.Counts
		text := fmt.Sprintf("ended   %s  %d passed, %s, %d not applicable, %d broken", name, c.Pass, failed(c), c.NotApplicable, c.Broken)
		if c.NotJudged > 0 {
			text += fmt.Sprintf(", %d not judged", c.NotJudged)
		}
		if t.Duration > 0 {
			text += "  " + span(t.Duration)
		}
		p.print(plain, text)
		for _, d := range doubts(t) {
			p.print(yellow, "        "+name+"  "+Clip(Clean(d), maxValue))
		}
	}
}

// settled writes a line for each spec that failed or broke.
func (p *Progress) settled(t *Target, s *Spec) {
	word, style := "FAIL    ", red
	switch s.Verdict() {
	case event.Broken:
		word, style = "BROKEN  ", yellow
	case event.Fail:
		if s.Result.Excused() {
			word, style = "known   ", plain
		}
	default:
		return
	}
	p.print(style, word+Clip(Clean(t.Name), 60)+"  "+Clip(Clean(s.ID), 120)+"  "+headline(s))
}

// print writes a permanent line above the live one.
func (p *Progress) print(s style, text string) {
	p.erase()
	pg := page{Options: p.o.Options}
	fmt.Fprintln(p.w, pg.paint(s, text))
}

func (p *Progress) erase() {
	if p.live {
		io.WriteString(p.w, "\r\x1b[K")
		p.live = false
	}
}

// draw puts the live line on the terminal, at most every redraw: after a permanent line it comes
// back with the next event or tick that is late enough.
func (p *Progress) draw() {
	t := p.o.Now()
	if !p.o.Terminal || p.closed || t.Sub(p.drawn) < redraw {
		return
	}
	// The last column stays free: many terminals wrap when it is written.
	line := displaywidth.TruncateString(p.liveLine(t), max(p.o.Width-1, 1), "…")
	io.WriteString(p.w, "\r"+line+"\x1b[K")
	p.live, p.drawn = true, t
}
