package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"

	"xtest/fuzz/campaign"
	"xtest/fuzz/finding"
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

func newStatus(s screen) *status { return &status{out: s.out(), screen: s} }

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
	before(out, c.Kept())
	return listFindings(out, c.All(), dir)
}

// before tells what Xen had before and after, in the machine that was asked last.
func before(out io.Writer, list []campaign.Kept) {
	if len(list) == 0 {
		return
	}
	k := list[len(list)-1]
	var parts []string
	for _, p := range []struct {
		name string
		of   [2]uint64
		text func(uint64) string
	}{
		{"free memory", k.Memory, humanize.IBytes}, {"domains", k.Domains, plainNumber}, {"open ports", k.Ports, plainNumber}, {"grant frames", k.Grants, plainNumber},
	} {
		if p.of[0] != 0 {
			parts = append(parts, fmt.Sprintf("%s %s, %s", p.name, p.text(p.of[0]), p.text(p.of[1])))
		}
	}
	if len(parts) > 0 {
		fmt.Fprintf(out, "before and after: %s\n", strings.Join(parts, " · "))
	}
}

func plainNumber(n uint64) string { return fmt.Sprint(n) }

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
