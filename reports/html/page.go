package html

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"xtest/reports"
)

//go:embed page.css
var style string

//go:embed page.js
var script string

// Policy is the page's Content-Security-Policy: its own style and script by their hashes, and nothing from
// anywhere. It is in the page, too.
var Policy = sync.OnceValue(func() string {
	of := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return fmt.Sprintf("default-src 'none'; script-src %s; style-src %s; base-uri 'none'; form-action 'self'", of(script), of(style))
})

// Options say what a page is to be.
type Options struct {
	// Home is the address of the list of runs, where the page is served; else it is empty.
	Home string
	// Unread are the runs that could not be read, each with its reason.
	Unread []string
	// Campaigns are what fuzzing left.
	Campaigns []*Campaign
}

// page is what is drawn.
type page struct {
	Options
	Title   string
	Verdict string // good, failed or unjudged
	Head    string // the answer in a sentence
	Runs    []runView
	Cards   []cardView
	Bench   *benchView
	History *historyView
	Answers *answersView
	LSB     []lsbView
	Notes   []string
	Matrix  bool
	Index   bool // it is a list of runs
}

// Write writes the page of one run, or of several side by side, the oldest first.
func Write(w io.Writer, runs []*Run, o Options) error {
	if len(runs)+len(o.Campaigns) == 0 {
		return errors.New("drawing a page: there is no run that could be read")
	}
	out := bufio.NewWriterSize(w, 64<<10)
	p := &page{Options: o}
	shown, models := p.choose(runs)
	m := reports.NewMatrix(models)
	p.describe(runs, shown)
	p.Matrix = len(m.Rows) > 0
	p.Answers = answers(m)
	p.LSB = readings(shown)
	if p.Bench = benchmarks(shown); p.Bench != nil && p.Bench.Ranks[worse] > 0 {
		p.Head += "; " + count(p.Bench.Ranks[worse], "benchmark is", "benchmarks are") + " worse"
	}
	p.History = trends(runs)
	if len(m.Columns) > maxColumns {
		p.note("The matrix shows %d of %d targets.", maxColumns, len(m.Columns))
		m.Columns = m.Columns[:maxColumns]
		for _, r := range m.Rows {
			r.Specs = r.Specs[:maxColumns]
		}
	}
	d := matrix(m, shown)
	if d.Bare > 0 {
		p.note("%s shown without call, got and reason, so that the page does not get too large; xtest report RUN --json - has them.", count(d.Bare, "spec is", "specs are"))
	}
	t := markup{out}
	p.head(t)
	p.glance(t)
	p.matrix(t)
	p.Bench.draw(t)
	p.History.draw(t)
	p.Answers.draw(t)
	drawLSB(t, p.LSB)
	drawCampaigns(t, p.Campaigns)
	p.evidence(t)
	p.foot(t)
	if err := d.write(out); err != nil {
		return fmt.Errorf("drawing a page: %w", err)
	}
	t.w.WriteString("<script>" + script + "</script>\n</body>\n</html>\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	return nil
}

func (p *page) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// choose takes the newest runs for the matrix, as many as there is room for.
func (p *page) choose(runs []*Run) (shown []*Run, models []*reports.Model) {
	room := maxColumns
	for _, r := range slices.Backward(runs) {
		if room -= r.columns(); room < 0 && len(shown) > 0 {
			p.note("The matrix shows the newest %s; all %d are in the list of runs and in the history.", count(len(shown), "run", "runs"), len(runs))
			break
		}
		shown = append(shown, r)
	}
	slices.Reverse(shown)
	for _, r := range shown {
		models = append(models, r.Model)
	}
	return shown, models
}

// LoadAll reads runs, and lets go of what a page will not show of the older ones. Those that cannot be read are
// told of in unread, as Options take them. The result is sorted by the runs' times.
func LoadAll(dirs []string) (runs []*Run, unread []string) {
	room := maxColumns
	for _, dir := range slices.Backward(dirs) {
		r, err := Load(dir)
		if err != nil {
			unread = append(unread, line(err.Error()))
			continue
		}
		if room -= r.columns(); room < 0 && len(runs) > 0 {
			room = 0
			r.forget()
		}
		runs = append(runs, r)
	}
	slices.Reverse(runs)
	slices.SortStableFunc(runs, func(a, b *Run) int {
		return cmp.Compare(a.Model.Started.UnixNano(), b.Model.Started.UnixNano())
	})
	return runs, unread
}
