package html

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"xtest/reports"
)

// The files of a fuzzing campaign's folder, as docs/fuzz.md has them.
const (
	CampaignFile = "fuzz.json"
	curveFile    = "curve.tsv"
	findingFile  = "finding.json"
	maxFindings  = 200
)

// Campaign is what fuzzing left in its folder.
type Campaign struct {
	Dir, Target, Space string
	Seed, Calls        uint64
	findings           []findingView
	points             []reached // the coverage curve
	unread             []string
}

// reached is a point of the coverage curve.
type reached struct{ seconds, calls, blocks float64 }

// findingView is a finding as its file has it; what else is in the file is for the fuzzer.
type findingView struct {
	Class, Signature, Story, Call string
	Tried, Again, Seen            int
	After                         time.Duration
	Minimal                       bool
	dir                           string
}

// LoadCampaign reads a campaign's folder. What else cannot be read of it is told on the page.
func LoadCampaign(dir string) (*Campaign, error) {
	text, err := os.ReadFile(filepath.Join(dir, CampaignFile))
	c := &Campaign{Dir: dir}
	if err == nil {
		err = json.Unmarshal(text, c)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the campaign in %s: %w", dir, err)
	}
	if c.points, err = readCurve(filepath.Join(dir, curveFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.unread = append(c.unread, err.Error())
	}
	files, _ := filepath.Glob(filepath.Join(dir, "findings", "*", findingFile)) // the pattern is constant but for a folder that is there
	for _, file := range files[:min(len(files), maxFindings)] {
		f := findingView{dir: filepath.Dir(file)}
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &f)
		}
		if err != nil {
			c.unread = append(c.unread, fmt.Sprintf("a finding: %v", err))
			continue
		}
		c.findings = append(c.findings, f)
	}
	order := []string{"hypervisor", "contract", "divergence", "caller"}
	slices.SortStableFunc(c.findings, func(a, b findingView) int {
		return cmp.Compare(slices.Index(order, a.Class), slices.Index(order, b.Class))
	})
	if n := len(files) - maxFindings; n > 0 {
		c.unread = append(c.unread, count(n, "more finding", "more findings"))
	}
	return c, nil
}

// Found says whether there are findings that count: the caller's own death is by design.
func (c *Campaign) Found() bool {
	return slices.ContainsFunc(c.findings, func(f findingView) bool { return f.Class != "caller" })
}

func readCurve(path string) (list []reached, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 0; lines.Scan(); n++ {
		fields := strings.Split(lines.Text(), "\t")
		if n == 0 {
			if len(fields) < 3 || fields[0] != "seconds" || fields[1] != "calls" || fields[2] != "blocks" {
				return nil, fmt.Errorf("%s is no coverage curve", path)
			}
			continue
		}
		var p reached
		for i, to := range []*float64{&p.seconds, &p.calls, &p.blocks} {
			if i >= len(fields) {
				return list, fmt.Errorf("%s, line %d: it is torn", path, n+1)
			}
			if *to, err = strconv.ParseFloat(fields[i], 64); err != nil {
				return list, fmt.Errorf("%s, line %d: %w", path, n+1, err)
			}
		}
		list = append(list, p)
	}
	if err := lines.Err(); err != nil {
		return list, fmt.Errorf("reading %s: %w", path, err)
	}
	return list, nil
}

// curve draws the blocks that were reached over time, of at most 500 points; nil for fewer than two.
func (c *Campaign) curve() *plot {
	if len(c.points) < 2 {
		return nil
	}
	first, last := c.points[0], c.points[len(c.points)-1]
	const tall = 150
	low, high := first.blocks, max(last.blocks, first.blocks+1)
	x := func(s float64) float64 {
		return historyLeft + s/max(last.seconds, 1)*(plotWidth-historyLeft-plotMargin)
	}
	y := func(b float64) float64 { return plotMargin + (high-b)/(high-low)*(tall-2*plotMargin) }
	p := &plot{Width: plotWidth, Height: tall + plotAxis, Label: fmt.Sprintf("Blocks of code reached on %s: from %s to %s in %s and %s calls",
		line(c.Target), figure(low), figure(high), reports.Span(time.Duration(last.seconds*float64(time.Second))), figure(last.calls))}
	var path strings.Builder
	step := max(len(c.points)/500, 1)
	for i := 0; i < len(c.points); i += step {
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", op, x(c.points[i].seconds), y(c.points[i].blocks))
	}
	fmt.Fprintf(&path, "L%.1f %.1f", x(last.seconds), y(last.blocks))
	shape := path.String()
	p.Curves = []curve{{Class: hue(1), Area: fmt.Sprintf("%sL%.1f %dL%.1f %dZ", shape, x(last.seconds), tall-plotMargin, x(first.seconds), tall-plotMargin), Line: shape}}
	for _, v := range ticks(low, high, 4) {
		p.Ticks = append(p.Ticks, tick{historyLeft - 8, y(v), figure(v)})
	}
	for _, v := range ticks(0, last.seconds, 6) {
		p.Below = append(p.Below, tick{x(v), tall + 8, reports.Span(time.Duration(v * float64(time.Second)))})
	}
	return p
}

func drawCampaigns(m markup, list []*Campaign) {
	if len(list) == 0 {
		return
	}
	m.add(`<section id="fuzzing" aria-labelledby="fuzzing-h"><h2 id="fuzzing-h">Fuzzing</h2>
`)
	for _, c := range list {
		m.add(`<article class="run"><h3>%s</h3><p class="sub">%s · %s · seed %s · <span class="mono">%s</span></p>`,
			line(c.Target), count(len(c.findings), "finding", "findings"), count(int(min(c.Calls, 1<<62)), "call", "calls"), strconv.FormatUint(c.Seed, 10), line(c.Dir))
		m.each(`<p class="warn">could not be read: %s</p>`, cleaned(c.unread))
		if p := c.curve(); p != nil {
			m.add("<h4>Blocks of code reached, over time</h4>")
			p.draw(m)
		}
		if len(c.findings) > 0 {
			m.add(`<div class="scroll">`)
			m.heads("", "finding", "what happened", "replays", "met", "again")
			for _, f := range c.findings {
				replays := "not replayed"
				if f.Tried > 0 {
					replays = fmt.Sprintf("%d of %d", f.Again, f.Tried)
				}
				m.add(`<tr><th scope="row"><span class="badge f">%s</span> %s</th><td>%s</td><td>%s</td><td>%s, first after %s</td><td><code>%s</code></td></tr>
`, line(f.Class), line(f.Signature), block(f.Story), replays, count(f.Seen, "time", "times"), reports.Span(f.After), reports.ShellWords([]string{"xtest", "repro", f.dir}))
			}
			m.add("</tbody></table></div>")
		}
		m.add("</article>\n")
	}
	m.add("</section>\n")
}

func cleaned(list []string) []string {
	var clean []string
	for _, s := range list {
		clean = append(clean, line(s))
	}
	return clean
}
