package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"xtest/reports"
)

// Row is one benchmark in one unit on both sides.
type Row struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	Finding
	// Counter is of a unit that explains and does not judge: page faults, large pages split.
	Counter bool `json:"counter,omitempty"`
	// Only is the side that alone has it: base or new.
	Only string `json:"only,omitempty"`
	// Note is why it is not judged, although both sides have it.
	Note string `json:"note,omitempty"`
	// Gate is the change that is allowed, as a fraction; 0: any. Outcome is what came of it.
	Gate    float64 `json:"gate,omitempty"`
	Outcome Outcome `json:"outcome,omitempty"`
}

// Comparison is all benchmarks of two targets.
type Comparison struct {
	Base *Side `json:"-"`
	New  *Side `json:"-"`
	// Of and With are the targets' names.
	Of   string `json:"base"`
	With string `json:"new"`
	// Notes are on both sides as a whole.
	Notes []string `json:"notes,omitempty"`
	Rows  []*Row   `json:"benchmarks"`
}

// Options say how sides are compared.
type Options struct {
	Settings
	Gates []Gate
	// OtherMachines judges wall clock also where the sides were measured on different machines.
	OtherMachines bool
}

// Compare compares pairs of sides, the base first.
func Compare(pairs [][2]*Side, o Options) []*Comparison {
	var all []*Comparison
	n := 0
	for _, p := range pairs {
		c := &Comparison{Base: p[0], New: p[1], Of: p[0].Target, With: p[1].Target}
		c.pair()
		all = append(all, c)
		for _, r := range c.Rows {
			if r.Only == "" {
				n++
			}
		}
	}
	for _, c := range all {
		for _, r := range c.Rows {
			c.judge(r, o, n)
		}
		c.notes(o)
	}
	return all
}

// Pairs finds which targets of two runs belong together: those of the same name, else the only one of each.
// With names given, each "BASE=NEW", only those are.
func Pairs(base, now *Run, names []string) (pairs [][2]*Side, err error) {
	for _, name := range names {
		of, with, _ := strings.Cut(name, "=")
		a, b := base.Find(of), now.Find(with)
		if a == nil || b == nil {
			return nil, fmt.Errorf("%q is no pair of targets with benchmarks; write BASE=NEW; there are %s and %s", name, base.names(), now.names())
		}
		pairs = append(pairs, [2]*Side{a, b})
	}
	if len(names) > 0 {
		return pairs, nil
	}
	for _, a := range base.Sides {
		if b := now.Find(a.Target); b != nil {
			pairs = append(pairs, [2]*Side{a, b})
		}
	}
	if len(pairs) == 0 && len(base.Sides) == 1 && len(now.Sides) == 1 {
		pairs = append(pairs, [2]*Side{base.Sides[0], now.Sides[0]})
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("no target has benchmarks in both %s (%s) and %s (%s); say which belong together: --pair BASE=NEW", base.Source, base.names(), now.Source, now.names())
	}
	return pairs, nil
}

func (r *Run) names() string {
	var names []string
	for _, s := range r.Sides {
		names = append(names, reports.Clean(s.Target))
	}
	if len(names) == 0 {
		return "no target with benchmarks"
	}
	return strings.Join(names, ", ")
}

