package html

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"xtest/reports"
)

// curve draws the blocks that were reached over time, of at most 500 points; nil for fewer than two, and where nothing was watched.
func (c *Campaign) curve() *plot {
	if len(c.points) < 2 || c.points[len(c.points)-1].blocks == 0 {
		return nil
	}
	points := c.points
	if c.figures != nil && c.figures.Booted > 0 && points[0].seconds > 0 {
		points = slices.Insert(slices.Clone(points), 0, reached{blocks: float64(c.figures.Booted)})
	}
	first, last := points[0], points[len(points)-1]
	const tall = 150
	low, high := first.blocks, max(last.blocks, first.blocks+1)
	x := func(s float64) float64 {
		return historyLeft + s/max(last.seconds, 1)*(plotWidth-historyLeft-plotMargin)
	}
	y := func(b float64) float64 { return plotMargin + (high-b)/(high-low)*(tall-2*plotMargin) }
	p := &plot{Width: plotWidth, Height: tall + plotAxis, Label: fmt.Sprintf("Blocks of code reached on %s: from %s to %s in %s and %s calls",
		line(c.Target), figure(low), figure(high), reports.Span(time.Duration(last.seconds*float64(time.Second))), figure(last.calls))}
	var path strings.Builder
	step := (len(points) + 499) / 500
	for i := 0; i < len(points); i += step {
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", op, x(points[i].seconds), y(points[i].blocks))
	}
	fmt.Fprintf(&path, "L%.1f %.1f", x(last.seconds), y(last.blocks))
	shape := path.String()
	p.Curves = []curve{{Class: hue(1), Area: fmt.Sprintf("%sL%.1f %dL%.1f %dZ", shape, x(last.seconds), tall-plotMargin, x(first.seconds), tall-plotMargin), Line: shape}}
	for _, v := range ticks(low, high, 4) {
		p.Ticks = append(p.Ticks, tick{historyLeft - 8, y(v), figure(v)})
	}
	for _, v := range spans(last.seconds) {
		p.Below = append(p.Below, tick{x(v), tall + 8, clock(v)})
	}
	return p
}

func drawCampaigns(m markup, list []*Campaign) {
	if len(list) == 0 {
		return
	}
	m.add(`<section id="fuzzing" aria-labelledby="fuzzing-h"><h2 id="fuzzing-h">Fuzzing</h2>
`)
	for i, c := range list {
		c.draw(m, "campaign-"+strconv.Itoa(i))
	}
	m.add("</section>\n")
}

// spans are round times up to so many seconds, in seconds: at most nine.
func spans(last float64) (list []float64) {
	steps := []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600}
	i := slices.IndexFunc(steps, func(s float64) bool { return last/s <= 8 })
	step := last / 8
	if i >= 0 {
		step = steps[i]
	}
	for v := 0.0; v <= last && len(list) < 9; v += step {
		list = append(list, v)
	}
	return list
}

// clock writes seconds in the unit that they fill.
func clock(v float64) string {
	switch s := int(v); {
	case s >= 3600 && s%3600 == 0:
		return fmt.Sprintf("%d h", s/3600)
	case s >= 3600:
		return fmt.Sprintf("%d:%02d h", s/3600, s/60%60)
	case s >= 60 && s%60 == 0:
		return fmt.Sprintf("%d min", s/60)
	case s >= 60:
		return fmt.Sprintf("%d:%02d min", s/60, s%60)
	default:
		return fmt.Sprintf("%d s", s)
	}
}

