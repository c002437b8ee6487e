package reports

import (
	"io"
	"unicode/utf8"
)

// plainly are the signs that reports draw with, each in ASCII and as wide.
var plainly = map[rune]byte{
	'·': '-', '…': '~', '━': '#', '┄': '-', '│': '|', '×': 'x', '→': '>', '←': '<', '↑': '^', '↓': 'v', '–': '-', '−': '-', '±': '~', 'µ': 'u', '\u202f': ' ',
	'▁': '_', '▂': '.', '▃': '-', '▄': '~', '▅': '=', '▆': '+', '▇': '*', '█': '#',
	'⁰': '0', '¹': '1', '²': '2', '³': '3', '⁴': '4', '⁵': '5', '⁶': '6', '⁷': '7', '⁸': '8', '⁹': '9',
}

// ASCII writes to w what a terminal shows that is not set to UTF-8: reports' own signs as others that are as wide,
// and what a guest sent beyond ASCII as question marks.
func ASCII(w io.Writer) io.Writer { return &asciiWriter{w: w} }

type asciiWriter struct {
	w    io.Writer
	rest []byte // the beginning of a character that the next write ends
}

func (a *asciiWriter) Write(p []byte) (int, error) {
	text := append(a.rest, p...)
	a.rest = nil
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			a.rest = append([]byte(nil), text...)
			break
		}
		r, n := utf8.DecodeRune(text)
		text = text[n:]
		switch b, ok := plainly[r]; {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case ok:
			out = append(out, b)
		default:
			out = append(out, '?')
		}
	}
	if _, err := a.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
