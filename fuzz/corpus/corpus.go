// Package corpus keeps the programs that reached code which none before them had, as readable text.
//
// Beware: which code that is depends on what ran before. A corpus that was made smaller is
// smaller for the runs that it was measured with.
package corpus

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"xtest/fuzz/call"
	"xtest/fuzz/program"
)

// Entry is a program and what it was the first to reach.
type Entry struct {
	Program *program.Program
	Blocks  []uint64 // addresses
}

// tries are how often an entry was chosen, and how many new blocks the programs made from it reached.
type tries struct{ picked, led uint64 }

// Corpus grows. It may be used by several goroutines.
type Corpus struct {
	mu      sync.Mutex
	space   *call.Space
	entries []Entry
	tries   []tries // of each entry
	seen    map[uint64]bool
	texts   map[string]bool
}

// New gives an empty corpus of a space.
func New(s *call.Space) *Corpus {
	return &Corpus{space: s, seen: map[uint64]bool{}, texts: map[string]bool{}}
}

// Space is what its programs call.
func (c *Corpus) Space() *call.Space { return c.space }

// See notes blocks that belong to no program: what runs before the first call.
func (c *Corpus) See(blocks ...uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range blocks {
		c.seen[b] = true
	}
}

// Add keeps a program when it was the first to reach one of the blocks, and says how many of them were new.
func (c *Corpus) Add(p *program.Program, blocks []uint64) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var fresh []uint64
	for _, b := range blocks {
		if !c.seen[b] {
			c.seen[b] = true
			fresh = append(fresh, b)
		}
	}
	if len(fresh) > 0 {
		if text := p.String(); !c.texts[text] {
			c.texts[text] = true
			c.keep(Entry{p.Clone(), fresh})
		}
	}
	return len(fresh)
}

// Put keeps a program whatever it reaches: one of an earlier run.
func (c *Corpus) Put(e Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := e.Program.String()
	if c.texts[text] {
		return
	}
	c.texts[text] = true
	c.keep(e)
}

// Pick chooses an entry to make another program from, by 60 random bits: of three the one whose changes reached most new
// code for how often it was chosen, so that all have their turn and what leads on has more. It gives the entry's
// index for [Corpus.Led], nil when there is none.
func (c *Corpus) Pick(random uint64) (p *program.Program, index int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := uint64(len(c.entries))
	if n == 0 {
		return nil, 0
	}
	best := int(random & candidates % n)
	for range 2 {
		random >>= candidateBits
		i := int(random & candidates % n)
		if (1+c.tries[i].led)*(1+c.tries[best].picked) > (1+c.tries[best].led)*(1+c.tries[i].picked) {
			best = i
		}
	}
	c.tries[best].picked++
	return c.entries[best].Program, best
}

// candidateBits are the random bits by which each candidate is chosen.
const (
	candidateBits = 20
	candidates    = 1<<candidateBits - 1
)

// Led notes that a program made from the entry of an index was the first to reach blocks.
func (c *Corpus) Led(index, blocks int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries[index].led += uint64(blocks)
}

// keep appends an entry. The lock is held.
func (c *Corpus) keep(e Entry) {
	c.entries = append(c.entries, e)
	c.tries = append(c.tries, tries{})
}

// Len is the number of programs, Blocks that of the blocks seen.
func (c *Corpus) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}

// Blocks is how many blocks were seen.
func (c *Corpus) Blocks() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

// Entries are all of them.
func (c *Corpus) Entries() []Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.entries)
}

// comment stands in front of the addresses that an entry was the first to reach.
const comment = "# reached "

// Save writes the corpus into a file, whole or not at all.
func (c *Corpus) Save(file string) error {
	var b strings.Builder
	b.WriteString(program.Header(c.space))
	for _, e := range c.Entries() {
		b.WriteString("\n" + comment)
		for i, a := range e.Blocks {
			if i > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%x", a)
		}
		b.WriteString("\n" + e.Program.String())
	}
	return replace(file, b.String())
}

// replace writes a file by way of another one beside it.
func replace(file, text string) error {
	next := file + ".new"
	err := os.WriteFile(next, []byte(text), 0o644)
	if err == nil {
		err = os.Rename(next, file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the corpus: %w", err), os.Remove(next))
	}
	return nil
}

// Load reads a file of [Corpus.Save]'s, or a folder's corpus.txt. Without one the error wraps fs.ErrNotExist.
func Load(file string) (*Corpus, error) {
	if st, err := os.Stat(file); err == nil && st.IsDir() {
		file = filepath.Join(file, File)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading a corpus: %w", err)
	}
	s, programs, err := program.ParseFile(string(text))
	if err != nil {
		return nil, fmt.Errorf("reading the corpus %s: %w", file, err)
	}
	c := New(s)
	blocks := reached(string(text))
	for i, p := range programs {
		e := Entry{Program: p}
		if i < len(blocks) {
			e.Blocks = blocks[i]
		}
		c.Put(e)
		for _, b := range e.Blocks {
			c.seen[b] = true
		}
	}
	return c, nil
}

// File is a corpus's name in a folder.
const File = "corpus.txt"

// reached reads the comments that tell what entries reached: one of the list for each program, nil for those of which
// nothing is told.
func reached(text string) (all [][]uint64) {
	var told []uint64
	inside := false
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		rest, ok := strings.CutPrefix(line, comment)
		switch {
		case ok:
			told = nil
			for _, f := range strings.Fields(rest) {
				if a, err := strconv.ParseUint(f, 16, 64); err == nil {
					told = append(told, a)
				}
			}
		case line == "":
			inside = false
		case !inside && !strings.HasPrefix(line, "#"):
			inside = true
			all, told = append(all, told), nil
		}
	}
	return all
}

// Ordered gives the programs, those that reached most first; of equals the shorter.
func (c *Corpus) Ordered() []*program.Program {
	entries := c.Entries()
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(len(b.Blocks), len(a.Blocks)), cmp.Compare(len(a.Program.Calls), len(b.Program.Calls)))
	})
	var list []*program.Program
	for _, e := range entries {
		list = append(list, e.Program)
	}
	return list
}

// Merge adds what others have, and gives an error when they call something else.
func (c *Corpus) Merge(others ...*Corpus) error {
	for _, o := range others {
		if o.space != c.space {
			return fmt.Errorf("a corpus of %s cannot be merged with one of %s", o.space.Name, c.space.Name)
		}
		for _, e := range o.Entries() {
			c.Put(e)
			c.See(e.Blocks...)
		}
	}
	return nil
}

// IsMissing says whether the error of [Load] is that there is no corpus.
func IsMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
