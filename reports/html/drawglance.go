package html

import "slices"

// pill is a verdict in words.
func pill(verdict string) string {
	switch verdict {
	case "unjudged":
		return "not judged"
	case "good":
		return "passed"
	}
	return verdict
}

// head opens the page, up to its first section.
func (p *page) head(m markup) {
	m.add(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="%s">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>%s</title>
`, Policy(), p.Title)
	m.w.WriteString("<style>" + style + "</style>")
	m.add(`
</head>
<body class="%s">
<a class="skip" href="#answer">Skip to the answer</a>
<header class="top">
<span class="word">`, p.Verdict)
	if p.Home == "" {
		m.add("xtest")
	} else {
		m.add(`<a href="%s">xtest</a>`, p.Home)
	}
	m.add(`</span>
<nav aria-label="Sections">`)
	for _, s := range []struct {
		is         bool
		link, name string
	}{
		{p.Index, "answer", "Runs"}, {!p.Index, "glance", "At a glance"},
		{p.Matrix, "matrix", "Matrix"}, {p.Bench != nil, "benchmarks", "Benchmarks"}, {p.History != nil, "history", "History"},
		{p.Answers != nil, "answers", "Raw answers"}, {len(p.LSB) > 0, "lsb", "LSB"}, {len(p.Campaigns) > 0, "fuzzing", "Fuzzing"}, {len(p.Runs) > 0, "evidence", "Evidence"},
	} {
		if s.is {
			m.add(` <a href="#%s">%s</a>`, s.link, s.name)
		}
	}
	m.add(`</nav>
<button type="button" id="theme" aria-label="Colours: as the system has them" title="Colours: light, dark, or as the system has them"><span aria-hidden="true">◐</span></button>
</header>
<main>
`)
}

// glance answers first what came of it.
func (p *page) glance(m markup) {
	m.add(`<section id="glance" aria-labelledby="answer"><p class="pill %s">%s</p><h1 id="answer">%s</h1>
`, p.Verdict, pill(p.Verdict), p.Head)
	for _, r := range p.Runs {
		m.add(`<p class="sub">`)
		m.mark(r.Mark)
		m.add(`<span class="mono">%s</span> · %s`, r.ID, r.Tally)
		if !r.Whole {
			m.add(` · <strong class="warn">the run's end is not on the record: xtest was ended before it was done, or is at work</strong>`)
		} else {
			m.maybe(` · <strong class="warn">the run ended: %s</strong>`, r.EndReason)
		}
		m.add("</p>\n")
	}
	if p.Bench != nil && p.Bench.Ranks != [ranks]int{} {
		n := p.Bench.Ranks
		m.add(`<p class="sub"><a href="#benchmarks">benchmarks</a>: %s worse, %s better, %s same, %s unknown`, n[worse], n[better], n[alike], n[unsure])
		if n[explains] > 0 {
			m.add("; %s", count(n[explains], "counter differs", "counters differ"))
		}
		m.add("</p>\n")
	}
	if len(p.Unread) > 0 {
		m.add(`<div class="note warn"><b>Could not be read</b><ul>`)
		m.each("<li>%s</li>", p.Unread)
		m.add("</ul></div>\n")
	}
	for _, r := range p.Runs {
		if len(r.Warnings) == 0 {
			continue
		}
		m.add(`<details class="note"><summary>`)
		m.mark(r.Mark)
		m.add("%s on the record of %s</summary><ul>", count(len(r.Warnings)+r.More, "remark", "remarks"), r.ID)
		m.each("<li>%s</li>", r.Warnings)
		if r.More > 0 {
			m.add("<li>… and %s more</li>", r.More)
		}
		m.add("</ul></details>\n")
	}
	m.each("<p class=\"note\">%s</p>\n", p.Notes)
	m.add(`<ul class="cards">`)
	for _, c := range p.Cards {
		c.draw(m)
	}
	m.add("</ul></section>\n")
}

