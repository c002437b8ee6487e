package reports

import (
	"cmp"
	"fmt"

	"xtest/runner/event"
)

// newAnswers writes the answers that the expectations do not know. They count as no failure; somebody
// has to look.
func (p *page) newAnswers() {
	shown, all := 0, 0
	for _, t := range p.m.Targets {
		for _, s := range t.Specs {
			for _, a := range s.fresh() {
				if all++; all == 1 {
					p.blank()
					p.line(yellow, "", "", "new answers: the expectations do not know them, and they are not judged")
				}
				if shown == maxReasons {
					continue
				}
				shown++
				text := fmt.Sprintf("%s: %s = %s, known: %s", Clean(s.ID), Clean(a.Call), Clean(a.Value), Clean(cmp.Or(a.Known, "none")))
				p.line(plain, "      ", "        ", Clip(text, maxValue)+", on "+Clip(Clean(t.Name), 60))
			}
		}
	}
	if all > shown {
		p.line(dim, "      ", "      ", fmt.Sprintf("… and %d more; all are in --json", all-shown))
	}
}

// fresh are the spec's answers that are new.
func (s *Spec) fresh() (list []event.Answer) {
	if s.Result == nil {
		return nil
	}
	for _, a := range s.Result.Answers {
		if a.New {
			list = append(list, a)
		}
	}
	return list
}
