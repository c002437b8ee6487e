package reports

import (
	"fmt"
	"strings"
	"time"
)

// enough is how many specs must have ended before the time that is left is guessed.
const enough = 5

// liveLine is the state of the run in one line.
func (p *Progress) liveLine(now time.Time) string {
	if transfers := p.moving(now); len(transfers) > 0 {
		return p.transferLine(now, transfers)
	}
	if len(p.work) > 0 {
		return p.workLine(now)
	}
	m := p.fold.m
	targets, ended, waiting := 0, 0, 0
	var running []string
	for _, t := range m.Targets {
		if t.Missed != nil {
			continue
		}
		targets++
		if t.Ended {
			ended++
			continue
		}
		if len(t.Specs) == 0 {
			waiting++
		}
		if n := len(t.open); n > 0 {
			running = append(running, Clip(Clean(t.open[n-1].ID), 60))
		}
	}
	parts := []string{clock(now.Sub(p.start))}
	if targets > 0 {
		parts = append(parts, fmt.Sprintf("targets %d/%d", ended, targets))
	}
	total := m.Counts.Total()
	done := total - m.Counts.NotJudged
	if total > 0 {
		parts = append(parts, fmt.Sprintf("specs %d/%d", done, total), fmt.Sprintf("%d failed", m.Counts.Fail-m.Counts.Known))
		if n := m.Counts.Known; n > 0 {
			parts = append(parts, fmt.Sprintf("%d known", n))
		}
		if n := m.Counts.Broken; n > 0 {
			parts = append(parts, fmt.Sprintf("%d broken", n))
		}
	}
	if left, ok := p.left(now, done, total); ok && waiting == 0 {
		parts = append(parts, "about "+ahead(left)+" left")
	}
	if len(running) > 0 {
		parts = append(parts, strings.Join(running, " "))
	}
	return strings.Join(parts, " · ")
}

// left guesses the time to the end from the pace so far.
func (p *Progress) left(now time.Time, done, total int) (time.Duration, bool) {
	if p.judging.IsZero() || done < enough || done >= total {
		return 0, false
	}
	pace := float64(now.Sub(p.judging)) / float64(done)
	return time.Duration(pace * float64(total-done)).Round(time.Second), true
}
