package html

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A plot's area in units of its view box; the page scales it.
const (
	plotWidth  = 640
	plotCurve  = 84 // height of the curves
	plotStrip  = 18 // height of one strip of points
	plotAxis   = 22
	plotMargin = 10
	maxDots    = 240 // of one strip
	bins       = 200
	enough     = 5 // values that have a density worth drawing
)

// plot is a drawing that is written as SVG, its texts escaped like all others.
type plot struct {
	Width, Height int
	Label         string // for those who do not see it
	Curves        []curve
	Strips        []strip
	Ticks         []tick
	AxisY         float64
	Marks         []mark
	At            []float64 // where upright lines stand
	Below         []tick    // in the middle, where Ticks are at the left

	series [][]float64 // sorted values, of the hues
	hues   []int
}

type curve struct {
	Class string
	Area  string // the path below it, closed
	Line  string
}

// strip is the points of one series, and a box from the lower to the upper quartile with the median.
type strip struct {
	Class                 string
	Y                     float64
	Dots                  string // a path of short strokes
	BoxX, BoxW, BoxY, Mid float64
}

type tick struct {
	X, Y float64
	Text string
}

// mark is something on a plot with a word on it.
type mark struct {
	X, Y  float64
	Class string
	Text  string
}

// hues are the classes of series, used again where there are more.
func hue(i int) string { return "s" + strconv.Itoa(i%8) }

// finish draws the series over each other: what the densities of their values look like, and below them each
// series' own values. It is nil for series without a value.
func (p *plot) finish() *plot {
	series := p.series
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range series {
		if len(s) > 0 {
			low, high = min(low, s[0]), max(high, s[len(s)-1])
		}
	}
	if math.IsInf(low, 0) {
		return nil
	}
	pad := (high - low) * 0.06
	if pad == 0 {
		pad = max(math.Abs(low)*0.01, 1e-9)
	}
	low, high = low-pad, high+pad
	x := func(v float64) float64 { return plotMargin + (v-low)/(high-low)*(plotWidth-2*plotMargin) }
	curves := 0 // their height
	if slices.ContainsFunc(series, func(s []float64) bool { return len(s) >= enough }) {
		curves = plotCurve
	}
	p.Width, p.Height = plotWidth, curves+plotStrip*len(series)+plotAxis+plotMargin
	densities := make([][]float64, len(series))
	top := 0.0
	for i, s := range series {
		densities[i] = density(s, low, high)
		for _, d := range densities[i] {
			top = max(top, d)
		}
	}
	for i, s := range series {
		if len(s) == 0 {
			continue
		}
		if len(s) >= enough {
			p.Curves = append(p.Curves, outline(hue(p.hues[i]), densities[i], top))
		}
		y := float64(curves + plotMargin + plotStrip*i)
		st := strip{Class: hue(p.hues[i]), Y: y, BoxX: x(quantile(s, 0.25)), Mid: x(quantile(s, 0.5)), BoxY: y + 3}
		if len(s) >= enough {
			st.BoxW = max(x(quantile(s, 0.75))-st.BoxX, 1)
		}
		st.Dots = strokes(s, y+plotStrip/2, x)
		p.Strips = append(p.Strips, st)
	}
	p.AxisY = float64(p.Height - plotAxis)
	for _, v := range ticks(low, high, 6) {
		p.Ticks = append(p.Ticks, tick{x(v), p.AxisY + 14, figure(v)})
	}
	return p
}

// density is a kernel density estimate on a grid: Gaussian, with Silverman's bandwidth, over binned values.
func density(sorted []float64, low, high float64) []float64 {
	hist, out := make([]float64, bins), make([]float64, bins)
	if len(sorted) == 0 {
		return out
	}
	width := (high - low) / bins
	mean, square := 0.0, 0.0
	for _, v := range sorted {
		mean += v / float64(len(sorted))
	}
	for _, v := range sorted {
		square += (v - mean) * (v - mean)
		hist[min(max(int((v-low)/width), 0), bins-1)]++
	}
	spread := math.Sqrt(square / float64(len(sorted)))
	if iqr := (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.34; iqr > 0 {
		spread = min(spread, iqr)
	}
	bandwidth := max(0.9*spread*math.Pow(float64(len(sorted)), -0.2)/width, 1.2) // in bins
	kernel := make([]float64, bins)
	for i := range kernel {
		z := float64(i) / bandwidth
		kernel[i] = math.Exp(-z * z / 2)
	}
	for i, n := range hist {
		if n == 0 {
			continue
		}
		for j := range out {
			out[j] += n * kernel[max(i-j, j-i)] / (float64(len(sorted)) * bandwidth)
		}
	}
	return out
}

func outline(class string, d []float64, top float64) curve {
	var b strings.Builder
	for i, v := range d {
		op := "L"
		if i == 0 {
			op = "M"
		}
		x := plotMargin + (float64(i)+0.5)/bins*(plotWidth-2*plotMargin)
		fmt.Fprintf(&b, "%s%.1f %.1f", op, x, plotCurve+plotMargin/2-v/top*(plotCurve-plotMargin))
	}
	line := b.String()
	return curve{class, fmt.Sprintf("M%d %dL%sL%d %dZ", plotMargin, plotCurve+plotMargin/2, line[1:], plotWidth-plotMargin, plotCurve+plotMargin/2), line}
}

// strokes is a short stroke for each value, or for every so many.
func strokes(sorted []float64, y float64, x func(float64) float64) string {
	var b strings.Builder
	for i := range min(len(sorted), maxDots) {
		v := sorted[i]
		if len(sorted) > maxDots {
			v = sorted[i*(len(sorted)-1)/(maxDots-1)]
		}
		fmt.Fprintf(&b, "M%.1f %.1fv8", x(v), y-4)
	}
	return b.String()
}

// ticks are round values between two, about n of them.
func ticks(low, high float64, n int) (list []float64) {
	raw := (high - low) / float64(n)
	if !(raw > 0) || math.IsInf(raw, 0) {
		return nil
	}
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := power * 10
	for _, f := range []float64{1, 2, 5} {
		if f*power >= raw {
			step = f * power
			break
		}
	}
	for k := math.Ceil(low / step); k*step <= high && len(list) < 4*n; k++ {
		list = append(list, k*step)
	}
	return list
}

// figure writes a measurement with four digits, or all of a whole one, thousands apart.
func figure(v float64) string {
	if a := math.Abs(v); a >= 1000 && a < 1e15 {
		return thousands(int(math.Round(v)))
	}
	if math.Abs(v) < 1e-12 {
		return "0"
	}
	s := strconv.FormatFloat(v, 'g', 4, 64)
	return strings.Replace(s, "-", "−", 1)
}

// quantile is that of sorted values, between the nearest two (type 7 of Hyndman and Fan).
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	next := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[next]-sorted[i])
}
