package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"

	calls "xtest/fuzz/call"
	"xtest/fuzz/campaign"
	"xtest/fuzz/finding"
	"xtest/fuzz/symbols"
)

// status tells how far a campaign is: one line that is written over on a terminal, plain lines elsewhere.
type status struct {
	mu     sync.Mutex
	out    io.Writer
	screen screen
	c      *campaign.Campaign
	live   bool // there is a line to write over
	calls  uint64
	at     time.Time
}

func newStatus(out io.Writer, s screen) *status { return &status{out: out, screen: s} }

// say writes a line above the live one.
func (s *status) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	clock := ""
	if s.c != nil {
		clock = clockOf(s.c.Took()) + "  "
	}
	fmt.Fprintf(s.out, "%s%s\n", clock, plain(fmt.Sprintf(format, args...)))
}

// plain takes out what a guest's words may do to a terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, text)
}

// quote indents a guest's words.
func quote(text string) string { return "    " + strings.ReplaceAll(plain(text), "\n", "\n    ") }

func (s *status) clear() {
	if s.live {
		fmt.Fprint(s.out, "\r\x1b[K")
		s.live = false
	}
}

func (s *status) begin(c *campaign.Campaign, ops int, dir string) {
	t := c.Target
	guided := "guided by coverage"
	if !c.Guided {
		guided = "unguided"
	}
	s.say("fuzzing %s, %d calls of %s, %s · seed %d · folder %s", t.Name, ops, t.Space.Name, guided, c.Seed, dir)
	s.mu.Lock()
	s.c, s.at = c, time.Now()
	s.mu.Unlock()
}

func clockOf(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// How often the line is written, on a terminal and elsewhere.
const (
	liveEvery  = time.Second
	plainEvery = 10 * time.Second
)

// watch writes the line until ctx ends, and has the folder's state kept.
func (s *status) watch(ctx context.Context, keep func() error) {
	every := plainEvery
	if s.screen.terminal {
		every = liveEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.line()
			if err := keep(); err != nil {
				s.say("keeping the folder: %v", err)
			}
		}
	}
}

func (s *status) line() {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, now := s.c, time.Now()
	made := c.Calls.Load()
	rate := float64(made-s.calls) / now.Sub(s.at).Seconds()
	s.calls, s.at = made, now
	parts := []string{
		humanize.Comma(int64(rate)) + " calls/s", humanize.SIWithDigits(float64(made), 1, "") + "calls", fmt.Sprintf("%d answers", c.Distinct.Load()),
	}
	if c.Guided {
		parts = append(parts, fmt.Sprintf("%s blocks (last new %s ago)", humanize.Comma(int64(c.Corpus.Blocks()-c.Booted())), clockOf(now.Sub(time.Unix(0, c.LastNew.Load())))), fmt.Sprintf("corpus %d", c.Corpus.Len()))
	}
	parts = append(parts, fmt.Sprintf("machines %d", c.Machines.Load()), fmt.Sprintf("findings %d", len(c.All())))
	text := clockOf(c.Took()) + "  " + strings.Join(parts, " · ")
	if !s.screen.terminal {
		fmt.Fprintln(s.out, text)
		return
	}
	if w := s.screen.width; w > 4 && len([]rune(text)) >= w {
		text = string([]rune(text)[:w-2]) + "…"
	}
	s.clear()
	fmt.Fprint(s.out, text)
	s.live = true
}

func (s *status) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

// summary says what came of it and gives the number of findings that are somebody's fault.
func summary(out io.Writer, c *campaign.Campaign, dir string) int {
	made, took := c.Calls.Load(), c.Took()
	fmt.Fprintf(out, "\n%s calls in %s on %d machines (%s calls/s) · %d different answers", humanize.Comma(int64(made)), took.Round(time.Second), c.Machines.Load(),
		humanize.Comma(int64(float64(made)/took.Seconds())), c.Distinct.Load())
	if c.Guided {
		fmt.Fprintf(out, " · %s blocks beyond the boot's %s · corpus %d", humanize.Comma(int64(c.Corpus.Blocks()-c.Booted())), humanize.Comma(int64(c.Booted())), c.Corpus.Len())
	}
	fmt.Fprintln(out)
	return listFindings(out, c.All(), dir)
}

func listFindings(out io.Writer, list []*finding.Finding, dir string) int {
	faults := 0
	for _, f := range list {
		if f.Class != finding.Caller {
			faults++
		}
	}
	switch {
	case len(list) == 0:
		fmt.Fprintln(out, "nothing was found")
	default:
		fmt.Fprintf(out, "%d findings\n", len(list))
	}
	for _, f := range list {
		fmt.Fprintf(out, "  %-10s %s\n             %s\n             replays %s · %d calls · met %d times, first after %v\n             again: %s\n",
			f.Class, plain(f.Signature), plain(f.Story), f.Reliability(), f.Calls(), f.Seen, f.After.Round(time.Second), f.Replay())
	}
	fmt.Fprintf(out, "folder: %s · go on: xtest fuzz --resume %s\n", dir, dir)
	return faults
}

