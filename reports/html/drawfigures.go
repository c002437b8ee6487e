package html

// draw writes the plot as SVG.
func (p *plot) draw(m markup) {
	if p == nil {
		return
	}
	m.add(`<svg class="plot" viewBox="0 0 %s %s" role="img" aria-label="%s">`, p.Width, p.Height, p.Label)
	for _, c := range p.Curves {
		m.add(`<g class="%s"><path class="area" d="%s"/><path class="line" d="%s"/></g>`, c.Class, c.Area, c.Line)
	}
	for _, s := range p.Strips {
		m.add(`<g class="%s"><path class="dots" d="%s"/><rect class="box" x="%s" y="%s" width="%s" height="12" rx="2"/><path class="mid" d="M%s %sv12"/></g>`,
			s.Class, s.Dots, s.BoxX, s.BoxY, s.BoxW, s.Mid, s.BoxY)
	}
	side := "left"
	if p.AxisY > 0 {
		side = ""
		m.add(`<path class="axis" d="M%s %sH%s"/>`, plotMargin, p.AxisY, p.Width-plotMargin)
	}
	for _, t := range p.Ticks {
		m.add(`<text class="tick %s" x="%s" y="%s">%s</text>`, side, t.X, t.Y, t.Text)
	}
	for _, t := range p.Below {
		m.add(`<text class="tick" x="%s" y="%s">%s</text>`, t.X, t.Y, t.Text)
	}
	for _, x := range p.At {
		m.add(`<path class="at" d="M%s %sV%s"/>`, x, plotMargin/2, p.Height-plotMargin/2)
	}
	for _, k := range p.Marks {
		m.add(`<g class="%s"><circle cx="%s" cy="%s" r="3.5"/><title>%s</title></g>`, k.Class, k.X, k.Y, k.Text)
	}
	m.add("</svg>\n")
}

func (v *benchView) draw(m markup) {
	if v == nil {
		return
	}
	m.add(`<section id="benchmarks" aria-labelledby="bench-h"><h2 id="bench-h">Benchmarks</h2>
<p class="sub">The first row is the base. A boot gives one value, the median of its samples. Curves are densities; below them each stroke is one value, the box is the middle half, the line in it the median.</p>
`)
	m.each("<p class=\"note\">%s</p>\n", v.Notes)
	counters := false
	for _, b := range v.Items {
		if b.rank == explains && !counters {
			counters = true
			m.add("<h3>Counters that differ</h3><p class=\"sub\">They explain and do not judge: more of them is neither better nor worse.</p>\n")
		}
		m.add(`<figure class="bench"><figcaption><h3 class="mono">%s</h3> <span class="unit">%s · %s</span></figcaption>`, b.Name, b.Unit, b.Of)
		b.Plot.draw(m)
		heads := []string{"target", "median", "middle half", "change"}
		if b.Judged {
			heads = append(heads, "interval", "verdict")
		}
		m.add(`<div class="scroll" tabindex="0" role="region" aria-label="Figures of %s in %s">`, b.Name, b.Unit)
		m.heads("small", append(heads, "of")...)
		for _, r := range b.Rows {
			m.add(`<tr><th scope="row"><span class="swatch %s" aria-hidden="true"></span>%s</th><td>%s</td><td>%s</td><td>%s</td>`, r.Class, r.Name, r.Median, r.Half, r.Change)
			if b.Judged {
				m.add(`<td>%s</td><td class="%s">%s <span class="dim">%s</span></td>`, r.Interval, r.VerdictClass, r.Verdict, r.P)
			}
			m.add("<td>%s</td></tr>", r.Count)
			m.maybe(`<tr><td colspan="7" class="dim">%s</td></tr>`, r.Why)
		}
		m.add("</tbody></table></div></figure>\n")
	}
	if v.Left > 0 {
		m.add(`<p class="note">%s drawn.</p>`, count(v.Left, "more is not", "more are not"))
	}
	if v.Counters > 0 {
		m.add(`<p class="sub">%s not known to differ, and not drawn.</p>`, count(v.Counters, "counter is", "counters are"))
	}
	m.add("</section>\n")
}

