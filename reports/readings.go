package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"xtest/runner/event"
)

// Readings writes the model of a run whose specs have two verdicts: the strict one, and the effective
// one, for which failures that are known do not count. Groups of specs are its rows.
func Readings(w io.Writer, m *Model, o Options) error {
	if o.Width == 0 {
		o.Width = DefaultWidth
	}
	o.Width = max(o.Width, 40)
	p := &page{Options: o, m: m}
	p.header()
	p.targets()
	for _, t := range m.Targets {
		if err := p.readings(t); err != nil {
			return err
		}
	}
	p.counted()
	p.waived()
	p.notJudged()
	p.notApplicable()
	p.summary()
	if _, err := io.WriteString(w, p.b.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Group counts the specs of a target that belong together: those whose IDs begin with its name.
type Group struct {
	Name   string
	Counts Counts
}

// Groups are a target's groups of those specs that are wanted, in the order in which they were listed.
func (t *Target) Groups(wanted func(*Spec) bool) (groups []*Group) {
	byName := map[string]*Group{}
	for _, s := range t.Specs {
		if !wanted(s) {
			continue
		}
		name, _, _ := strings.Cut(s.ID, "/")
		g := byName[name]
		if g == nil {
			g = &Group{Name: name}
			byName[name] = g
			groups = append(groups, g)
		}
		g.Counts.count(s.Result, 1)
	}
	return groups
}

// readings writes the table of one target.
func (p *page) readings(t *Target) error {
	groups := t.Groups(func(*Spec) bool { return true })
	if len(groups) == 0 {
		return nil
	}
	var rows [][]string
	for _, g := range append(groups, &Group{"all", t.Counts}) {
		c := g.Counts
		rows = append(rows, []string{
			Clip(Clean(g.Name), 30), "", p.of(c.Pass, c.Judged()), p.of(c.Pass+c.Known, c.Judged()),
			p.number(red, c.Fail-c.Known), p.number(plain, c.NotApplicable), p.number(yellow, c.Broken+c.NotJudged),
		})
	}
	p.blank()
	if len(p.m.Targets) > 1 {
		p.line(bold, "", "", Clean(t.Name))
	}
	return p.table([]string{"group", "", "strict", "effective", "fail", "n/a", "broken"}, rows)
}

// counted writes the failures that count, and what could not be judged.
func (p *page) counted() {
	for _, bad := range badness[:2] {
		for _, t := range p.m.Targets {
			for _, s := range t.Specs {
				if bad(s) {
					p.blank()
					p.spec(t, s)
				}
			}
		}
	}
}

// waived writes each excuse once, with the specs it is for.
func (p *page) waived() {
	type use struct {
		*event.Known
		specs []string
	}
	var uses []*use
	byEntry := map[string]*use{}
	for _, t := range p.m.Targets {
		for _, s := range t.Specs {
			if !s.Result.Excused() {
				continue
			}
			k := s.Result.Known
			u := byEntry[k.Entry]
			if u == nil {
				u = &use{Known: k}
				byEntry[k.Entry] = u
				uses = append(uses, u)
			}
			if !slices.Contains(u.specs, s.ID) {
				u.specs = append(u.specs, s.ID)
			}
		}
	}
	if len(uses) == 0 {
		return
	}
	p.blank()
	p.line(bold, "", "", "strict failures that a program does without")
	for _, u := range uses {
		p.line(plain, "  ", "      ", fmt.Sprintf("%s: %s", Clip(Clean(u.Entry), maxValue), Clean(strings.Join(u.specs, ", "))))
		p.line(dim, "      ", "      ", Clip(Clean(Excuse(u.Known)), maxValue))
	}
}

// of writes how many of the judged specs pass, in green when all do.
func (p *page) of(pass, judged int) string {
	text := fmt.Sprintf("%d/%d", pass, judged)
	switch {
	case judged == 0:
		return "-"
	case pass == judged:
		return p.paint(green, text)
	}
	return text
}

// offline says whether the target was read and not booted: its plan says by what.
func offline(t *Target) bool { return t.Plan != nil && t.Plan.Backend == event.Offline }
