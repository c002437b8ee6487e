package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// work is long work that is under way, counted in steps.
type work struct {
	of, what    string
	done, total int
	start       time.Time
	told        int // of the plain lines that were written
}

// plainLines is how many lines tell of long work where there is no terminal.
const plainLines = 4

// Step tells that done of total steps of long work on of are done, and what is being done now. On a
// terminal the live line shows it with the time left; elsewhere a few lines do.
func (p *Progress) Step(of, what string, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || total <= 0 {
		return
	}
	i := slices.IndexFunc(p.work, func(w *work) bool { return w.of == of })
	if i < 0 {
		i = len(p.work)
		p.work = append(p.work, &work{of: of, start: p.o.Now()})
	}
	w := p.work[i]
	w.what, w.done, w.total = what, min(done, total), total
	if part := w.done * plainLines / total; !p.o.Terminal && part > w.told && part < plainLines {
		w.told = part
		p.print(plain, fmt.Sprintf("        %s: %d %% done, %s", Clip(Clean(of), 60), w.done*100/total, w.left(p.o.Now())))
	}
	if w.done == total {
		p.work = slices.Delete(p.work, i, i+1)
	}
	p.draw()
}

// left guesses the time that is left from the time that the steps took so far.
func (w *work) left(now time.Time) string {
	if w.done == 0 {
		return "time left not known yet"
	}
	each := now.Sub(w.start) / time.Duration(w.done)
	return ahead(each*time.Duration(w.total-w.done)) + " left"
}

// workLine shows the work that was begun first, and how much there is besides.
func (p *Progress) workLine(now time.Time) string {
	w := p.work[0]
	parts := []string{
		clock(now.Sub(p.start)), fmt.Sprintf("%s %d of %d", Clip(Clean(w.of), 60), w.done, w.total), Clip(Clean(w.what), 60), w.left(now),
	}
	if n := len(p.work) - 1; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more", n))
	}
	return strings.Join(parts, " · ")
}
