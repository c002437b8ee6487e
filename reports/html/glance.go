package html

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xtest/reports"
	"xtest/runner/event"
)

// runView is a run as evidence: what was judged, on what, with which versions, hashes and seed.
type runView struct {
	Mark, ID, Dir, Tally, Verdict   string
	Version, Seed, Command, Host    string
	Started, Ended, Took            string
	SHA256, EndReason, Shard        string
	Exit                            int
	Whole, Lost                     bool
	Warnings                        []string
	More                            int
	Merged                          []string
	Targets                         []targetView
	Pass, Fail, Known, Broken, Rest int
}

// targetView is one target of a run as evidence.
type targetView struct {
	Name, What, Backend, Accel, Why, Command string
	Parts                                    []event.Artefact
	Boots                                    []string
	Probes                                   []reports.Probe
	Warnings                                 []string
}

// cardView is one target at a glance.
type cardView struct {
	Mark, Name, What, Verdict string
	Segments                  []segment
	Suites                    []suiteView
	Doubts, Notes             []string
	Missed, Fix               string
	Took                      string
}

type suiteView struct {
	Name                                           string
	Pass, Fail, Known, NotApplicable, Broken, Open int
	Took                                           string
}

// segment is a part of a bar: X and Width are in thousandths.
type segment struct {
	Class, Name string
	Count       int
	X, Width    float64
}

// verdict is what an exit status says, and the class of what shows it.
func verdict(exit int) string {
	switch exit {
	case reports.ExitGood:
		return "good"
	case reports.ExitFailed:
		return "failed"
	}
	return "unjudged"
}

// describe draws what stands above the matrix and below it.
func (p *page) describe(runs, shown []*Run) {
	worst := reports.ExitGood
	var sum reports.Counts
	targets, doubtful := 0, 0
	for i, r := range shown {
		mark := ""
		if len(shown) > 1 {
			mark = reports.Mark(i)
		}
		p.Runs = append(p.Runs, describeRun(r, mark))
		if code := r.Model.Exit(); worst != reports.ExitFailed && code != reports.ExitGood {
			worst = code
		}
		for _, t := range r.Model.Targets {
			targets++
			if len(t.Doubts) > 0 {
				doubtful++
			}
			p.Cards = append(p.Cards, card(t, mark))
		}
		c := r.Model.Counts
		sum.Pass, sum.Fail, sum.Known, sum.Broken = sum.Pass+c.Pass, sum.Fail+c.Fail, sum.Known+c.Known, sum.Broken+c.Broken
		sum.NotApplicable, sum.NotJudged = sum.NotApplicable+c.NotApplicable, sum.NotJudged+c.NotJudged
	}
	if slices.ContainsFunc(p.Campaigns, (*Campaign).Found) {
		worst = reports.ExitFailed
	}
	p.Verdict = verdict(worst)
	p.Head = answer(sum, targets, doubtful)
	if len(runs) == 0 {
		n := 0
		for _, c := range p.Campaigns {
			n += len(c.findings)
		}
		p.Head = count(n, "finding", "findings") + " in " + count(len(p.Campaigns), "campaign", "campaigns")
	}
	if len(runs) == 0 {
		p.Title = "xtest · fuzzing " + line(p.Campaigns[0].Target)
		if n := len(p.Campaigns); n > 1 {
			p.Title = "xtest · " + count(n, "campaign", "campaigns")
		}
	} else if len(shown) == 1 {
		p.Title = "xtest · " + p.Runs[0].ID
	} else {
		p.Title = fmt.Sprintf("xtest · %d runs", len(runs))
	}
}

// answer is what it comes to, in a sentence. Failures that are known do not count.
func answer(c reports.Counts, targets, doubtful int) string {
	text := thousands(c.Fail-c.Known) + " of " + thousands(c.Judged()) + " judged failed"
	if c.Judged() == 0 {
		text = "Nothing was judged"
	}
	text += " on " + count(targets, "target", "targets")
	if n := c.Broken + c.NotJudged; n > 0 {
		text += "; " + thousands(n) + " could not be judged"
	}
	if doubtful > 0 {
		text += "; " + count(doubtful, "target is", "targets are") + " in doubt"
	}
	return text
}

