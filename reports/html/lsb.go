package html

import (
	"strings"

	"xtest/reports"
)

// lsbView is the Linux Standard Base's two readings of one target: strict, as the text says, and effective,
// with the waivers that are published.
type lsbView struct {
	Mark, Name string
	Groups     []lsbGroup
	Waivers    []waiverView
}

type lsbGroup struct {
	Name                                   string
	Strict, Effective, Judged, Failed, Out int
	StrictX, WaivedX                       float64 // thousandths of the judged
}

type waiverView struct{ Entry, Why, Specs string }

func readings(runs []*Run) (list []lsbView) {
	for i, r := range runs {
		for _, t := range r.Model.Targets {
			groups := t.Groups(func(s *reports.Spec) bool { return s.Suite == "lsb" })
			if len(groups) == 0 {
				continue
			}
			v := lsbView{Name: line(t.Name)}
			if len(runs) > 1 {
				v.Mark = reports.Mark(i)
			}
			var sum reports.Counts
			for _, g := range groups {
				v.Groups = append(v.Groups, group(g.Name, g.Counts))
				sum.Pass, sum.Fail, sum.Known = sum.Pass+g.Counts.Pass, sum.Fail+g.Counts.Fail, sum.Known+g.Counts.Known
				sum.NotApplicable, sum.Broken, sum.NotJudged = sum.NotApplicable+g.Counts.NotApplicable, sum.Broken+g.Counts.Broken, sum.NotJudged+g.Counts.NotJudged
			}
			v.Groups = append(v.Groups, group("all", sum))
			v.Waivers = waivers(t)
			list = append(list, v)
		}
	}
	return list
}

func group(name string, c reports.Counts) lsbGroup {
	g := lsbGroup{
		Name: line(name), Strict: c.Pass, Effective: c.Pass + c.Known, Judged: c.Judged(),
		Failed: c.Fail - c.Known, Out: c.NotApplicable + c.Broken + c.NotJudged,
	}
	if g.Judged > 0 {
		g.StrictX = 1000 * float64(g.Strict) / float64(g.Judged)
		g.WaivedX = 1000 * float64(c.Known) / float64(g.Judged)
	}
	return g
}

// waivers are the excuses that were used, each with its specs.
func waivers(t *reports.Target) (list []waiverView) {
	at := map[string]int{}
	for _, s := range t.Specs {
		if s.Suite != "lsb" || !s.Result.Excused() {
			continue
		}
		k := s.Result.Known
		i, ok := at[k.Entry]
		if !ok {
			i = len(list)
			at[k.Entry] = i
			list = append(list, waiverView{Entry: line(k.Entry), Why: line(reports.Excuse(k))})
		}
		list[i].Specs = strings.TrimPrefix(list[i].Specs+", "+line(s.ID), ", ")
	}
	return list
}
