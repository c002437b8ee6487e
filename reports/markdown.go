package reports

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"xtest/runner/event"
)

// maxMarked is how many specs that failed or are broken a page of Markdown tells of: forges cut what is
// longer than some 60 kB.
const maxMarked = 50

// Markdown writes the model as a page for a merge request or a job's summary: the counts, and what failed or
// is broken behind folds. It uses the tables and details that GitHub and GitLab show.
func Markdown(w io.Writer, m *Model) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "### xtest: %s\n\n", plainText(m.Tally()))
	fmt.Fprint(out, "| target | what | suite | pass | fail | n/a | broken | not run |\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n")
	for _, t := range m.Targets {
		for _, s := range t.Suites {
			c := s.Counts
			fmt.Fprintf(out, "| %s | %s | %s | %d | %d | %d | %d | %d |\n", plainText(t.Name), plainText(t.What()), plainText(s.Name), c.Pass, c.Fail, c.NotApplicable, c.Broken, c.NotJudged)
		}
		if len(t.Suites) == 0 {
			fmt.Fprintf(out, "| %s | %s | | | | | | |\n", plainText(t.Name), plainText(t.What()))
		}
	}
	shown, all := 0, 0
	for _, t := range m.Targets {
		if t.Missed != nil {
			fmt.Fprintf(out, "\n**missed** %s: %s\n", plainText(t.Name), plainText(t.Missed.Reason))
		}
		for _, d := range t.Doubts {
			fmt.Fprintf(out, "\n**in doubt** %s: %s\n", plainText(t.Name), plainText(d))
		}
		for _, s := range t.Specs {
			if v := s.Verdict(); v != event.Fail && v != event.Broken {
				continue
			}
			if all++; shown < maxMarked {
				shown++
				marked(out, t, s)
			}
		}
	}
	if all > shown {
		fmt.Fprintf(out, "\n%s not shown; the record has them all.\n", plural(all-shown, "more is", "more are"))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing Markdown: %w", err)
	}
	return nil
}

// anonymous is the model without the folder that it lies in, which means nothing elsewhere.
func (m *Model) anonymous() *Model {
	c := *m
	c.Dir = ""
	return &c
}

func marked(out *bufio.Writer, t *Target, s *Spec) {
	verdict := string(s.Verdict())
	if s.Result.Excused() {
		verdict = "known failure"
	}
	fmt.Fprintf(out, "\n<details><summary>%s: <code>%s</code> on %s</summary>\n\n", verdict, htmlText(s.ID), htmlText(t.Name))
	lines, _ := CleanLines(account(s), 60)
	fence := "```"
	for strings.Contains(strings.Join(lines, "\n"), fence) {
		fence += "`"
	}
	fmt.Fprintf(out, "%stext\n", fence)
	for _, l := range lines {
		fmt.Fprintln(out, Clip(l, maxValue))
	}
	fmt.Fprintf(out, "%s\n\n</details>\n", fence)
}

// plainText makes a string plain text of one cell: whatever could mean something to Markdown or HTML is escaped
// (CommonMark, section 2.4).
func plainText(s string) string {
	var b strings.Builder
	for _, r := range Clip(Clean(s), maxValue) {
		if r < unicode.MaxASCII && strings.ContainsRune("\\`*_{}[]<>()#+!|~&@$^=\"'", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func htmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\n", " ").Replace(Clip(Clean(s), 200))
}
