package html

import (
	"bufio"
	"fmt"
	"io"
	"net/url"

	"xtest/reports"
)

// Entry is a run in a list of runs.
type Entry struct {
	// Name is the run's, as it stands in addresses.
	Name string
	// Broken is why it could not be read, or empty.
	Broken string
	view   runView
	names  []string // its targets'
}

// Summary makes an entry of a run. It holds nothing of the model.
func Summary(name string, m *reports.Model) Entry {
	e := Entry{Name: name, view: describeRun(&Run{Model: m}, "")}
	for _, t := range m.Targets[:min(len(m.Targets), maxColumns)] {
		e.names = append(e.names, line(t.Name))
	}
	e.view.Targets = nil
	return e
}

// Address is where a server shows a run.
func Address(name string) string { return "/run/" + url.PathEscape(name) }

// Consoles is what stands before the names of a run's console logs on a server.
func Consoles(name string) string { return "/console/" + url.PathEscape(name) + "/" }

// Index writes the list of the runs below a folder, as a server shows it. left are those that are not in it,
// campaigns those that fuzzing left, which have a page of their own.
func Index(w io.Writer, dir string, entries []Entry, left, campaigns int) error {
	m := markup{bufio.NewWriter(w)}
	p := &page{Title: "xtest · " + line(dir), Verdict: "good", Index: true}
	p.head(m)
	m.add(`<section id="glance" aria-labelledby="answer"><h1 id="answer">%s</h1><p class="sub mono">%s</p>
`, count(len(entries)+left, "run", "runs"), line(dir))
	if left > 0 {
		m.add(`<p class="note">The newest %s are listed.</p>`, count(len(entries), "run", "runs"))
	}
	if campaigns > 0 {
		m.add(`<p><a href="/fuzzing">fuzzing: %s</a></p>`, count(campaigns, "campaign", "campaigns"))
	}
	if len(entries) == 0 {
		m.add(`<p class="note">There is no run here. <code>xtest run --runs %s</code> keeps one.</p>`, reports.ShellWords([]string{dir}))
	} else {
		list(m, entries)
	}
	m.add("</section>\n")
	p.foot(m)
	m.w.WriteString("<script>" + script + "</script>\n</body>\n</html>\n")
	if err := m.w.Flush(); err != nil {
		return fmt.Errorf("writing the list of runs: %w", err)
	}
	return nil
}

func list(m markup, entries []Entry) {
	m.add(`<form method="get" action="/compare"><p><label class="find">Find <input type="search" data-filter="runs-t" autocomplete="off" spellcheck="false"></label>
<button>Chosen ones side by side</button> <a href="/history">all of them, as history</a></p>
<div class="scroll tall" tabindex="0" role="region" aria-labelledby="answer"><table id="runs-t"><thead><tr><th scope="col"><span class="vh">choose</span></th><th scope="col">run</th><th scope="col">targets</th><th scope="col">started</th><th scope="col">took</th><th scope="col">pass</th><th scope="col">fail</th><th scope="col">known</th><th scope="col">broken</th><th scope="col">result</th></tr></thead><tbody>
`)
	for _, e := range entries {
		name := line(e.Name)
		if e.Broken != "" {
			m.add(`<tr><td></td><th scope="row" class="mono">%s</th><td colspan="8" class="warn">could not be read: %s</td></tr>
`, name, line(e.Broken))
			continue
		}
		v := e.view
		m.add(`<tr><td><input type="checkbox" name="run" value="%s" aria-label="choose %s"></td><th scope="row" class="mono"><a href="%s">%s</a></th><td>%s</td><td>%s</td><td>%s</td>`,
			e.Name, name, Address(e.Name), name, join(e.names), v.Started, v.Took)
		m.cell("", v.Pass)
		m.cell("f", v.Fail)
		m.cell("", v.Known)
		m.cell("b", v.Broken)
		word := pill(v.Verdict)
		if !v.Whole {
			word += ", no end"
		}
		m.add(`<td><span class="pill %s">%s</span></td></tr>
`, v.Verdict, word)
	}
	m.add("</tbody></table></div></form>\n")
}
