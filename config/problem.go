package config

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/token"
)

// Problem is a mistake in the file.
type Problem struct {
	File         string
	Line, Column int // from 1
	Message      string
	excerpt      string
}

// Error gives the place as editors and terminals jump to, what is wrong, and the lines with a caret
// below the place.
func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d: %s\n%s", p.place(), p.Column, p.Message, p.excerpt)
}

func (p *Problem) place() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

func newProblem(name string, text []byte, at *token.Token, message string) *Problem {
	p := &Problem{File: name, Line: 1, Column: 1, Message: printable(strings.ReplaceAll(message, "\t", `\t`))}
	if at != nil && at.Position != nil {
		p.Line, p.Column = max(at.Position.Line, 1), max(at.Position.Column, 1)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	p.Line = min(p.Line, len(lines))
	p.Column = min(p.Column, len([]rune(lines[p.Line-1]))+1)
	p.excerpt = excerpt(lines, p.Line, p.Column)
	return p
}

// excerptWidth is how much of a line is shown, in characters.
const excerptWidth = 100

func excerpt(lines []string, line, column int) string {
	var b strings.Builder
	from := 0
	if column > excerptWidth*3/4 {
		from = column - excerptWidth/2
	}
	digits := len(fmt.Sprint(line))
	for n := max(line-2, 1); n <= line; n++ {
		mark := " "
		if n == line {
			mark = ">"
		}
		runes := []rune(printable(lines[n-1]))
		shown := string(runes[min(from, len(runes)):min(from+excerptWidth, len(runes))])
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("%s %*d | %s", mark, digits, n, shown), " "))
	}
	fmt.Fprintf(&b, "  %*s | %s^", digits, "", strings.Repeat(" ", column-1-from))
	return b.String()
}

// printable replaces what a terminal would obey, character by character, so that columns stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, s)
}
