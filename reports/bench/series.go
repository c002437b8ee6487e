package bench

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"xtest/reports"
	"xtest/runner/event"
)

// Run is what was measured, in one run or what a file holds of one.
type Run struct {
	// Source is the run's folder or the file.
	Source string
	// ID names the run, where it is known.
	ID string
	// When it began, and what it is of in the user's words; either may be unknown.
	When  time.Time
	Label string
	Sides []*Side // in the order of their first samples
}

// Side is what was measured on one target.
type Side struct {
	Source   string
	Recorded bool // the source is a run's folder
	Target   string
	What     string // what came up on it: "Linux 6.1", or empty
	// Host is the machine's fingerprint, in words: wall clock compares only where it is equal. Empty: it
	// is not known.
	Host  string
	Clock string // event.Plan's: icount where guest time is executed instructions
	// Series are the benchmarks by unit, in the order of their first samples.
	Series []*Series

	index map[key]*Series
}

// Series is one benchmark in one unit on one target.
type Series struct {
	Name string
	Unit string // as in Go's benchmark format
	// Boots are the boots that measured it, Values the median of each one's samples.
	Boots  []int
	Values []float64
	// Samples is the number of all samples, Sketch some of them, sorted: all quantiles of the samples,
	// equally far from each other, at most 512 of them.
	Samples int
	Sketch  []float64

	raw map[int][]float64
}

// nature is what a unit is of.
type nature int

const (
	counter nature = iota // all else
	counted               // instructions: the same on any machine
	wall                  // time of the host's
	memory
)

func (s *Side) nature(unit string) nature {
	base, _, _ := strings.Cut(unit, "/")
	switch base {
	case "ns", "us", "µs", "ms", "s", "sec":
		if s.Clock != "" {
			return counted // guest time that is executed instructions
		}
		return wall
	case "insns":
		return counted
	case "B":
		return memory
	}
	if strings.HasSuffix(unit, "/s") {
		return wall
	}
	return counter
}

// higherIsBetter says whether a benchmark in the unit is better when it is more.
func higherIsBetter(unit string) bool { return strings.HasSuffix(unit, "/s") }

type key struct{ name, unit string }

// maxSeries and maxSamples bound what is kept of a target: names and samples come from its guest.
const (
	maxSeries  = 20_000
	maxSamples = 5_000_000
)

// Load reads the samples of a run. It is an error when dir is no run; one without samples has no sides.
func Load(dir string) (*Run, error) {
	c := NewCollector(dir)
	err := reports.Each(dir, c.Add)
	return c.Run(), err
}

// Collector takes the samples out of a run's events, one after the other.
type Collector struct {
	run   *Run
	sides map[string]*Side
	host  string
	kept  int
}

// NewCollector gives one for the run of a folder.
func NewCollector(dir string) *Collector {
	return &Collector{run: &Run{Source: dir}, sides: map[string]*Side{}}
}

func (c *Collector) side(target string) *Side {
	s := c.sides[target]
	if s == nil {
		s = &Side{Source: c.run.Source, Recorded: true, Target: target, Host: c.host}
		c.sides[target] = s
	}
	return s
}

// Add takes the next event.
func (c *Collector) Add(e event.Event) {
	switch {
	case e.Kind == event.RunStarted && e.Run != nil && c.host == "":
		c.run.ID, c.run.When, c.host = e.Run.ID, e.Time, Fingerprint(e.Run.Host)
	case e.Target == "":
	case e.Kind == event.TargetPlanned && e.Plan != nil:
		c.side(e.Target).Clock = e.Plan.Clock
	case e.Kind == event.Booted && e.Machine != nil:
		c.side(e.Target).What = reports.What(e.Machine)
	case e.Kind == event.Sampled && e.Sample != nil && c.kept < maxSamples:
		s := c.side(e.Target)
		for _, v := range e.Sample.All() {
			if !s.add(nameOf(e.Spec, e.Sample.Name), e.Sample.Unit, e.Boot, v) {
				continue
			}
			c.kept++
			if !slices.Contains(c.run.Sides, s) {
				c.run.Sides = append(c.run.Sides, s)
			}
		}
	}
}

// Run is what was measured. The collector must not be used after it.
func (c *Collector) Run() *Run {
	for _, s := range c.run.Sides {
		s.settle()
	}
	return c.run
}

// nameOf is the benchmark that a spec's sample belongs to.
func nameOf(spec, sample string) string {
	if strings.Contains(sample, "/") {
		return sample
	}
	if sample == "" {
		return spec
	}
	return spec + ":" + strings.ReplaceAll(sample, " ", "-")
}

// Fingerprint is a host in words.
func Fingerprint(h event.Host) string {
	if h == (event.Host{}) {
		return ""
	}
	return fmt.Sprintf("Linux %s, %d × %s, %d MiB", h.Kernel, h.Cores, h.CPU, h.Memory>>20)
}