// page draws the coverage curve and what was found as a page that needs no network.
func page(c *campaign.Campaign, dir string) error {
	points := c.Points()
	var b strings.Builder
	fmt.Fprintf(&b, `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>xtest fuzz %[1]s</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}svg{width:100%%;height:auto}
polyline{fill:none;stroke:currentColor;stroke-width:2}line{stroke:currentColor;opacity:.3}text{fill:currentColor;font-size:12px}td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}</style>
<h1>Fuzzing %[1]s</h1><p>%d findings. %s calls on %d machines in %s, %d different answers, seed %d.</p>`,
		html.EscapeString(c.Target.Name), len(c.All()), humanize.Comma(int64(c.Calls.Load())), c.Machines.Load(), c.Took().Round(time.Second), c.Distinct.Load(), c.Seed)
	for _, f := range c.All() {
		rel, err := filepath.Rel(dir, f.Dir)
		if err != nil {
			rel = f.Dir
		}
		fmt.Fprintf(&b, "<h2>%s: %s</h2><p>%s Replays %s. <a href=\"%s/\">folder</a></p>", html.EscapeString(f.Class), html.EscapeString(plain(f.Signature)),
			html.EscapeString(plain(f.Story)), f.Reliability(), html.EscapeString(filepath.ToSlash(rel)))
	}
	if n := len(points); n > 1 && c.Guided {
		last := points[n-1]
		fmt.Fprintf(&b, `<h2>Code reached</h2><p>Blocks of the hypervisor that were executed, the boot's %d included, over time.</p><svg viewBox="0 0 800 300" role="img" aria-label="%d blocks after %.0f seconds"><line x1="60" y1="270" x2="790" y2="270"/><line x1="60" y1="10" x2="60" y2="270"/><polyline points="`, c.Booted(), last.Blocks, last.Seconds)
		low, high := points[0].Blocks, max(last.Blocks, points[0].Blocks+1)
		for _, p := range points {
			fmt.Fprintf(&b, "%.1f,%.1f ", 60+730*p.Seconds/max(last.Seconds, 1), 270-260*float64(p.Blocks-low)/float64(high-low))
		}
		fmt.Fprintf(&b, `"/><text x="4" y="20">%d</text><text x="4" y="270">%d</text><text x="740" y="290">%.0f s</text></svg>`, high, low, last.Seconds)
	}
	if list := functions(c); len(list) > 0 {
		b.WriteString("<h2>Functions</h2><p>Those in which fuzzing reached code that the boot did not, with the call that was the first to.</p><table><tr><th>function</th><th>blocks</th><th>call</th></tr>")
		for _, f := range list {
			fmt.Fprintf(&b, "<tr><td>%s</td><td>%d</td><td>%s</td></tr>", html.EscapeString(f.name), f.blocks, html.EscapeString(f.call))
		}
		b.WriteString("</table>")
	}
	answers := c.Answers()
	names := make([]string, 0, len(answers))
	for n := range answers {
		names = append(names, n)
	}
	slices.Sort(names)
	b.WriteString("<h2>Answers</h2><table><tr><th>call and answer</th><th>times</th></tr>")
	for _, n := range names {
		fmt.Fprintf(&b, "<tr><td>%s</td><td>%s</td></tr>", html.EscapeString(n), humanize.Comma(int64(answers[n])))
	}
	b.WriteString("</table></html>\n")
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("drawing the page: %w", err)
	}
	return nil
}

// function is one of the hypervisor's in which something new was reached.
type function struct {
	name   string
	blocks int
	call   string // that was the first to reach it
}

// functions names what the corpus reached, where the image tells its symbols. Blocks of several machines are
// those of one image.
func functions(c *campaign.Campaign) []function {
	args := c.Target.Image.Plan.Command
	i := slices.Index(args, "-kernel")
	if c.Target.Space != calls.Xen() || i < 0 || i+1 == len(args) {
		return nil
	}
	image, err := os.ReadFile(args[i+1])
	if err != nil {
		return nil
	}
	table, err := symbols.Read(image)
	if err != nil {
		return nil
	}
	var list []*function
	byName := map[string]*function{}
	for _, e := range c.Corpus.Entries() {
		for _, b := range e.Blocks {
			name, _ := table.Name(b)
			f := byName[name]
			if f == nil {
				f = &function{name: name, call: e.Program.Calls[len(e.Program.Calls)-1].Op.Name}
				byName[name] = f
				list = append(list, f)
			}
			f.blocks++
		}
	}
	slices.SortStableFunc(list, func(a, b *function) int { return b.blocks - a.blocks })
	all := make([]function, 0, len(list))
	for _, f := range list {
		all = append(all, *f)
	}
	return all
}
