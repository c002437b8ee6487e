package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"
)

// enough is how many specs must have ended before the time that is left is guessed.
const enough = 5

// narrow is a terminal's width below which the live view has no room for bars and nouns, in cells.
const narrow = 64

// maxMachines is how many machines have a line in the live view, as far as the terminal is high enough.
const maxMachines = 8

// liveView is the state of the run, in lines that fit the terminal: the machines that are up, then the run.
func (p *Progress) liveView(now time.Time, height int) []string {
	var lines []string
	if len(p.moving(now)) == 0 && len(p.work) == 0 {
		lines = p.machineLines(now, min(maxMachines, height-3))
	}
	lines = append(lines, p.liveLine(now))
	for i, l := range lines {
		// The last column stays free: many terminals wrap when it is written.
		lines[i] = displaywidth.TruncateString(l, max(p.o.Width-1, 1), "…")
	}
	return lines
}

// machineLines shows the targets that have a machine, each with how far it is and what runs on it.
func (p *Progress) machineLines(now time.Time, room int) (lines []string) {
	var up []*Target
	width := 0
	for _, t := range p.fold.m.Targets {
		if t.Missed == nil && !t.Ended && len(t.Boots) > 0 {
			up = append(up, t)
			width = max(width, min(displaywidth.String(Clean(t.Name)), 30))
		}
	}
	if len(up) > room {
		room--
	}
	for _, t := range up[:max(min(room, len(up)), 0)] {
		lines = append(lines, " "+fit(Clean(t.Name), width)+"  "+p.machineLine(t, now))
	}
	if n := len(up) - len(lines); n > 0 && len(lines) > 0 {
		lines = append(lines, fmt.Sprintf(" and %s", plural(n, "more machine", "more machines")))
	}
	return lines
}

func (p *Progress) machineLine(t *Target, now time.Time) string {
	b := t.Boots[len(t.Boots)-1]
	since := func(from time.Time) string {
		if d := now.Sub(from); !from.IsZero() && d >= time.Second {
			return " " + ahead(d)
		}
		return ""
	}
	if !b.Booted {
		return "booting" + since(b.Started)
	}
	total := t.Counts.Total()
	done := total - t.Counts.NotJudged
	parts := []string{fmt.Sprintf("%d/%d", done, total)}
	if p.o.Width >= narrow {
		parts[0] = bar(done, total) + "  " + parts[0]
	}
	if n := t.Counts.Fail - t.Counts.Known; n > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", n))
	}
	if n := t.Counts.Broken; n > 0 {
		parts = append(parts, fmt.Sprintf("%d broken", n))
	}
	if b.Number > 1 {
		parts = append(parts, fmt.Sprintf("boot %d", b.Number))
	}
	if n := len(t.open); n > 0 {
		s := t.open[n-1]
		parts = append(parts, Clip(Clean(s.ID), 60)+since(s.started))
	}
	return strings.Join(parts, " · ")
}

// bar shows a part of a whole.
func bar(done, total int) string {
	const wide = 16
	full := 0
	if total > 0 {
		full = done * wide / total
	}
	return strings.Repeat("━", full) + strings.Repeat("┄", wide-full)
}

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
	for _, t := range m.Targets {
		if t.Missed != nil {
			continue
		}
		targets++
		if t.Ended {
			ended++
		} else if len(t.Specs) == 0 {
			waiting++
		}
	}
	targetsOf, specsOf, about := "targets %d/%d", "specs %d/%d", "about %s left"
	if p.o.Width < narrow {
		targetsOf, specsOf, about = "%d/%d", "%d/%d", "%s"
	}
	parts := []string{clock(now.Sub(p.start))}
	if targets > 0 {
		parts = append(parts, fmt.Sprintf(targetsOf, ended, targets))
	}
	total := m.Counts.Total()
	done := total - m.Counts.NotJudged
	if total > 0 {
		parts = append(parts, fmt.Sprintf(specsOf, done, total), fmt.Sprintf("%d failed", m.Counts.Fail-m.Counts.Known))
		if n := m.Counts.Known; n > 0 {
			parts = append(parts, fmt.Sprintf("%d known", n))
		}
		if n := m.Counts.Broken; n > 0 {
			parts = append(parts, fmt.Sprintf("%d broken", n))
		}
	}
	if left, ok := p.left(now, done, total); ok && waiting == 0 {
		parts = append(parts, fmt.Sprintf(about, ahead(left)))
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
