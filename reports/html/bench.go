package html

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"xtest/reports"
	"xtest/reports/bench"
)

// maxBenchmarks is how many a page draws.
const maxBenchmarks = 400

// benchView is the benchmarks, each with the distributions of all sides over each other.
type benchView struct {
	Items    []benchItem
	Left     int // that are not drawn
	Counters int // that are not known to differ
	Ranks    [ranks]int
	Notes    []string
}

type benchItem struct {
	Name, Unit, Of string
	Plot           *plot
	Rows           []benchRow
	Judged         bool // there are intervals and verdicts
	rank           int
	effect         float64 // the largest change for the worse that is known, as a fraction
}

// benchRow is one side's figures.
type benchRow struct {
	Class, Name, Count         string
	Median, Half               string
	Change, Interval, P        string
	Verdict, VerdictClass, Why string
}

// side is one target of one run that measured something.
type side struct {
	*bench.Side
	name string
}

// benchmarks judges and draws what was measured. Of one run, its first target is the base of the others; of several,
// each target's first run is the base of its others.
func benchmarks(runs []*Run) *benchView {
	v := &benchView{}
	all := 0
	for _, g := range groups(runs) {
		rows := v.compare(g)
		for _, key := range keys(g) {
			all++
			item, differs := draw(g, key, rows[key])
			if g[0].Counts(key[1]) {
				if !differs {
					v.Counters++
					continue
				}
				item.rank = explains
			}
			v.Items = append(v.Items, item)
			if item.Judged {
				v.Ranks[item.rank]++
			}
		}
	}
	if all == 0 {
		return nil
	}
	slices.SortStableFunc(v.Items, func(a, b benchItem) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.effect, a.effect)) })
	if v.Left = max(len(v.Items)-maxBenchmarks, 0); v.Left > 0 {
		v.Items = v.Items[:maxBenchmarks]
	}
	for i := range v.Items { // a curve costs more than a verdict
		v.Items[i].Plot = v.Items[i].Plot.finish()
	}
	return v
}

// maxSides is how many sides are drawn over each other.
const maxSides = 8

// groups are the sides that are drawn over each other: the base, and the newest of the others.
func groups(runs []*Run) (list [][]side) {
	defer func() {
		for i, g := range list {
			if n := len(g) - maxSides; n > 0 {
				list[i] = slices.Delete(g, 1, 1+n)
			}
		}
	}()
	at := map[string]int{}
	for i, r := range runs {
		for n, s := range inOrder(r) {
			name, key := line(s.Target), s.Target
			if len(runs) > 1 {
				name = reports.Mark(i) + " " + name
			} else {
				key = ""
			}
			if n == 0 && len(r.Bench.Sides) == 1 && len(list) == 1 && len(list[0]) == i && len(runs[0].Bench.Sides) == 1 {
				key = runs[0].Bench.Sides[0].Target // the only one of each
			}
			if _, ok := at[key]; !ok {
				at[key] = len(list)
				list = append(list, nil)
			}
			list[at[key]] = append(list[at[key]], side{s, name})
		}
	}
	return list
}

// inOrder are a run's sides in the order in which its targets were named.
func inOrder(r *Run) []*bench.Side {
	at := map[string]int{}
	for i, t := range r.Model.Targets {
		at[t.Name] = i
	}
	sides := slices.Clone(r.Bench.Sides)
	slices.SortStableFunc(sides, func(a, b *bench.Side) int { return cmp.Compare(at[a.Target], at[b.Target]) })
	return sides
}

// keys are the benchmarks of a group: names and units, in the order of the sides.
func keys(g []side) (list [][2]string) {
	seen := map[[2]string]bool{}
	for _, s := range g {
		for _, one := range s.Series {
			if k := [2]string{one.Name, one.Unit}; !seen[k] {
				seen[k] = true
				list = append(list, k)
			}
		}
	}
	return list
}

