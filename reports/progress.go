package reports

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"xtest/runner/event"
)

// redraw is the shortest time between two drawings of the live view.
const redraw = 100 * time.Millisecond

// ProgressOptions say how progress is shown.
type ProgressOptions struct {
	Options
	// Terminal allows a live view that is drawn over itself. Without it only whole lines are
	// written and nothing but them, for logs.
	Terminal bool
	// Size is the terminal's present width and height in cells; nil: it is Width, and high enough.
	Size func() (width, height int)
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
}

// Progress shows a run while it is under way: permanent lines for targets that booted, failures and
// ends of targets, and on a terminal a live view below them: a line for each machine that is up, and
// one for the run. However many events come, a terminal is written to once in a tenth of a second. It is
// safe for concurrent use. What cannot be written is lost without a word: a run is not to end because its
// onlooker left.
type Progress struct {
	mu        sync.Mutex
	w         io.Writer
	o         ProgressOptions
	fold      *Folder
	start     time.Time
	judging   time.Time // when the first spec started
	drawn     time.Time
	live      []string        // the lines of the live view that stand on the terminal
	pending   strings.Builder // permanent lines that come with the next drawing
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
		if !e.Time.IsZero() && e.Time.Before(p.judging) {
			p.judging = e.Time // a run that is followed began before
		}
	}
	if e.Kind == event.RunStarted && !e.Time.IsZero() && e.Time.Before(p.start) {
		p.start = e.Time
	}
	if t := p.fold.targets[e.Target]; t != nil {
		p.tell(t, e)
	}
	p.draw()
}

// Tick redraws the live view if its time has come, so that the clock on it goes on.
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

// Close takes the live view away. Nothing is shown after it.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		io.WriteString(p.w, p.erase()+p.pending.String())
	}
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

// print writes a permanent line, on a terminal with the next drawing.
func (p *Progress) print(s style, text string) {
	pg := page{Options: p.o.Options}
	line := pg.paint(s, text) + "\n"
	if p.o.Terminal {
		p.pending.WriteString(line)
		return
	}
	io.WriteString(p.w, line)
}

// erase gives what takes the live view away and leaves the cursor where it began.
func (p *Progress) erase() string {
	if p.live == nil {
		return ""
	}
	rows := 0
	for _, l := range p.live { // a terminal that has become narrower has wrapped them
		rows += max((cells(l)+p.o.Width-1)/p.o.Width, 1)
	}
	p.live = nil
	if rows == 1 {
		return "\r\x1b[J"
	}
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", rows-1)
}

// draw puts what is new and the live view on the terminal in one go, at most every redraw, and not when
// nothing has changed.
func (p *Progress) draw() {
	t := p.o.Now()
	if !p.o.Terminal || p.closed || t.Sub(p.drawn) < redraw {
		return
	}
	height := 24
	if p.o.Size != nil {
		if w, h := p.o.Size(); w > 0 && h > 0 {
			p.o.Width, height = w, h
		}
	}
	view := p.liveView(t, height)
	if p.pending.Len() == 0 && slices.Equal(view, p.live) {
		return
	}
	io.WriteString(p.w, p.erase()+p.pending.String()+strings.Join(view, "\n"))
	p.pending.Reset()
	p.live, p.drawn = view, t
}
