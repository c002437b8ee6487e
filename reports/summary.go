package reports

import (
	"fmt"
	"strings"
)

// summary writes the last lines: what it comes to, what is wrong with the record, the way on, and
// the footnotes.
func (p *page) summary() {
	m := p.m
	p.blank()
	s := green
	switch m.Exit() {
	case ExitFailed:
		s = red
	case ExitNotJudged:
		s = yellow
	}
	p.line(s, "", "  ", tally(m))
	if !m.Whole {
		p.line(yellow, "", "  ", "the run's end is not on the record: xtest was ended before it was done, or is at work")
	} else if m.EndReason != "" {
		p.line(plain, "", "  ", "the run ended: "+Clip(Clean(m.EndReason), maxValue))
	}
	for _, w := range m.Warnings.List[:min(5, len(m.Warnings.List))] {
		where := "record"
		if w.Line > 0 {
			where = fmt.Sprintf("record, line %d", w.Line)
		}
		p.line(dim, "", "  ", where+": "+Clip(Clean(w.Text), 300))
	}
	if n := len(m.Warnings.List) - 5 + m.Warnings.More; n > 0 {
		p.line(dim, "", "  ", fmt.Sprintf("record: %s", plural(n, "more warning", "more warnings")))
	}
	p.wayOn()
	for i, n := range p.notes {
		if i == 0 {
			p.blank()
		}
		p.line(plain, superscript(i+1)+" ", "  ", Clip(Clean(n), 300))
	}
}

// Tally is the run in one line, without the folder that it lies in.
func (m *Model) Tally() string { return tally(m.anonymous()) }

// tally is the run in one line.
func tally(m *Model) string {
	c := m.Counts
	var parts []string
	if m.Exit() == ExitNotJudged {
		parts = append(parts, "NOT JUDGED")
	}
	parts = append(parts, failed(c))
	if c.Broken > 0 {
		parts = append(parts, fmt.Sprintf("%d broken", c.Broken))
	}
	parts = append(parts, fmt.Sprintf("%d judged", c.Judged()))
	if c.Answers > 0 {
		parts = append(parts, plural(c.Answers, "answer", "answers"))
	}
	if c.New > 0 {
		parts = append(parts, fmt.Sprintf("%d new", c.New))
	}
	if c.NotApplicable > 0 {
		parts = append(parts, fmt.Sprintf("%d not applicable", c.NotApplicable))
	}
	if c.NotJudged > 0 {
		parts = append(parts, fmt.Sprintf("%d not judged", c.NotJudged))
	}
	if n := doubtful(m); n > 0 {
		parts = append(parts, plural(n, "target in doubt", "targets in doubt"))
	}
	if d := m.Ended.Sub(m.Started); d > 0 {
		parts = append(parts, span(d))
	}
	if m.Dir != "" {
		parts = append(parts, "record: "+Clean(m.Dir))
	}
	return strings.Join(parts, " · ")
}

func doubtful(m *Model) int {
	n := 0
	for _, t := range m.Targets {
		if len(t.Doubts) > 0 {
			n++
		}
	}
	return n
}

// wayOn names the commands that tell more. They are on one line each, however long: a command that
// is broken by a line's end cannot be copied.
func (p *page) wayOn() {
	if p.m.Dir != "" {
		p.b.WriteString("  all of it    xtest report " + shellWord(p.m.Dir) + "\n")
	}
	for _, bad := range badness {
		for _, t := range p.m.Targets {
			for _, s := range t.Specs {
				if bad(s) && len(s.ID) <= maxValue {
					command, flags := p.m.Again(t)
					p.b.WriteString("  one again    " + command + " " + SpecFlag(s.ID) + flags + "\n")
					return
				}
			}
		}
	}
}

// Again is the command that judges a spec of a target again, in two parts: what stands before the
// [SpecFlag], and what stands behind it. It can be copied into a POSIX shell.
func (m *Model) Again(t *Target) (command, flags string) {
	command = "xtest run "
	if offline(t) {
		command = "xtest lsb "
	}
	if m.Run != nil {
		for _, f := range m.Run.Flags {
			flags += " " + shellWord(f)
		}
	}
	return command + shellWord(t.Name), flags
}

// SpecFlag chooses a spec on a command line.
func SpecFlag(id string) string { return flagValue("--spec", id) }
