package ssh

import (
	"strings"
	"unicode"
)

// lastWords gives the last two lines that are not empty, in one line: the client says what failed in
// its last line, and often why in the one before.
func lastWords(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, line))
		if line != "" {
			lines = append(lines, line)
		}
	}
	words := strings.Join(lines[max(0, len(lines)-2):], " ")
	if len(words) > maxWords {
		words = strings.ToValidUTF8(words[len(words)-maxWords:], "")
	}
	return words
}

// maxWords is how much of a message is quoted, in bytes.
const maxWords = 300
