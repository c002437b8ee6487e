package debian

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// maxStanza bounds one paragraph of a control file, in bytes; the longest of Debian's own are some
// 100 kB.
const maxStanza = 8 << 20

// A Stanza is one paragraph of a deb822(5) file, by field name with each part
// capitalised ("Signed-By", "Uris"; only "SHA256" is all capitals). Continuation lines are kept,
// joined by newlines, without their indentation; a lone dot there is an empty line.
type Stanza map[string]string

// readStanzas calls visit for each paragraph. Lines that start with # are comments.
func readStanzas(r io.Reader, visit func(Stanza) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxStanza)
	s, last, size := Stanza{}, "", 0
	flush := func() error {
		if len(s) == 0 {
			return nil
		}
		done := s
		s, last, size = Stanza{}, "", 0
		return visit(done)
	}
	for n := 1; in.Scan(); n++ {
		line := in.Text()
		if size += len(line); size > maxStanza {
			return fmt.Errorf("line %d: a paragraph of more than %d bytes", n, maxStanza)
		}
		switch {
		case strings.TrimSpace(line) == "":
			if err := flush(); err != nil {
				return err
			}
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if last == "" {
				return fmt.Errorf("line %d: a continuation line without a field", n)
			}
			if line = strings.TrimSpace(line); line == "." {
				line = ""
			}
			s[last] += "\n" + line
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok || strings.ContainsAny(name, " \t") {
				return fmt.Errorf("line %d: %.40q is not \"Field: value\"", n, line)
			}
			last = canonical(name)
			s[last] = strings.TrimSpace(value)
		}
	}
	if err := in.Err(); err != nil {
		return err
	}
	return flush()
}

// canonical spells a field's name: names are case-insensitive.
func canonical(name string) string {
	if name == "SHA256" {
		return name
	}
	parts := strings.Split(strings.ToLower(name), "-")
	for i, p := range parts {
		if p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	if s := strings.Join(parts, "-"); s != "Sha256" {
		return s
	}
	return "SHA256"
}
