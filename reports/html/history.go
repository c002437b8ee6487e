package html

import (
	"fmt"
	"slices"
	"strings"
)

const (
	historyLeast = 3   // runs that make a history
	maxHistories = 200 // of benchmarks on a page
	historyTall  = 120
)

// historyView is how verdicts and benchmarks went from run to run.
type historyView struct {
	Runs  []runView // the newest first
	Items []historyItem
	Left  int // that are not drawn
}

type historyItem struct {
	Name, Unit, Target string
	Plot               *plot
	First, Last        string
	Changes            []string
}

// history is nil for less than three runs.
func history(runs []*Run) *historyView {
	if len(runs) < historyLeast {
		return nil
	}
	v := &historyView{}
	for _, r := range slices.Backward(runs) {
		v.Runs = append(v.Runs, describeRun(r, ""))
	}
	at := map[seriesKey][]point{}
	var keys []seriesKey
	for i, r := range runs {
		for _, side := range r.Bench.Sides {
			for _, s := range side.Series {
				k := seriesKey{side.Target, s.Name, s.Unit}
				if side.Counts(s.Unit) {
					continue
				}
				if at[k] == nil {
					keys = append(keys, k)
				}
				list := s.Sketch
				if len(s.Values) >= enough {
					list = slices.Sorted(slices.Values(s.Values))
				}
				at[k] = append(at[k], point{i, quantile(list, 0.25), quantile(list, 0.5), quantile(list, 0.75)})
			}
		}
	}
	for _, k := range keys {
		if len(at[k]) < historyLeast {
			continue
		}
		if len(v.Items) == maxHistories {
			v.Left++
			continue
		}
		v.Items = append(v.Items, trend(k, at[k], runs))
	}
	return v
}

type seriesKey struct{ target, name, unit string }

// point is one run's quartiles of a benchmark.
type point struct {
	run            int
	low, mid, high float64
}

func trend(k seriesKey, points []point, runs []*Run) historyItem {
	item := historyItem{Name: line(k.name), Unit: line(k.unit), Target: line(k.target),
		First: figure(points[0].mid), Last: figure(points[len(points)-1].mid)}
	low, high := points[0].low, points[0].high
	for _, p := range points {
		low, high = min(low, p.low), max(high, p.high)
	}
	pad := max((high-low)*0.1, max(high, -high)*0.002, 1e-9)
	low, high = low-pad, high+pad
	const left = 70
	x := func(run int) float64 {
		return left + float64(run)/float64(max(len(runs)-1, 1))*(plotWidth-left-plotMargin)
	}
	y := func(v float64) float64 { return plotMargin + (high-v)/(high-low)*(historyTall-2*plotMargin) }
	var band, back, mid strings.Builder
	for i, p := range points {
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(&mid, "%s%.1f %.1f", op, x(p.run), y(p.mid))
		fmt.Fprintf(&band, "%s%.1f %.1f", op, x(p.run), y(p.high))
	}
	for _, p := range slices.Backward(points) {
		fmt.Fprintf(&back, "L%.1f %.1f", x(p.run), y(p.low))
	}
	pl := &plot{Width: plotWidth, Height: historyTall, Curves: []curve{{Class: hue(0), Area: band.String() + back.String() + "Z", Line: mid.String()}},
		Label: fmt.Sprintf("%s on %s over %d runs: from %s to %s %s", item.Name, item.Target, len(points), item.First, item.Last, item.Unit)}
	for _, p := range points {
		pl.Marks = append(pl.Marks, mark{x(p.run), y(p.mid), "dot", fmt.Sprintf("%s: %s %s", describeRun(runs[p.run], "").ID, figure(p.mid), item.Unit)})
	}
	for _, v := range ticks(low, high, 3) {
		pl.Ticks = append(pl.Ticks, tick{left - 6, y(v), figure(v)})
	}
	item.Plot = pl
	return item
}