func (v *historyView) draw(m markup) {
	if v == nil {
		return
	}
	m.add(`<section id="history" aria-labelledby="history-h"><h2 id="history-h">History</h2><div class="scroll">`)
	m.heads("", "run", "started", "pass", "fail", "known", "broken", "exit status")
	for _, r := range v.Runs {
		m.add(`<tr><th scope="row" class="mono">%s</th><td>%s</td>`, r.ID, r.Started)
		m.cell("", r.Pass)
		m.cell("f", r.Fail)
		m.cell("", r.Known)
		m.cell("b", r.Broken)
		m.add("<td><span class=\"pill %s\">%s</span></td></tr>\n", r.Verdict, r.Exit)
	}
	m.add("</tbody></table></div>\n")
	for _, h := range v.Items {
		m.add(`<figure class="bench"><figcaption><h3 class="mono">%s</h3> <span class="unit">%s · %s</span></figcaption>`, h.Name, h.Unit, h.Target)
		h.Plot.draw(m)
		m.add("<div>")
		m.each(`<p class="change">%s</p>`, h.Changes)
		if len(h.Changes) == 0 {
			m.add(`<p class="sub">no change is known</p>`)
		}
		if h.Elsewhere > 0 {
			m.add(`<p class="sub">%s of other machines left out, whose time does not compare</p>`, count(h.Elsewhere, "run", "runs"))
		}
		m.add("</div>")
		m.add("</figure>\n")
	}
	if v.Left > 0 {
		m.add(`<p class="note">%s drawn.</p>`, count(v.Left, "more is not", "more are not"))
	}
	m.add("</section>\n")
}

func (v *answersView) draw(m markup) {
	if v == nil {
		return
	}
	m.add(`<section id="answers" aria-labelledby="answers-h"><h2 id="answers-h">Raw answers that differ</h2>
<p class="sub">%s of %s that more than one target gave. Some differ from boot to boot by nature: an address, a counter, a date.</p>
`, thousands(len(v.Rows)+v.Left), count(v.Compared, "answer", "answers"))
	if len(v.Rows) > 0 {
		m.add(`<label class="find">Find <input type="search" data-filter="answers-t" autocomplete="off" spellcheck="false"></label>
<div class="scroll tall" tabindex="0" role="region" aria-labelledby="answers-h"><table id="answers-t"><thead><tr><th scope="col">spec</th><th scope="col">call</th><th scope="col">answers</th></tr></thead><tbody>
`)
		for _, r := range v.Rows {
			m.add(`<tr><th scope="row" class="mono">%s</th><td class="mono">%s</td><td><dl class="values">`, r.Spec, r.Call)
			for _, a := range r.Values {
				m.add(`<div><dt>%s</dt><dd class="mono">%s`, join(a.Names), a.Text)
				if a.New {
					m.add(` <span class="tag">new</span>`)
				}
				m.add("</dd></div>")
			}
			m.add("</dl></td></tr>\n")
		}
		m.add("</tbody></table></div>")
	}
	if v.Left > 0 {
		m.add(`<p class="note">%s not shown; <code>xtest compare</code> has them all.</p>`, count(v.Left, "more is", "more are"))
	}
	m.add("</section>\n")
}

func drawLSB(m markup, list []lsbView) {
	if len(list) == 0 {
		return
	}
	m.add(`<section id="lsb" aria-labelledby="lsb-h"><h2 id="lsb-h">Linux Standard Base, strict and effective</h2>
<p class="sub">Strict is what the text asks for. Effective leaves out failures that a published waiver or erratum excuses, or that are known.</p><div class="columns">
`)
	for _, v := range list {
		m.add(`<div class="card"><h3>`)
		m.mark(v.Mark)
		m.add("%s</h3>", v.Name)
		m.add(`<div class="scroll" tabindex="0" role="region" aria-label="Groups of %s">`, v.Name)
		m.heads("small", "group", "strict", "effective", "fail", "not judged", "share")
		for _, g := range v.Groups {
			class := ""
			if g.Name == "all" {
				class = "sum"
			}
			m.add(`<tr class="%s"><th scope="row">%s</th>`, class, g.Name)
			if g.Judged > 0 {
				m.add("<td>%s/%s</td><td>%s/%s</td>", g.Strict, g.Judged, g.Effective, g.Judged)
			} else {
				m.add("<td>–</td><td>–</td>")
			}
			m.cell("f", g.Failed)
			m.cell("", g.Out)
			m.add(`<td><svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><rect class="rest" width="1000" height="10"/><rect class="p" width="%s" height="10"/><rect class="k" x="%s" width="%s" height="10"/></svg></td></tr>
`, g.StrictX, g.StrictX, g.WaivedX)
		}
		m.add("</tbody></table></div>")
		if len(v.Waivers) > 0 {
			m.add("<details><summary>%s used</summary><dl>", count(len(v.Waivers), "waiver was", "waivers were"))
			for _, w := range v.Waivers {
				m.add(`<dt>%s</dt><dd>%s<br><span class="mono dim">%s</span></dd>`, w.Entry, w.Why, w.Specs)
			}
			m.add("</dl></details>")
		}
		m.add("</div>\n")
	}
	m.add("</div></section>\n")
}
