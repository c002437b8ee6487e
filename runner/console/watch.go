// Package console watches what a kernel or hypervisor prints, keeps it on disk within bounds, and
// recognises its cries: panics, oopses, BUGs, hung tasks, Xen's crashes.
//
// Beware: the console belongs to the guest, which can print anything. What is found here can cost a
// guest its own verdicts and nothing else.
package console

import (
	"bytes"
	"sync"
)

// Watcher takes a console's bytes as an io.Writer and finds crashes in them, also across the seams
// between two writes.
type Watcher struct {
	mu     sync.Mutex
	log    *Log
	line   []byte   // the unfinished last line
	recent [][]byte // the last finished lines, oldest first
	found  *sighting
	onHit  func(Pattern)
	lines  int
}

type sighting struct {
	pattern Pattern
	before  [][]byte
	behind  [][]byte
}

const (
	maxLine    = 1024 // bytes of a line that are looked at and quoted
	keepBefore = 8    // lines quoted before the first cry
	keepBehind = 40   // and behind it
	keepTail   = 25   // lines kept for Tail
)

// NewWatcher writes everything to log, which may be nil, and calls onHit once, at the first cry. It
// must not block.
func NewWatcher(log *Log, onHit func(Pattern)) *Watcher {
	return &Watcher{log: log, onHit: onHit}
}

// Write never fails: a full disk must not keep a crash from being seen. Log.Err tells of it.
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
		w.endLine()
		rest = rest[i+1:]
	}
}

func (w *Watcher) grow(part []byte) {
	if room := maxLine - len(w.line); len(part) > room {
		part = part[:max(room, 0)]
	}
	w.line = append(w.line, part...)
}

func (w *Watcher) endLine() {
	line := bytes.Clone(bytes.TrimRight(w.line, "\r"))
	w.line = w.line[:0]
	w.lines++
	switch {
	case w.found == nil:
		if p, hit := match(line); hit {
			w.found = &sighting{pattern: p, before: w.lastLines(keepBefore), behind: [][]byte{line}}
			if w.onHit != nil {
				w.onHit(p)
			}
		}
	case len(w.found.behind) < keepBehind:
		w.found.behind = append(w.found.behind, line)
		// A panic behind an oops says more about how it ended.
		if p, hit := match(line); hit && p.Fatal && !w.found.pattern.Fatal {
			w.found.pattern = p
		}
	}
	w.recent = append(w.recent, line)
	if len(w.recent) > 2*keepTail {
		w.recent = append([][]byte{}, w.recent[keepTail:]...)
	}
}

func (w *Watcher) lastLines(n int) [][]byte {
	lines := w.recent[max(0, len(w.recent)-n):]
	return append([][]byte{}, lines...)
}

// Crash describes the first cry that was heard. Ok is false when there was none.
func (w *Watcher) Crash() (c Crash, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.found == nil {
		return Crash{}, false
	}
	// The last line of a dying machine may lack its end.
	behind := append([][]byte{}, w.found.behind...)
	if len(w.line) > 0 && len(behind) < keepBehind {
		behind = append(behind, bytes.Clone(w.line))
	}
	return Crash{
		Pattern:   w.found.pattern,
		Signature: signature(w.found.pattern, behind),
		Excerpt:   string(bytes.Join(append(append([][]byte{}, w.found.before...), behind...), []byte("\n"))),
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

// Lines is how many lines were printed so far.
func (w *Watcher) Lines() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lines
}
