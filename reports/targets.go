package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clipperhouse/displaywidth"

	"xtest/runner/event"
)

// targets writes one line for each target that booted, what a person should know of it, and the
// targets that were missed.
func (p *page) targets() {
	width := 0
	for _, t := range p.m.Targets {
		if t.Missed == nil || len(t.Boots) > 0 {
			width = max(width, min(displaywidth.String(Clean(t.Name)), 40))
		}
	}
	var missed []*Target
	shown := false
	for _, t := range p.m.Targets {
		if t.Missed != nil && len(t.Boots) == 0 {
			missed = append(missed, t)
			continue
		}
		if !shown {
			p.blank()
			shown = true
		}
		name := Clip(Clean(t.Name), 40)
		pad := strings.Repeat(" ", max(0, width-displaywidth.String(name)))
		p.line(plain, p.paintName(name)+pad+"   ", "    ", p.describe(t))
		for _, d := range t.Doubts {
			p.line(yellow, "    ! ", "      ", Clip(Clean(d), 600))
		}
		if t.Missed != nil {
			p.missed(t)
		}
		for _, w := range t.Warnings.List[:min(5, len(t.Warnings.List))] {
			p.line(dim, "    note  ", "          ", Clip(Clean(w.Text), 300))
		}
		if n := len(t.Warnings.List) - 5 + t.Warnings.More; n > 0 {
			p.line(dim, "    note  ", "          ", fmt.Sprintf("and %s; all that were kept are in --json", plural(n, "more", "more")))
		}
	}
	if len(missed) > 0 {
		p.blank()
	}
	for _, t := range missed {
		p.missed(t)
	}
}

// maxReasonLines is enough for the last words of a console.
const maxReasonLines = 30

// missed says why a target cannot be brought up and what mends it.
func (p *page) missed(t *Target) {
	first := p.paint(yellow, "missed") + "  " + p.paintName(Clip(Clean(t.Name), 40)) + "   "
	lines, _ := CleanLines(t.Missed.Reason, maxReasonLines)
	for _, l := range lines {
		p.line(plain, first, "        ", Clip(l, 400))
		first = "        "
	}
	if t.Missed.Fix != "" {
		p.line(plain, "        fix  ", "             ", Clip(Clean(t.Missed.Fix), 400))
	}
}

func (p *page) paintName(s string) string { return p.paint(bold, s) }

// describe is the part of a target's line behind its name.
func (p *page) describe(t *Target) string {
	var parts, what []string
	if t.Plan != nil && t.Plan.Target != "" && t.Plan.Target != t.Name {
		parts = append(parts, Clip(Clean(t.Plan.Target), 60))
	}
	if m := t.Machine(); m != nil {
		what = machine(m)
	}
	if t.Plan != nil && t.Plan.Accel != "" {
		accel := "QEMU/" + strings.ToUpper(Clean(t.Plan.Accel))
		if t.Plan.Why != "" {
			accel += p.footnote(t.Plan.Why)
		}
		what = append(what, accel)
	}
	if len(what) > 0 {
		parts = append(parts, strings.Join(what, ", "))
	}
	if t.Plan != nil {
		for _, a := range t.Plan.Parts {
			if a.Role == "rootfs" && a.Version != "" {
				parts = append(parts, "root: "+Clip(Clean(a.Version), 80))
			}
		}
	}
	if offline(t) {
		parts = append(parts, Clip(Clean(t.Plan.Why), maxValue))
	} else {
		parts = append(parts, boots(t))
	}
	if n := len(t.Crashes); n > 0 {
		parts = append(parts, plural(n, "crash", "crashes"))
	}
	var suites []string
	for _, s := range t.Suites {
		suites = append(suites, Clip(orDash(s.Name), 30))
	}
	if len(suites) > 0 {
		parts = append(parts, strings.Join(suites, " "))
	}
	return strings.Join(parts, " · ")
}

// machine says what came up, the tested layer first.
func machine(m *event.Machine) []string {
	var what []string
	if m.Hypervisor != "" {
		what = append(what, Clip(Clean(m.Hypervisor), 60))
	}
	kernel := "Linux " + Clip(Clean(m.Kernel), 60)
	if m.Flavour != "" {
		kernel += " (" + Clip(Clean(m.Flavour), 60) + ")"
	}
	what = append(what, kernel)
	if m.Distro != "" {
		what = append(what, Clip(Clean(m.Distro), 60))
	}
	return what
}

// What is a machine in a few words, cleaned: "Xen 4.17.7, Linux 6.1".
func What(m *event.Machine) string { return strings.Join(machine(m), ", ") }

func boots(t *Target) string {
	up := 0
	text := "did not boot"
	for _, b := range t.Boots {
		if !b.Booted {
			continue
		}
		if up++; up == 1 {
			text = "booted"
			if b.Took > 0 {
				text += " " + span(b.Took)
			}
		}
	}
	switch {
	case len(t.Boots) == 0:
		return "not started"
	case len(t.Boots) > 1:
		return fmt.Sprintf("%s, %d of %d boots came up", text, up, len(t.Boots))
	}
	return text
}

// footnote gives the mark of a footnote; the same text has one mark.
func (p *page) footnote(text string) string {
	i := slices.Index(p.notes, text)
	if i < 0 {
		i = len(p.notes)
		p.notes = append(p.notes, text)
	}
	return superscript(i + 1)
}

func superscript(n int) string {
	return strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴",
		"5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(fmt.Sprint(n))
}