// draw writes a campaign. What belongs together on the page is named after id.
func (c *Campaign) draw(m markup, id string) {
	m.add(`<article class="run"><h3>%s</h3><p class="sub">%s · %s`,
		line(c.Target), count(len(c.findings), "finding", "findings"), count(int(min(c.Calls, 1<<62)), "call", "calls"))
	f := c.figures
	if f != nil {
		m.add(" · %s · %s · %s", count(int(f.Machines), "machine", "machines"), reports.Span(f.Took), count(len(f.Answers), "different answer", "different answers"))
	}
	m.add(` · seed %s · <span class="mono">%s</span></p>`, strconv.FormatUint(c.Seed, 10), line(c.Dir))
	m.each(`<p class="warn">could not be read: %s</p>`, cleaned(c.unread))
	if p := c.curve(); p != nil {
		m.add("<h4>Blocks of code reached, over time</h4>")
		if f != nil && f.Booted > 0 {
			m.add(`<p class="sub">%s of them were reached by booting alone.</p>`, thousands(f.Booted))
		}
		p.draw(m)
	}
	if len(c.findings) > 0 {
		m.add(`<div class="scroll">`)
		m.heads("findings", "finding", "what happened", "replays", "met", "again")
		for _, f := range c.findings {
			f.draw(m, c.beside)
		}
		m.add("</tbody></table></div>")
	}
	if f != nil {
		f.functions(m, id)
		f.answers(m, id)
	}
	m.add("</article>\n")
}

func (f findingView) draw(m markup, beside bool) {
	replays := "not replayed"
	if f.Tried > 0 {
		replays = fmt.Sprintf("%d of %d", f.Again, f.Tried)
	}
	met := "–"
	if f.Seen > 0 {
		met = count(f.Seen, "time", "times") + ", first after " + reports.Span(f.After)
	}
	class := "f"
	if f.Class == "caller" {
		class = "n" // by design
	}
	m.add(`<tr><th scope="row"><span class="badge %s">%s</span> `, class, line(f.Class))
	if beside {
		m.add(`<a href="findings/%s/">%s</a>`, url.PathEscape(filepath.Base(f.dir)), line(f.Signature))
	} else {
		m.add("%s", line(f.Signature))
	}
	m.add(`</th><td>%s</td><td>%s</td><td>%s</td><td><code>%s</code></td></tr>
`, block(f.Story), replays, met, reports.ShellWords([]string{"xtest", "repro", f.dir}))
}

// maxFigures is how many rows of a table of figures a page shows.
const maxFigures = 2000

func (f *Figures) functions(m markup, id string) {
	if len(f.Functions) == 0 {
		return
	}
	rows := f.Functions[:min(len(f.Functions), maxFigures)]
	m.add(`<details><summary>%s in which calls reached what booting did not, and the call that was the first to</summary>`, count(len(f.Functions), "function", "functions"))
	finder(m, id+"-functions", len(f.Functions)-len(rows))
	m.headed(id+"-functions", "function", "blocks", "call")
	for _, one := range rows {
		m.add(`<tr><th scope="row" class="mono">%s</th><td>%s</td><td class="mono">%s</td></tr>
`, line(one.Name), thousands(one.Blocks), line(one.Call))
	}
	m.add("</tbody></table></div></details>\n")
}

func (f *Figures) answers(m markup, id string) {
	if len(f.Answers) == 0 {
		return
	}
	rows := f.Answers[:min(len(f.Answers), maxFigures)]
	m.add(`<details><summary>%s, and how often each was given</summary>`, count(len(f.Answers), "different answer", "different answers"))
	finder(m, id+"-answers", len(f.Answers)-len(rows))
	m.headed(id+"-answers", "call and answer", "times")
	for _, one := range rows {
		m.add(`<tr><th scope="row" class="mono">%s</th><td>%s</td></tr>
`, line(one.Text), thousands(int(min(one.Times, 1<<62))))
	}
	m.add("</tbody></table></div></details>\n")
}

// finder is a box that finds rows of a table, and says how many rows are not in it.
func finder(m markup, table string, left int) {
	m.add(`<p><label class="find">Find <input type="search" data-filter="%s" autocomplete="off" spellcheck="false"></label>`, table)
	if left > 0 {
		m.add(" %s shown", count(left, "more is not", "more are not"))
	}
	m.add("</p>")
}

func cleaned(list []string) []string {
	var clean []string
	for _, s := range list {
		clean = append(clean, line(s))
	}
	return clean
}
