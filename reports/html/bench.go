package html

import (
	"fmt"
	"slices"

	"xtest/reports"
)

// maxBenchmarks is how many a page draws.
const maxBenchmarks = 400

// benchView is the benchmarks, each with the distributions of all targets over each other.
type benchView struct {
	Items []benchItem
	Left  int // that are not drawn
}

type benchItem struct {
	Name, Unit string
	Plot       *plot
	Rows       []benchRow
	Judged     bool // there are intervals and verdicts
}

// benchRow is one target's figures.
type benchRow struct {
	Class, Name, Count         string
	Median, Half               string
	Change, Interval, P        string
	Verdict, VerdictClass, Why string
}

// benchmarks draws those of the runs; the first column that has one is its base.
func benchmarks(runs []*Run) *benchView {
	type of struct {
		name string
		*Series
	}
	var keys [][2]string
	all := map[[2]string][]of{}
	for i, r := range runs {
		for _, s := range r.Samples.sorted() {
			k := [2]string{s.Name, s.Unit}
			name := line(s.Target)
			if len(runs) > 1 {
				name = reports.Mark(i) + " " + name
			}
			if all[k] == nil {
				keys = append(keys, k)
			}
			all[k] = append(all[k], of{name, s})
		}
	}
	if len(keys) == 0 {
		return nil
	}
	v := &benchView{}
	for _, k := range keys {
		if len(v.Items) == maxBenchmarks {
			v.Left++
			continue
		}
		item := benchItem{Name: line(k[0]), Unit: line(k[1])}
		series := all[k]
		slices.SortStableFunc(series, func(a, b of) int { return compareSeries(a.Series, b.Series) })
		var values [][]float64
		for i, s := range series {
			list, boots := s.Values()
			values = append(values, list)
			row := benchRow{Class: hue(i), Name: s.name, Median: figure(quantile(list, 0.5)), Count: count(s.Count, "sample", "samples")}
			if len(list) >= enough {
				row.Half = figure(quantile(list, 0.25)) + " … " + figure(quantile(list, 0.75))
			}
			if boots {
				row.Count += fmt.Sprintf(" in %d boots", len(list))
			}
			item.Rows = append(item.Rows, row)
		}
		judge(item.Rows, values)
		item.Plot = distributions(fmt.Sprintf("Distributions of %s in %s on %s", item.Name, item.Unit, count(len(series), "target", "targets")), values)
		v.Items = append(v.Items, item)
	}
	return v
}

// judge says how far each series is from the first.
func judge(rows []benchRow, values [][]float64) {
	for i := range rows[1:] {
		base, now := quantile(values[0], 0.5), quantile(values[i+1], 0.5)
		if base != 0 {
			rows[i+1].Change = fmt.Sprintf("%+.1f\u202f%%", 100*(now-base)/base)
		}
	}
}

// sorted are the series by name.
func (s *Samples) sorted() []*Series {
	list := slices.Clone(s.series)
	slices.SortStableFunc(list, compareSeries)
	return list
}
