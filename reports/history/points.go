package history

import (
	"math"
	"slices"

	"xtest/reports/bench"
)

// Point is a change: the first run of the new level, and what changed from the runs before to it.
type Point struct {
	Run int
	bench.Finding
}

// enough is how many boots at least a judgement on neighbouring runs is drawn from, where there are so many.
const enough = 12

// Points finds the runs, from the oldest to the newest, with which the values changed: the E-divisive
// method (Matteson and James 2014) finds where a stretch of runs falls apart best, and the verdict is that of
// two runs that are compared, on all boots of both parts or on those next to the place. So it finds
// drifts, steps and short spikes alike, and calls nothing a change that a comparison would not.
func Points(runs [][]float64, s bench.Settings) []Point {
	medians := make([]float64, len(runs))
	for i, r := range runs {
		medians[i] = bench.Median(r)
	}
	d := divider{runs: runs, medians: medians, settings: s}
	d.divide(0, len(runs))
	slices.SortFunc(d.points, func(a, b Point) int { return a.Run - b.Run })
	// What changed is told by the levels on both sides, which are known only now; what is no change
	// between them goes.
	for {
		d.levels()
		least := -1
		for i, p := range d.points {
			if p.Verdict != bench.Different && (least < 0 || math.Abs(p.Effect) < math.Abs(d.points[least].Effect)) {
				least = i
			}
		}
		if least < 0 {
			return d.points
		}
		d.points = slices.Delete(d.points, least, least+1)
	}
}

// levels compares the stretches on both sides of each point.
func (d *divider) levels() {
	for i := range d.points {
		from, to := 0, len(d.runs)
		if i > 0 {
			from = d.points[i-1].Run
		}
		if i+1 < len(d.points) {
			to = d.points[i+1].Run
		}
		at := d.points[i].Run
		d.points[i].Finding = bench.Judge(slices.Concat(d.runs[from:at]...), slices.Concat(d.runs[at:to]...), d.settings, len(d.runs))
	}
}

type divider struct {
	runs     [][]float64
	medians  []float64
	settings bench.Settings
	points   []Point
}

// divide finds the changes among the runs from to to, the latter not included.
func (d *divider) divide(from, to int) {
	at := d.best(from, to)
	if at < 0 {
		return
	}
	d.points = append(d.points, Point{Run: at})
	d.divide(from, at)
	d.divide(at, to)
}

// best is where the stretch falls apart, or -1 where it does not.
func (d *divider) best(from, to int) int {
	best, most := -1, 0.0
	for at := from + 1; at < to; at++ {
		if e := energy(d.medians[from:at], d.medians[at:to]); e > most {
			best, most = at, e
		}
	}
	if best < 0 || d.differ(from, best, to) {
		return best
	}
	// A spike is lost among all the runs beside it.
	best, most = -1, 0
	for at := from + 1; at < to; at++ {
		if f := d.near(from, at, to); f.Verdict == bench.Different && math.Abs(f.Effect) > most {
			best, most = at, math.Abs(f.Effect)
		}
	}
	return best
}

func (d *divider) differ(from, at, to int) bool {
	all := bench.Judge(slices.Concat(d.runs[from:at]...), slices.Concat(d.runs[at:to]...), d.settings, len(d.runs))
	return all.Verdict == bench.Different || d.near(from, at, to).Verdict == bench.Different
}

// near compares the runs next to a place: as few as have enough boots.
func (d *divider) near(from, at, to int) bench.Finding {
	var before, after []float64
	for i := at - 1; i >= from && len(before) < enough; i-- {
		before = append(before, d.runs[i]...)
	}
	for i := at; i < to && len(after) < enough; i++ {
		after = append(after, d.runs[i]...)
	}
	return bench.Judge(before, after, d.settings, len(d.runs))
}

// energy is how far apart two samples are, by the distances between and within them, weighed by their
// sizes.
func energy(a, b []float64) float64 {
	n, m := float64(len(a)), float64(len(b))
	between, within := 0.0, 0.0
	for _, x := range a {
		for _, y := range b {
			between += math.Abs(x - y)
		}
	}
	for _, side := range [][]float64{a, b} {
		sum := 0.0
		for i, x := range side {
			for _, y := range side[:i] {
				sum += math.Abs(x - y)
			}
		}
		if k := float64(len(side)); k > 1 {
			within += sum * 2 / (k * (k - 1))
		}
	}
	return n * m / (n + m) * (2*between/(n*m) - within)
}
