// Package console watches what a kernel or hypervisor prints, keeps it on disk within bounds, and
// recognises its cries: panics, oopses, BUGs, hung tasks, Xen's crashes.
//
// Beware: the console belongs to the guest, which can print anything. What is found here can cost a
// guest its own verdicts and nothing else.
package console

import (
	"bytes"
	"slices"
	"sync"
)

// Watcher takes a console's bytes as an io.Writer and finds crashes in them, also across the seams
// between two writes.
type Watcher struct {
	mu     sync.Mutex
	log    *Log
	line   []byte   // the unfinished last line
	wraps  bool     // it goes on one that was too long
	recent [][]byte // the last finished lines, oldest first
	found  *sighting
	onHit  func(Pattern)
}

type sighting struct {
	pattern Pattern
	cry     []byte // what was cried first
	before  [][]byte
	behind  [][]byte
}

const (
	maxLine    = 1024 // bytes of a line; longer ones are broken
	overlap    = 128  // of which are looked at again together with what follows
	keepBefore = 8    // lines quoted before the first cry
	keepDump   = 80   // and at most, where Xen printed its registers and stack first
	keepBehind = 40   // and behind it
	keepTail   = 25   // lines kept for Tail
)

// NewWatcher writes everything to log, which may be nil, and calls onHit once, at the first cry. It
// must not block.
func NewWatcher(log *Log, onHit func(Pattern)) *Watcher {
	return &Watcher{log: log, onHit: onHit}
}

// Write never fails: a full disk must not keep a crash from being seen. Log.Close tells of it.
func (w *Watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.log != nil {
		w.log.Write(p)
	}
	rest := p
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			w.grow(rest)
			return len(p), nil
		}
		w.grow(rest[:i])
		w.endLine(false)
		w.line, w.wraps = w.line[:0], false
		rest = rest[i+1:]
	}
}

// grow adds to the line. A program may write without end and the kernel cry behind it, so nothing of
// a line is skipped.
func (w *Watcher) grow(part []byte) {
	if bytes.IndexByte(part, 0) >= 0 { // the noise of a serial line that is switched on
		part = bytes.ReplaceAll(part, []byte{0}, nil)
	}
	for len(part) > 0 {
		if len(w.line) == maxLine {
			w.endLine(true)
			w.line = append(w.line[:0], w.line[maxLine-overlap:]...)
			w.wraps = true
		}
		n := min(len(part), maxLine-len(w.line))
		w.line = append(w.line, part[:n]...)
		part = part[n:]
	}
}

// endLine takes the line that is done, or the part of it that fills all room.
func (w *Watcher) endLine(goesOn bool) {
	line := bytes.Clone(bytes.TrimRight(w.line, "\r"))
	p, cry, hit := match(line)
	if goesOn && len(cry) < overlap {
		hit = false // it will be seen again, and whole
	}
	if w.wraps && !hit {
		line = line[min(overlap, len(line)):] // which stands in the line before
	}
	switch {
	case w.found == nil && hit:
		w.found = &sighting{pattern: p, cry: cry, before: w.before(), behind: [][]byte{line}}
		if w.onHit != nil {
			w.onHit(p)
		}
	case w.found != nil && len(w.found.behind) < keepBehind:
		f := w.found
		if f.pattern.Kind == vague && len(f.behind) == 1 {
			f.cry = prefix().ReplaceAll(line, nil)
		}
		f.behind = append(f.behind, line)
		if hit && f.pattern.ahead(p) {
			f.pattern = p
		}
	}
	w.recent = append(w.recent, line)
	if len(w.recent) > 2*keepDump {
		w.recent = append([][]byte{}, w.recent[keepDump:]...)
	}
}

// before gives the lines to quote before a cry.
func (w *Watcher) before() [][]byte {
	lines := w.lastLines(keepDump)
	for i, l := range slices.Backward(lines) {
		if isDump(l) {
			return lines[max(0, min(i-1, len(lines)-keepBefore)):]
		}
	}
	return w.lastLines(keepBefore)
}

func (w *Watcher) lastLines(n int) [][]byte {
	lines := w.recent[max(0, len(w.recent)-n):]
	return append([][]byte{}, lines...)
}

// Crash describes the first cry that was heard. Ok is false when there was none.
func (w *Watcher) Crash() (c Crash, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// The last line of a dying machine may lack its end.
	last := bytes.Clone(bytes.TrimRight(w.line, "\r"))
	f := sighting{}
	if w.found != nil {
		f = *w.found
		f.behind = slices.Clone(f.behind)
		if len(last) > 0 && len(f.behind) < keepBehind {
			f.behind = append(f.behind, last)
		}
	} else if f.pattern, f.cry, ok = match(last); ok {
		f.before, f.behind = w.before(), [][]byte{last}
	} else {
		return Crash{}, false
	}
	lines := append(slices.Clone(f.before), f.behind...)
	where := f.behind
	if slices.ContainsFunc(f.before, isDump) {
		where = lines
	}
	return Crash{
		Pattern:   f.pattern,
		Signature: signature(f.cry, where),
		Excerpt:   string(bytes.Join(lines, []byte("\n"))),
	}, true
}

// Tail gives the last lines, for a machine that ended or hangs without a cry.
func (w *Watcher) Tail() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lastLines(keepTail)
	if len(w.line) > 0 {
		lines = append(lines, bytes.Clone(w.line))
	}
	return string(bytes.Join(lines, []byte("\n")))
}
