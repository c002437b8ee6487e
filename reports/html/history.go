package html

import (
	"fmt"
	"slices"
	"strings"

	"xtest/reports/bench"
	"xtest/reports/history"
)

const (
	historyLeast = 3   // runs that make a history
	maxHistories = 200 // of benchmarks on a page
	historyTall  = 130
	historyLeft  = 76 // where the plot begins, behind the axis's figures
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
	Changes            []string
	Elsewhere          int // runs of other machines, whose time does not compare
}

// trends is nil for less than three runs.
func trends(runs []*Run) *historyView {
	if len(runs) < historyLeast {
		return nil
	}
	v := &historyView{}
	for _, r := range slices.Backward(runs) {
		v.Runs = append(v.Runs, describeRun(r, ""))
	}
	var measured []*bench.Run
	for _, r := range runs {
		measured = append(measured, r.Bench)
	}
	var steady []historyItem
	for _, l := range history.Lines(measured) {
		if l.Counter || len(l.Entries) < historyLeast {
			continue
		}
		points := l.Points(bench.Defaults())
		if len(v.Items)+len(steady) == maxHistories {
			v.Left++
			continue
		}
		if item := trend(l, points, versions(runs, l)); len(points) > 0 {
			v.Items = append(v.Items, item) // what changed comes first
		} else {
			steady = append(steady, item)
		}
	}
	v.Items = append(v.Items, steady...)
	return v
}

// versions are what came up on a line's target in each of its runs.
func versions(runs []*Run, l *history.Line) []string {
	what := make([]string, len(l.Entries))
	for i, e := range l.Entries {
		for _, r := range runs {
			if side := r.Bench.Find(l.Target); r.Bench.ID == e.ID && side != nil {
				what[i] = side.What
			}
		}
	}
	return what
}

func trend(l *history.Line, points []history.Point, versions []string) historyItem {
	item := historyItem{Name: line(l.Name), Unit: line(l.Unit), Target: line(l.Target), Elsewhere: l.Elsewhere}
	type quartiles struct{ low, mid, high float64 }
	var all []quartiles
	low, high := l.Entries[0].Median(), l.Entries[0].Median()
	for _, e := range l.Entries {
		values := slices.Sorted(slices.Values(e.Values))
		q := quartiles{quantile(values, 0.25), e.Median(), quantile(values, 0.75)}
		low, high = min(low, q.low), max(high, q.high)
		all = append(all, q)
	}
	pad := max((high-low)*0.1, max(high, -high)*0.002, 1e-9)
	low, high = low-pad, high+pad
	x := func(i int) float64 {
		return historyLeft + (float64(i)+0.5)/float64(len(all))*(plotWidth-historyLeft-plotMargin)
	}
	y := func(v float64) float64 { return plotMargin + (high-v)/(high-low)*(historyTall-2*plotMargin) }
	var band, back, mid strings.Builder
	p := &plot{Width: plotWidth, Height: historyTall, Label: fmt.Sprintf("%s on %s over %d runs: from %s to %s %s",
		item.Name, item.Target, len(all), figure(all[0].mid), figure(all[len(all)-1].mid), item.Unit)}
	for i, q := range all {
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(&mid, "%s%.1f %.1f", op, x(i), y(q.mid))
		fmt.Fprintf(&band, "%s%.1f %.1f", op, x(i), y(q.high))
		p.Marks = append(p.Marks, mark{x(i), y(q.mid), "dot", fmt.Sprintf("%s: %s %s", line(l.Entries[i].Name()), figure(q.mid), item.Unit)})
	}
	for i, q := range slices.Backward(all) {
		fmt.Fprintf(&back, "L%.1f %.1f", x(i), y(q.low))
	}
	p.Curves = []curve{{Class: hue(0), Area: band.String() + back.String() + "Z", Line: mid.String()}}
	for _, v := range ticks(low, high, 3) {
		p.Ticks = append(p.Ticks, tick{historyLeft - 8, y(v), figure(v)})
	}
	for _, at := range points {
		e := l.Entries[at.Run]
		p.Marks[at.Run].Class = "change"
		p.At = append(p.At, (x(at.Run-1)+x(at.Run))/2)
		text := fmt.Sprintf("changed by %s (%s … %s) with %s", percent(at.Effect), percent(at.Lo), percent(at.Hi), line(e.Name()))
		if now := versions[at.Run]; now != "" {
			text += ": " + line(now)
			if was := versions[at.Run-1]; was != now {
				text += " after " + line(was)
			}
		}
		item.Changes = append(item.Changes, text)
	}
	item.Plot = p
	return item
}
