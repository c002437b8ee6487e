// Package campaign fuzzes: it keeps machines busy with programs, learns from the code that they reach,
// judges the answers, and turns what goes wrong into findings that replay.
//
// Beware: with more than one job, and whenever coverage guides, which programs run depends on time. Each
// finding therefore holds its program itself; the seed names the list that unguided jobs take it from.
package campaign

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/corpus"
	"xtest/fuzz/finding"
	"xtest/fuzz/session"
)

// How calls are made.
const (
	Both    = "both" // one slot after the other in another way
	Singles = "singles"
	Batches = "batches"
	Race    = "race" // each call on two processors at once
)

// modes are how slots' calls are made, by the names in findings.
func modes() map[string]int {
	return map[string]int{Singles: area.Singles, Batches: area.Multicall, Race: area.Race}
}

// Config is what to do.
type Config struct {
	Target  *session.Target
	Ops     []*call.Op
	Seed    uint64
	For     time.Duration // 0: no end
	Most    uint64        // calls, how many at most, all jobs together; 0: no end
	Jobs    int           // machines at once
	Dir     string        // where findings and corpus go; it exists
	Mode    string
	Guided  bool // by coverage, where the target has a plugin
	Uniform bool // numbers and arguments of random bits
	// Numbered: with Uniform, only the arguments.
	Numbered bool
	Corpus   *corpus.Corpus
	// Replays is how often a finding is tried again in a fresh machine; 0: findings are not looked into.
	Replays int
	Boots   int           // how many machines one finding may cost
	Silence time.Duration // how long a machine may do nothing
	Dump    bool          // keep the memory of machines that died
	// First is the number of the list's first program.
	First uint64
	Say   func(format string, args ...any)
	// Found is told of each finding once all is known of it; it may be nil.
	Found func(*finding.Finding)
	// Command is how the user called, for findings.
	Command []string
	Version string
	// Options are what the machines are given, for findings.
	Options finding.Options
}

// Stats is how far a campaign is. Its counters may be read at any time.
type Stats struct {
	Calls, Programs, Machines atomic.Uint64
	Distinct                  atomic.Uint64 // (call, answer)
	LastNew                   atomic.Int64  // when a block was new last, in nanoseconds since 1970
	Memory                    atomic.Uint64 // free in Xen when it was asked last, in bytes
}

// Point is a point of the coverage curve.
type Point struct {
	Seconds                 float64
	Calls                   uint64
	Blocks, Corpus, Machine int
}

// Campaign is a run of a config.
type Campaign struct {
	Config
	Stats
	Findings []*finding.Finding

	mu     sync.Mutex
	start  time.Time
	next   uint64 // number of the next program that nobody has
	byText map[string]*finding.Finding
	times  map[string]int // deaths by operation
	muted  map[string]bool
	points []Point
	booted int // blocks seen before the first call
	answer map[answerKey]uint64
	up     func() // the first machine is up: time begins
	houses []Kept // of each machine that was asked
	// whole is the user's context: what was found is looked into even when the time for finding is up.
	whole context.Context
}

// answerKey is a call and what it answered.
type answerKey struct {
	op     *call.Op
	result int64
}

// New makes a campaign.
func New(c Config) *Campaign {
	if c.Corpus == nil {
		c.Corpus = corpus.New(c.Target.Space)
	}
	if c.Silence == 0 {
		c.Silence = 20 * time.Second
	}
	if c.Say == nil {
		c.Say = func(string, ...any) {}
	}
	return &Campaign{
		Config: c, next: c.First, byText: map[string]*finding.Finding{}, times: map[string]int{}, muted: map[string]bool{}, answer: map[answerKey]uint64{},
	}
}

// Took is how long it has fuzzed, from when the first machine was up.
func (c *Campaign) Took() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.start)
}

// Run fuzzes until the time is up, the calls are made, or ctx ends, which is no error. Time begins when the
// first machine is up.
func (c *Campaign) Run(ctx context.Context) error {
	c.start = time.Now()
	c.LastNew.Store(c.start.UnixNano())
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	c.whole = ctx
	c.up = sync.OnceFunc(func() {
		c.mu.Lock()
		c.start = time.Now()
		c.mu.Unlock()
		c.LastNew.Store(time.Now().UnixNano())
		if c.For > 0 {
			time.AfterFunc(c.For, cancel)
		}
	})
	var all sync.WaitGroup
	errs := make([]error, max(c.Jobs, 1))
	for j := range errs {
		all.Go(func() {
			if errs[j] = c.work(working, j); errs[j] != nil {
				cancel() // what stopped one will stop the others
			}
		})
	}
	all.Wait()
	c.point()
	err := errors.Join(errs...)
	if late := c.save(); late != nil && (err == nil || !strings.Contains(err.Error(), late.Error())) {
		err = errors.Join(err, late)
	}
	return err
}

// block is how many numbers a worker takes at a time.
const block = 256

// take gives a worker numbers of the list.
func (c *Campaign) take() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.next
	c.next += block
	return n
}

// Next is the number of the first program that nobody has taken: where to go on.
func (c *Campaign) Next() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// All gives the findings so far.
func (c *Campaign) All() []*finding.Finding {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.Findings)
}

// Booted is how many blocks were seen before the first call.
func (c *Campaign) Booted() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.booted
}

// Points are the coverage curve.
func (c *Campaign) Points() []Point {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.points)
}

// Answers are how often each call answered what: the name of the operation and the answer in words.
func (c *Campaign) Answers() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := map[string]uint64{}
	for k, n := range c.answer {
		m[k.op.Name+" "+c.Target.Space.Answer(k.result)] += n
	}
	return m
}

// point adds a point to the curve.
func (c *Campaign) point() {
	p := Point{c.Took().Seconds(), c.Calls.Load(), c.Corpus.Blocks(), c.Corpus.Len(), int(c.Machines.Load())}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.points = append(c.points, p)
}

// CurveFile is the name of the coverage curve in a campaign's folder.
const CurveFile = "curve.tsv"

// save keeps corpus and curve.
func (c *Campaign) save() error {
	if c.Dir == "" {
		return nil
	}
	err := c.Corpus.Save(filepath.Join(c.Dir, corpus.File))
	text := "seconds\tcalls\tblocks\tcorpus\tmachines\n"
	for _, p := range c.Points() {
		text += fmt.Sprintf("%.1f\t%d\t%d\t%d\t%d\n", p.Seconds, p.Calls, p.Blocks, p.Corpus, p.Machine)
	}
	return errors.Join(err, os.WriteFile(filepath.Join(c.Dir, CurveFile), []byte(text), 0o644))
}

// mode is how the programs of a block of numbers are called.
func (c *Campaign) mode(n uint64) int {
	switch {
	case !c.Target.Space.Batch || c.Mode == Singles:
		return area.Singles
	case c.Mode == Race:
		return area.Race
	case c.Mode == Batches || n/block%2 == 1:
		return area.Multicall
	}
	return area.Singles
}