func (c cardView) draw(m markup) {
	m.add(`<li class="card %s"><h2>`, c.Verdict)
	m.mark(c.Mark)
	m.add(`%s</h2><p class="what">%s`, c.Name, c.What)
	m.maybe(` · <span class="nb">%s</span>`, c.Took)
	m.add("</p>")
	if len(c.Segments) > 0 {
		label := ""
		for _, s := range c.Segments {
			label += count(s.Count, s.Name, s.Name) + ", "
		}
		m.add(`<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="%s">`, label[:len(label)-2])
		for _, s := range c.Segments {
			m.add(`<rect class="%s" x="%s" width="%s" height="10"/>`, s.Class, s.X, s.Width)
		}
		m.add(`</svg><p class="legend" aria-hidden="true">`)
		for _, s := range c.Segments {
			m.add(`<span class="key %s">%s %s</span> `, s.Class, s.Count, s.Name)
		}
		m.add("</p>")
	}
	m.maybe(`<p class="warn pre">missed: %s</p>`, c.Missed)
	m.maybe("<p>fix: <code>%s</code></p>", c.Fix)
	m.each(`<p class="warn">%s</p>`, c.Doubts)
	if len(c.Suites) > 0 {
		c.suites(m)
	}
	m.add("</li>\n")
}

// suites writes their counts. What is 0 for all of them has no column.
func (c cardView) suites(m markup) {
	columns := []struct {
		name, class string
		of          func(suiteView) int
		always      bool
	}{
		{"pass", "", func(s suiteView) int { return s.Pass }, true},
		{"fail", "f", func(s suiteView) int { return s.Fail }, true},
		{"known", "", func(s suiteView) int { return s.Known }, false},
		{"n/a", "", func(s suiteView) int { return s.NotApplicable }, true},
		{"broken", "b", func(s suiteView) int { return s.Broken }, false},
		{"not run", "b", func(s suiteView) int { return s.Open }, false},
	}
	heads := []string{"suite"}
	for i, col := range columns {
		columns[i].always = col.always || slices.ContainsFunc(c.Suites, func(s suiteView) bool { return col.of(s) > 0 })
		if columns[i].always {
			heads = append(heads, col.name)
		}
	}
	m.heads("small", append(heads, "time")...)
	for _, s := range c.Suites {
		m.add(`<tr><th scope="row">%s</th>`, s.Name)
		for _, col := range columns {
			if col.always {
				m.cell(col.class, col.of(s))
			}
		}
		m.add("<td>%s</td></tr>\n", s.Took)
	}
	m.add("</tbody></table>")
}

// matrix is what the script draws its grid into.
func (p *page) matrix(m markup) {
	if !p.Matrix {
		return
	}
	m.add(`<section id="matrix" aria-labelledby="matrix-h">
<h2 id="matrix-h">Targets × specs</h2>
<noscript><p class="note">The matrix needs the script of this page. <code>xtest report RUN --diff --all</code> shows it on a terminal.</p></noscript>
<form id="tools" role="search" aria-label="Filter the matrix" hidden>
<label class="grow"><span class="vh">Search specs, clauses and what was seen</span><input id="q" type="search" placeholder="Search specs, clauses, results" autocomplete="off" spellcheck="false"></label>
<div class="chips" role="group" aria-label="Verdicts to show" id="chips"></div>
<label>Suite <select id="suite"><option value="">all</option></select></label>
<label>Target <select id="target"><option value="">any</option></select></label>
<label>Group by <select id="group"><option value="clause">suite and clause</option><option value="subject">suite and subject</option></select></label>
<button type="button" id="reset">Reset</button>
<button type="button" id="help" aria-haspopup="dialog">Keys</button>
</form>
<p id="status" role="status" aria-live="polite"></p>
<div class="split">
<div id="grid" role="treegrid" tabindex="0" aria-label="Specs and their verdicts on each target" aria-readonly="true"></div>
<aside id="detail" role="region" aria-labelledby="detail-h" tabindex="-1" hidden></aside>
</div>
<div id="print"></div>
<dialog id="keys" aria-labelledby="keys-h"><h3 id="keys-h">Keys</h3><dl>
<dt><kbd>/</kbd></dt><dd>search</dd><dt><kbd>↑</kbd> <kbd>↓</kbd> <kbd>j</kbd> <kbd>k</kbd></dt><dd>row by row; <kbd>PgUp</kbd> <kbd>PgDn</kbd> <kbd>Home</kbd> <kbd>End</kbd></dd>
<dt><kbd>n</kbd> <kbd>N</kbd></dt><dd>next, previous spec that failed or is broken</dd><dt><kbd>Enter</kbd></dt><dd>details of a spec; open or close a group</dd>
<dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>close, open a group</dd><dt><kbd>Esc</kbd></dt><dd>back; clear the search</dd><dt><kbd>?</kbd></dt><dd>this</dd></dl><form method="dialog"><button>Close</button></form></dialog>
</section>
`)
}

// foot closes the page. The script reads the data that stands before it.
func (p *page) foot(m markup) {
	m.add("</main>\n<footer><p>Drawn by xtest from the records alone.</p></footer>\n")
}
