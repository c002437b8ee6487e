package html

// evidence is what the page can stand on.
func (p *page) evidence(m markup) {
	if len(p.Runs) == 0 {
		return
	}
	m.add(`<section id="evidence" aria-labelledby="evidence-h"><h2 id="evidence-h">Evidence</h2>
<p class="sub">What was judged, on what, with which versions. The record's hash names the events that all of this was drawn from.</p>
`)
	for _, r := range p.Runs {
		r.draw(m)
	}
	m.add("</section>\n")
}

func (r runView) draw(m markup) {
	m.add(`<article class="run"><h3>`)
	m.mark(r.Mark)
	m.add(`<span class="mono">%s</span></h3><dl class="facts">`, r.ID)
	m.maybe("<dt>command</dt><dd><code>%s</code></dd>", r.Command)
	m.maybe("<dt>xtest</dt><dd>%s</dd>", r.Version)
	m.maybe(`<dt>seed</dt><dd class="mono">%s</dd>`, r.Seed)
	m.maybe("<dt>host</dt><dd>%s</dd>", r.Host)
	if r.Started != "" {
		m.add("<dt>time</dt><dd>%s to %s (%s)</dd>", r.Started, r.Ended, r.Took)
	}
	m.maybe("<dt>part</dt><dd>%s</dd>", r.Shard)
	m.maybe(`<dt>merged from</dt><dd class="mono">%s</dd>`, join(r.Merged))
	m.add(`<dt>exit status</dt><dd>%s</dd>`, r.Exit)
	m.maybe(`<dt>folder</dt><dd class="mono">%s</dd>`, r.Dir)
	if r.SHA256 != "" {
		m.add(`<dt>record</dt><dd class="mono hash">SHA-256 %s</dd></dl>
`, r.SHA256)
	} else {
		m.add("<dt>record</dt><dd>the run is at work: it grew while this was drawn</dd></dl>\n")
	}
	for _, t := range r.Targets {
		t.draw(m)
	}
	m.add("</article>\n")
}

func (t targetView) draw(m markup) {
	m.add(`<details class="target"><summary><b>%s</b> <span class="dim">%s</span></summary><dl class="facts">`, t.Name, t.What)
	if t.Backend != "" {
		m.add("<dt>backend</dt><dd>%s", t.Backend)
		m.maybe(", %s", t.Accel)
		m.maybe(" (%s)", t.Why)
		m.add("</dd>")
	}
	m.maybe("<dt>machine</dt><dd><code>%s</code></dd>", t.Command)
	if len(t.Boots) > 0 {
		m.add("<dt>boots</dt><dd>")
		m.each("%s<br>", t.Boots)
		m.add("</dd>")
	}
	m.add("</dl>")
	if len(t.Parts) > 0 {
		m.add(`<div class="scroll">`)
		m.heads("small", "part", "package", "version", "SHA-256")
		for _, a := range t.Parts {
			m.add(`<tr><th scope="row">%s</th><td class="mono">%s</td><td class="mono">%s</td><td class="mono hash">%s</td></tr>`, a.Role, a.Package, a.Version, a.SHA256)
		}
		m.add("</tbody></table></div>")
	}
	if len(t.Warnings) > 0 {
		m.add("<h4>Noted</h4><ul>")
		m.each("<li>%s</li>", t.Warnings)
		m.add("</ul>")
	}
	if len(t.Probes) > 0 {
		m.add(`<details><summary>%s</summary><div class="scroll">`, count(len(t.Probes), "probe", "probes"))
		m.heads("small", "capability", "is there")
		for _, p := range t.Probes {
			there := "yes"
			if p.Reason != "" {
				there = "no: " + p.Reason
			}
			m.add(`<tr><th scope="row">%s</th><td>%s</td></tr>`, p.Name, there)
		}
		m.add("</tbody></table></div></details>")
	}
	m.add("</details>\n")
}