// compare judges each side against the first. A benchmark's rows are those of the second side, the third, ...
func (v *benchView) compare(g []side) map[[2]string][]*bench.Row {
	var pairs [][2]*bench.Side
	for _, s := range g[1:] {
		pairs = append(pairs, [2]*bench.Side{g[0].Side, s.Side})
	}
	rows := map[[2]string][]*bench.Row{}
	for i, c := range bench.Compare(pairs, bench.Options{Settings: bench.Defaults()}) {
		for _, r := range c.Rows {
			k := [2]string{r.Name, r.Unit}
			if rows[k] == nil {
				rows[k] = make([]*bench.Row, len(pairs))
			}
			rows[k][i] = r
		}
		for _, n := range c.Notes {
			if text := line(n); !slices.Contains(v.Notes, text) {
				v.Notes = append(v.Notes, text)
			}
		}
	}
	return rows
}

// Ranks of benchmarks on the page: what became worse comes first, the worst before all, and counters that differ, which explain, last.
const (
	worse = iota
	better
	unsure
	alike
	explains
	ranks
)

func draw(g []side, key [2]string, rows []*bench.Row) (item benchItem, differs bool) {
	item = benchItem{Name: line(key[0]), Unit: line(key[1]), rank: alike, Plot: &plot{}}
	boots := true
	for _, s := range g {
		if one := s.Find(key[0], key[1]); one != nil && len(one.Values) < 3 {
			boots = false // too few to be drawn: all samples are
		}
	}
	for i, s := range g {
		one := s.Find(key[0], key[1])
		if one == nil {
			continue
		}
		list := one.Sketch
		if boots {
			list = slices.Sorted(slices.Values(one.Values))
		}
		row := benchRow{Class: hue(i), Name: s.name, Median: figure(quantile(list, 0.5)), Count: count(len(one.Boots), "boot", "boots") + ", " + count(one.Samples, "sample", "samples")}
		if len(list) >= enough {
			row.Half = figure(quantile(list, 0.25)) + " … " + figure(quantile(list, 0.75))
		}
		if i > 0 && rows != nil && rows[i-1] != nil && rows[i-1].Only == "" {
			item.Judged = true
			rank := row.judge(rows[i-1])
			item.rank = min(item.rank, rank)
			if rank == worse {
				item.effect = max(item.effect, math.Abs(rows[i-1].Effect))
			}
			differs = differs || rows[i-1].Verdict == bench.Different
		}
		item.Rows = append(item.Rows, row)
		item.Plot.series = append(item.Plot.series, list)
		item.Plot.hues = append(item.Plot.hues, i)
	}
	what := "boots' medians"
	if !boots {
		what = "samples"
	}
	item.Of = what
	item.Plot.Label = fmt.Sprintf("Distributions of the %s of %s in %s on %s", what, item.Name, item.Unit, count(len(item.Rows), "target", "targets"))
	return item, differs
}

// judge writes the verdict into a row, and says where it ranks.
func (row *benchRow) judge(r *bench.Row) int {
	row.Change = percent(r.Effect)
	if !math.IsInf(r.Lo, 0) && !math.IsInf(r.Hi, 0) {
		row.Interval = percent(r.Lo) + " … " + percent(r.Hi)
	}
	row.P, row.Why = fmt.Sprintf("p = %.2g", r.P), line(r.Note)
	row.Verdict = string(r.Verdict)
	switch {
	case r.Worse():
		row.VerdictClass = "f"
		return worse
	case r.Better():
		row.VerdictClass = "p"
		return better
	case r.Verdict == bench.Different:
		return explains
	case r.Verdict == bench.Unknown:
		row.VerdictClass = "b"
		if r.More > 0 {
			row.P = count(r.More, "more boot", "more boots") + " would tell"
		}
		return unsure
	}
	return alike
}

// percent writes a fraction as a change.
func percent(f float64) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return "–"
	}
	digits := 1
	if a := math.Abs(f); a >= 1 {
		digits = 0
	} else if a < 0.001 {
		digits = 2
	}
	if math.Abs(f) < 0.00005 {
		return "0\u202f%"
	}
	return strings.Replace(fmt.Sprintf("%+.*f\u202f%%", digits, 100*f), "-", "−", 1)
}
