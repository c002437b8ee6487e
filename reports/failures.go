package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/clipperhouse/displaywidth"

	"xtest/runner/event"
)

const (
	maxValue   = 600 // bytes of one string from a guest that the table shows
	maxExcerpt = 8   // lines of a console that the table shows
	maxReasons = 20  // reasons for not-applicable, and specs that were not judged
)

// spec writes one spec that failed or is broken.
func (p *page) spec(t *Target, s *Spec) {
	word, style := "FAIL", red
	if s.Verdict() == event.Broken {
		word, style = "BROKEN", yellow
	}
	id, name := Clip(Clean(s.ID), 120), Clip(Clean(t.Name), 60)
	used := displaywidth.String(word + "  " + id + name)
	if gap := p.Width - used; gap >= 2 {
		p.b.WriteString(p.paint(style, word) + "  " + p.paint(bold, id) + strings.Repeat(" ", gap) + name + "\n")
	} else {
		p.line(bold, p.paint(style, word)+"  ", "      ", id)
		p.line(plain, "      on ", "      ", name)
	}
	if c := s.clause(); c != "" {
		text := Clip(Clean(c), maxValue)
		if s.Meta.Level == "SHOULD" {
			text += " (SHOULD)"
		}
		p.line(plain, "      ", "      ", text)
	}
	r := s.Result
	if f := r.Failure; f != nil {
		p.field("call", f.Call)
		p.field("got", f.Got)
		p.field("expected", f.Expected)
	}
	if s.Crash == nil || !s.inferred { // the crash below says it again
		p.field("reason", r.Reason)
	}
	if k := r.Known; k != nil {
		p.field("known", Excuse(k))
	}
	for _, n := range r.Notes[:min(3, len(r.Notes))] {
		p.field("note", n)
	}
	if s.Crash != nil {
		p.crash(t, s)
	}
}

// field writes a named value, of several lines if need be, and nothing for a blank one.
func (p *page) field(name, value string) {
	lines, more := CleanLines(value, maxExcerpt)
	for i, l := range lines {
		if i > 0 {
			name = ""
		}
		p.line(plain, fmt.Sprintf("      %-8s ", name), strings.Repeat(" ", 15), Clip(l, maxValue))
	}
	if more > 0 {
		p.line(dim, strings.Repeat(" ", 15), strings.Repeat(" ", 15), fmt.Sprintf("… and %s", plural(more, "more line", "more lines")))
	}
}

func (p *page) crash(t *Target, s *Spec) {
	p.field("crash", s.Crash.Kind+": "+s.Crash.Signature)
	p.field("memory", s.Crash.Memory)
	lines, more := CleanLines(s.Crash.Excerpt, maxExcerpt)
	for _, l := range lines {
		p.b.WriteString("      " + p.paint(dim, "│ "+displaywidth.TruncateString(l, p.Width-8, "…")) + "\n")
	}
	name := p.m.ConsoleLog(t, s.Boot)
	switch {
	case more > 0 && name != "":
		p.line(dim, "      ", "      ", fmt.Sprintf("│ … %s, and all of it in %s", plural(more, "more line", "more lines"), Clean(name)))
	case more > 0:
		p.line(dim, "      ", "      ", fmt.Sprintf("│ … %s", plural(more, "more line", "more lines")))
	case name != "":
		p.line(dim, "      ", "      ", "│ all of it in "+Clean(name))
	}
}

// ConsoleLog is the name of a boot's console log in the run's folder, or empty where there is none.
func (m *Model) ConsoleLog(t *Target, boot int) string {
	if name := event.ConsoleLog(t.Name, boot); slices.Contains(m.consoles, name) {
		return name
	}
	return ""
}

// group is a set of specs that share a reason.
type group struct {
	reason  string
	count   int
	targets []string
}

// notApplicable writes one line for each reason that specs do not apply, the commonest first.
func (p *page) notApplicable() {
	byReason := map[string]*group{}
	var groups []*group
	for _, t := range p.m.Targets {
		for _, s := range t.Specs {
			if s.Verdict() != event.NotApplicable {
				continue
			}
			g := byReason[s.Result.Reason]
			if g == nil {
				g = &group{reason: s.Result.Reason}
				byReason[g.reason] = g
				groups = append(groups, g)
			}
			g.count++
			if !slices.Contains(g.targets, t.Name) {
				g.targets = append(g.targets, t.Name)
			}
		}
	}
	if len(groups) == 0 {
		return
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return cmp.Compare(b.count, a.count) })
	p.blank()
	p.line(bold, "", "", "not applicable")
	for _, g := range groups[:min(maxReasons, len(groups))] {
		reason := Clean(strings.TrimSpace(g.reason))
		if reason == "" {
			reason = "no reason given"
		}
		text := fmt.Sprintf(" %5d  %s", g.count, reason)
		where := "  " + Clip(Clean(strings.Join(g.targets, " ")), 40)
		room := max(p.Width-displaywidth.String(where), p.Width/2)
		p.b.WriteString(displaywidth.TruncateString(displaywidth.TruncateString(text, room, "…")+where, p.Width, "…") + "\n")
	}
	if len(groups) > maxReasons {
		rest := 0
		for _, g := range groups[maxReasons:] {
			rest += g.count
		}
		p.line(dim, fmt.Sprintf(" %5d  ", rest), "        ", fmt.Sprintf("for %s; all are in --json", plural(len(groups)-maxReasons, "other reason", "other reasons")))
	}
}

// notJudged names the specs that were listed and never started.
func (p *page) notJudged() {
	n := p.m.Counts.NotJudged
	if n == 0 {
		return
	}
	p.blank()
	p.line(yellow, "", "", fmt.Sprintf("not judged: %s listed and never started", plural(n, "spec was", "specs were")))
	shown := 0
	for _, t := range p.m.Targets {
		for _, s := range t.Specs {
			if s.Result != nil {
				continue
			}
			if shown++; shown > maxReasons {
				p.line(dim, "      ", "      ", fmt.Sprintf("… and %d more; all are in --json", n-maxReasons))
				return
			}
			p.line(plain, "      ", "        ", fmt.Sprintf("%s  on %s", Clip(Clean(s.ID), 120), Clean(t.Name)))
		}
	}
}