// add takes a sample, unless it is no number or one too many.
func (s *Side) add(name, unit string, boot int, value float64) bool {
	if math.IsNaN(value) || math.IsInf(value, 0) || name == "" || unit == "" {
		return false
	}
	if s.index == nil {
		s.index = map[key]*Series{}
	}
	k := key{name, unit}
	one := s.index[k]
	if one == nil {
		if len(s.Series) >= maxSeries {
			return false
		}
		one = &Series{Name: name, Unit: unit, raw: map[int][]float64{}}
		s.index[k], s.Series = one, append(s.Series, one)
	}
	one.Samples++
	one.raw[boot] = append(one.raw[boot], value)
	return true
}

// settle makes one value of each boot's samples.
func (s *Side) settle() {
	for _, one := range s.Series {
		for boot, values := range one.raw {
			one.Boots = append(one.Boots, boot)
			slices.Sort(values)
		}
		slices.SortFunc(one.Boots, cmp.Compare)
		for _, boot := range one.Boots {
			one.Values = append(one.Values, median(one.raw[boot]))
		}
		one.Sketch, one.raw = sketch(one.raw), nil
	}
}

// maxSketch is how many values stand for all samples.
const maxSketch = 512

func sketch(raw map[int][]float64) []float64 {
	var all []float64
	for _, values := range raw {
		all = append(all, values...)
	}
	slices.Sort(all)
	if len(all) <= maxSketch {
		return all
	}
	few := make([]float64, maxSketch)
	for i := range few {
		few[i] = all[i*(len(all)-1)/(maxSketch-1)]
	}
	return few
}

// Counts says whether a unit on the side is of what explains and does not judge: page faults, pages split.
func (s *Side) Counts(unit string) bool { return s.nature(unit) == counter }

// Find gives the benchmark in a unit, or nil.
func (s *Side) Find(name, unit string) *Series { return s.index[key{name, unit}] }

// Main gives the benchmark in the unit that judges it, not one of a counter, or nil.
func (s *Side) Main(name string) *Series {
	for _, one := range s.Series {
		if one.Name == name && s.nature(one.Unit) != counter {
			return one
		}
	}
	return nil
}

// Find gives what was measured on a target, or nil.
func (r *Run) Find(target string) *Side {
	for _, s := range r.Sides {
		if s.Target == target {
			return s
		}
	}
	return nil
}

// Put sets the values of a benchmark's boots.
func (s *Side) Put(name, unit string, values []float64) {
	if s.index == nil {
		s.index = map[key]*Series{}
	}
	one := &Series{Name: name, Unit: unit, Values: values, Samples: len(values)}
	for i := range values {
		one.Boots = append(one.Boots, i+1)
	}
	s.index[key{name, unit}], s.Series = one, append(s.Series, one)
}

// Comparable says whether values of a unit on two sides compare: not wall clock of different machines, and
// not instructions with time.
func Comparable(a, b *Side, unit string) bool {
	n := a.nature(unit)
	return n == b.nature(unit) && (n != wall || a.Host != "" && a.Host == b.Host) && (n != counted || a.Clock == b.Clock || isInstructions(unit))
}

// Join adds another run's boots of the same target, numbered on.
func (s *Side) Join(o *Side) {
	for _, more := range o.Series {
		one := s.Find(more.Name, more.Unit)
		if one == nil {
			one = &Series{Name: more.Name, Unit: more.Unit}
			s.index[key{more.Name, more.Unit}], s.Series = one, append(s.Series, one)
		}
		last := 0
		if n := len(one.Boots); n > 0 {
			last = one.Boots[n-1]
		}
		for i, v := range more.Values {
			one.Boots, one.Values = append(one.Boots, last+i+1), append(one.Values, v)
		}
		one.Samples += more.Samples
	}
}

// Changed says in words which counters of a benchmark changed by more than a twentieth.
func Changed(base, now *Side, name string) (list []string) {
	value := func(s *Side, unit string) float64 {
		if one := s.Find(name, unit); one != nil && len(one.Values) > 0 {
			return Median(one.Values)
		}
		return 0
	}
	var units []string
	for _, s := range []*Side{base, now} {
		for _, one := range s.Series {
			if one.Name == name && s.nature(one.Unit) == counter && !slices.Contains(units, one.Unit) {
				units = append(units, one.Unit)
			}
		}
	}
	for _, unit := range units {
		if a, b := value(base, unit), value(now, unit); math.Abs(fraction(b-a, a)) > 0.05 {
			list = append(list, fmt.Sprintf("%s instead of %s", Amount(b, unit), Amount(a, unit)))
		}
	}
	return list
}