func describeRun(r *Run, mark string) runView {
	m := r.Model
	v := runView{
		Mark: mark, Tally: m.Tally(), Exit: m.Exit(), Verdict: verdict(m.Exit()), Whole: m.Whole, EndReason: line(m.EndReason),
		SHA256: r.SHA256, Lost: m.Run == nil, ID: "a record without its beginning",
		Pass: m.Counts.Pass, Fail: m.Counts.Fail - m.Counts.Known, Known: m.Counts.Known, Broken: m.Counts.Broken,
		Rest: m.Counts.NotApplicable + m.Counts.NotJudged,
	}
	// Where the folder lies means nothing elsewhere: the page is the same wherever it is drawn.
	if name := filepath.Base(r.Dir); m.Run == nil || name != m.Run.ID {
		v.Dir = line(name)
	}
	if !m.Started.IsZero() {
		v.Started, v.Ended = m.Started.UTC().Format(time.RFC3339), m.Ended.UTC().Format(time.RFC3339)
		v.Took = reports.Span(m.Ended.Sub(m.Started))
	}
	if run := m.Run; run != nil {
		v.ID, v.Version, v.Seed = line(run.ID), line(run.Version), fmt.Sprintf("%x (%d)", run.Seed, run.Seed)
		v.Command = reports.ShellWords(run.Command)
		if h := run.Host; h != (event.Host{}) {
			v.Host = fmt.Sprintf("Linux %s, %s, %s, %s", line(h.Kernel), line(h.CPU), count(h.Cores, "core", "cores"), size(h.Memory))
		}
		if run.Shard != nil {
			v.Shard = run.Shard.String()
		}
		for _, from := range run.Merged {
			v.Merged = append(v.Merged, line(from.ID))
		}
	}
	v.Warnings, v.More = warnings(m.Warnings)
	for _, t := range m.Targets {
		v.Targets = append(v.Targets, describeTarget(t))
	}
	return v
}

// maxNotes is how many warnings of a run or target are shown.
const maxNotes = 50

func warnings(w reports.Warnings) (list []string, more int) {
	for _, one := range w.List[:min(maxNotes, len(w.List))] {
		text := line(one.Text)
		if one.Line > 0 {
			text = fmt.Sprintf("line %d: %s", one.Line, text)
		}
		list = append(list, text)
	}
	return list, len(w.List) - len(list) + w.More
}

func describeTarget(t *reports.Target) targetView {
	v := targetView{Name: line(t.Name), What: line(t.What())}
	if plan := t.Plan; plan != nil {
		v.Backend, v.Accel, v.Why, v.Command = line(plan.Backend), line(plan.Accel), line(plan.Why), reports.ShellWords(plan.Command)
		for _, a := range plan.Parts {
			v.Parts = append(v.Parts, event.Artefact{Role: line(a.Role), Package: line(a.Package), Version: line(a.Version), SHA256: line(a.SHA256)})
		}
	}
	for _, b := range t.Boots[:min(maxNotes, len(t.Boots))] {
		text := fmt.Sprintf("%d: did not come up", b.Number)
		if b.Booted {
			text = fmt.Sprintf("%d: up in %s", b.Number, reports.Span(b.Took))
		}
		if b.End != "" {
			text += ", " + line(b.End)
		}
		v.Boots = append(v.Boots, text)
	}
	for _, p := range t.Probes[:min(500, len(t.Probes))] {
		v.Probes = append(v.Probes, reports.Probe{Name: line(p.Name), Reason: line(p.Reason)})
	}
	v.Warnings, _ = warnings(t.Warnings)
	return v
}

func card(t *reports.Target, mark string) cardView {
	c := t.Counts
	v := cardView{Mark: mark, Name: line(t.Name), What: line(t.What()), Verdict: "good"}
	switch {
	case c.Fail > c.Known:
		v.Verdict = "failed"
	case c.Broken+c.NotJudged > 0, len(t.Doubts) > 0, c.Pass+c.Known == 0:
		v.Verdict = "unjudged"
	}
	if t.Missed != nil {
		v.Missed, v.Fix = block(t.Missed.Reason), line(t.Missed.Fix)
	}
	if t.Duration > 0 {
		v.Took = reports.Span(t.Duration)
	}
	for _, d := range t.Doubts {
		v.Doubts = append(v.Doubts, line(d))
	}
	for _, s := range t.Suites {
		n := s.Counts
		v.Suites = append(v.Suites, suiteView{line(s.Name), n.Pass, n.Fail - n.Known, n.Known, n.NotApplicable, n.Broken, n.NotJudged, reports.Span(s.Duration)})
	}
	x := 0.0
	for _, s := range []segment{
		{Class: "p", Name: "passed", Count: c.Pass}, {Class: "f", Name: "failed", Count: c.Fail - c.Known}, {Class: "k", Name: "known failures", Count: c.Known},
		{Class: "b", Name: "broken", Count: c.Broken}, {Class: "o", Name: "not run", Count: c.NotJudged}, {Class: "n", Name: "not applicable", Count: c.NotApplicable},
	} {
		if s.Count > 0 {
			s.X, s.Width = x, 1000*float64(s.Count)/float64(c.Total())
			x += s.Width
			v.Segments = append(v.Segments, s)
		}
	}
	return v
}

func size(bytes int64) string {
	return strings.Replace(reports.Size(bytes), " ", "\u202f", 1)
}
