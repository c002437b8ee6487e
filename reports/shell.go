package reports

import "strings"

// shellWord writes a string as one word of a POSIX shell. The commands in a report are there to be
// copied, and a spec's name comes from a guest: it must not become a command of its own, and one
// that begins with a hyphen must not become a flag.
func shellWord(s string) string {
	s = Clean(s)
	plain := s != ""
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("_./:@=+,%-", c) >= 0:
		default:
			plain = false
		}
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// flagValue writes a flag with its value so that the value is never taken for a flag.
func flagValue(flag, value string) string {
	if strings.HasPrefix(value, "-") {
		return flag + "=" + shellWord(value)
	}
	return flag + " " + shellWord(value)
}

// ShellWords writes a command as a POSIX shell reads it.
func ShellWords(command []string) string {
	words := make([]string, len(command))
	for i, w := range command {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}
