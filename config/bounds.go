package config

import (
	"bytes"
	"errors"
	"strings"
)

// maxSize bounds the file, in bytes, and maxDepth how deep things stand in each other: YAML parsers
// need time that grows faster than their input.
const (
	maxSize  = 64 << 10
	maxDepth = 32
)

// errTooLarge is about the file as a whole.
var errTooLarge = errors.New("the file is larger than 64 KiB or nested more than 32 deep, which no configuration needs")

// tooLarge looks at the bare text. What stands in quotes is counted too: no file has so much.
func tooLarge(text []byte) bool {
	if len(text) > maxSize {
		return true
	}
	depth := 0
	for line := range bytes.Lines(text) {
		begin := line[:len(line)-len(bytes.TrimLeft(line, " \t-?"))]
		if bytes.Count(begin, []byte("- "))+bytes.Count(begin, []byte("? ")) > maxDepth {
			return true
		}
		for _, c := range string(line) {
			switch {
			case strings.ContainsRune("[{", c):
				if depth++; depth > maxDepth {
					return true
				}
			case strings.ContainsRune("]}", c) && depth > 0:
				depth--
			}
		}
	}
	return false
}