// pair finds what the sides have in common, in the base's order, and what only one has.
func (c *Comparison) pair() {
	add := func(s *Side, one *Series, only string) {
		c.Rows = append(c.Rows, &Row{Name: one.Name, Unit: one.Unit, Counter: s.nature(one.Unit) == counter, Only: only})
	}
	for _, one := range c.Base.Series {
		if c.New.Find(one.Name, one.Unit) != nil {
			add(c.Base, one, "")
		} else {
			add(c.Base, one, "base")
		}
	}
	for _, one := range c.New.Series {
		if c.Base.Find(one.Name, one.Unit) == nil {
			add(c.New, one, "new")
		}
	}
	slices.SortStableFunc(c.Rows, func(a, b *Row) int { return number(a.Only != "") - number(b.Only != "") })
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *Comparison) judge(r *Row, o Options, n int) {
	var base, now []float64
	if s := c.Base.Find(r.Name, r.Unit); s != nil {
		base = s.Values
	}
	if s := c.New.Find(r.Name, r.Unit); s != nil {
		now = s.Values
	}
	s := o.Settings
	for _, g := range o.Gates {
		if !r.Counter && g.Match(r.Name) {
			r.Gate = g.Size
			s.Size = min(s.Size, g.Size)
		}
	}
	r.Finding = Judge(base, now, s, n)
	switch a, b := c.Base.nature(r.Unit), c.New.nature(r.Unit); {
	case r.Only != "":
		r.Verdict, r.More = Unknown, 0
	case a != b || a == counted && c.Base.Clock != c.New.Clock && !isInstructions(r.Unit):
		r.Verdict, r.More, r.Note = Unknown, 0, "one side's clock counts instructions, the other's is time"
	case a == wall && !o.OtherMachines && !c.sameMachine():
		r.Verdict, r.More, r.Note = Unknown, 0, "wall clock of different machines"
	}
	r.Outcome = r.gated()
}

func isInstructions(unit string) bool { return len(unit) >= 5 && unit[:5] == "insns" }

func (c *Comparison) sameMachine() bool { return c.Base.Host != "" && c.Base.Host == c.New.Host }

// notes says what concerns the sides as a whole.
func (c *Comparison) notes(o Options) {
	onWall := slices.ContainsFunc(c.Rows, func(r *Row) bool { return r.Only == "" && c.Base.nature(r.Unit) == wall })
	if onWall && !c.sameMachine() {
		unknown := func(host string) string {
			if host == "" {
				return "a machine that is not named"
			}
			return host
		}
		what := "so wall clock is not judged; --other-machines does"
		if o.OtherMachines {
			what = "so a difference of wall clock may be the machines'"
		}
		c.Notes = append(c.Notes, fmt.Sprintf("the base was measured on %s, the new run on %s, %s", unknown(c.Base.Host), unknown(c.New.Host), what))
	}
	one := func(s *Side) bool {
		return len(s.Series) > 0 && !slices.ContainsFunc(s.Series, func(one *Series) bool { return len(one.Values) > 1 })
	}
	if one(c.Base) || one(c.New) {
		c.Notes = append(c.Notes, "one boot proves nothing, however many samples it has: measure several (xtest bench)")
	}
}

// Count is how many judged benchmarks have the verdict, counters left out.
func (c *Comparison) Count(v Verdict) (n int) {
	for _, r := range c.Rows {
		if r.Verdict == v && !r.Counter && r.Only == "" {
			n++
		}
	}
	return n
}

// worse is by how much the change is for the worse: negative for the better.
func (r *Row) worse() (change, most float64) {
	if higherIsBetter(r.Unit) {
		return -r.Effect, -r.Lo
	}
	return r.Effect, r.Hi
}

// Worse says whether the benchmark is known to differ for the worse. Of a counter that differs nobody says
// whether that is good: it explains.
func (r *Row) Worse() bool {
	change, _ := r.worse()
	return r.Verdict == Different && !r.Counter && change > 0
}

// Better says whether the benchmark is known to differ for the better; of a counter as Worse has it.
func (r *Row) Better() bool { return r.Verdict == Different && !r.Counter && !r.Worse() }

// Counters is how many counters of both sides are known to differ, and how many are not.
func (c *Comparison) Counters() (different, other int) {
	for _, r := range c.Rows {
		switch {
		case !r.Counter || r.Only != "":
		case r.Verdict == Different:
			different++
		default:
			other++
		}
	}
	return different, other
}

// Slowest are the rows that differ, counters left out, the worst first.
func (c *Comparison) Slowest() (rows []*Row) {
	for _, r := range c.Rows {
		if r.Verdict == Different && !r.Counter {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b *Row) int {
		wa, _ := a.worse()
		wb, _ := b.worse()
		return int(math.Copysign(1, wb-wa)) * number(wa != wb)
	})
	return rows
}
