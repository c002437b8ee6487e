package html

import (
	"bufio"
	"fmt"
	stdhtml "html"
)

// markup writes HTML. html/template is not used: it looks methods up by name while the program runs, for which
// the linker keeps every method there is, and a binary that is 5 MB larger is unpacked in every guest's memory.
//
// Beware: what is markup is a constant in the call, and whatever else is written is an argument, which is escaped
// for text and for attributes in double quotes. No argument belongs into a script, a style or a tag's name.
type markup struct{ w *bufio.Writer }

// add writes constant markup with an escaped argument for each %s.
func (m markup) add(format string, args ...any) {
	if len(args) == 0 {
		m.w.WriteString(format)
		return
	}
	escaped := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case string:
			escaped[i] = stdhtml.EscapeString(a)
		case int:
			escaped[i] = fmt.Sprint(a)
		case float64:
			escaped[i] = fmt.Sprintf("%.4g", a)
		default:
			escaped[i] = stdhtml.EscapeString(fmt.Sprint(a))
		}
	}
	fmt.Fprintf(m.w, format, escaped...)
}

// maybe writes it when the last argument is not empty.
func (m markup) maybe(format string, value string) {
	if value != "" {
		m.add(format, value)
	}
}

// each writes it for each value.
func (m markup) each(format string, values []string) {
	for _, v := range values {
		m.add(format, v)
	}
}

// mark writes a run's mark where there are several.
func (m markup) mark(mark string) { m.maybe(`<b class="mark">%s</b> `, mark) }

// heads opens a table with its heads.
func (m markup) heads(class string, heads ...string) {
	m.add(`<table class="%s"><thead><tr>`, class)
	m.each(`<th scope="col">%s</th>`, heads)
	m.add("</tr></thead><tbody>\n")
}

// headed opens a table that scrolls within the page and whose rows can be found, with its heads.
func (m markup) headed(id string, heads ...string) {
	m.add(`<div class="scroll tall" tabindex="0" role="region" aria-label="%s"><table id="%s"><thead><tr>`, heads[0], id)
	m.each(`<th scope="col">%s</th>`, heads)
	m.add("</tr></thead><tbody>\n")
}

// cell writes a number, in a verdict's colour when it is not 0.
func (m markup) cell(class string, n int) {
	if n == 0 {
		class = ""
	}
	m.add(`<td class="%s">%s</td>`, class, n)
}
