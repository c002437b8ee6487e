package reports

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// Clean makes a string from a guest fit for one line of a terminal or a document: what does not
// print (control characters, terminal escapes, line ends, marks that turn the writing direction)
// and bytes that are no UTF-8 are written as Go escapes, so that they are seen and do nothing.
func Clean(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteString("    ")
		case strconv.IsPrint(r):
			b.WriteString(s[i : i+n])
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += n
	}
	return b.String()
}

func clean(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
		if !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// CleanLines is [Clean] for a text of several lines. It gives at most max of them, none if the text
// is blank, and how many were left out behind them.
func CleanLines(s string, max int) (lines []string, more int) {
	s = strings.Trim(s, "\r\n")
	if strings.TrimSpace(s) == "" {
		return nil, 0
	}
	for line := range strings.SplitSeq(s, "\n") {
		if len(lines) == max {
			more++
			continue
		}
		lines = append(lines, Clean(strings.TrimRight(line, "\r \t")))
	}
	return lines, more
}

// Clip shortens a clean string to a number of bytes at most and says how many it took away.
func Clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	cut := max
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d more bytes)", s[:cut], len(s)-cut)
}

// Wrap breaks a clean string into lines of at most width cells, at spaces where there are any.
func Wrap(s string, width int) []string {
	width = max(width, 8)
	var lines []string
	var line strings.Builder
	used := 0
	flush := func() {
		lines = append(lines, line.String())
		line.Reset()
		used = 0
	}
	for word := range strings.FieldsSeq(s) {
		w := displaywidth.String(word)
		if used > 0 && used+1+w > width {
			flush()
		}
		if used > 0 {
			line.WriteByte(' ')
			used++
		}
		if used+w <= width {
			line.WriteString(word)
			used += w
			continue
		}
		g := displaywidth.StringGraphemes(word)
		for g.Next() {
			if used > 0 && used+g.Width() > width {
				flush()
			}
			line.WriteString(g.Value())
			used += g.Width()
		}
	}
	if used > 0 || len(lines) == 0 {
		flush()
	}
	return lines
}
