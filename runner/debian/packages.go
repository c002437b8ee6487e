package debian

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Package is one binary package of an index. The relation fields are as in the archive.
type Package struct {
	Name, Version, Architecture   string
	PreDepends, Depends, Provides string
	Priority, Section             string
	Essential                     bool
	Filename                      string // below the archive's root
	Size                          int64  // of the .deb, bytes
	SHA256                        string // of the .deb, hex

	from *origin
}

// kept are the fields of a paragraph that are needed here: a tenth of its size.
var kept = []string{"Package", "Version", "Architecture", "Pre-Depends", "Depends", "Provides",
	"Essential", "Priority", "Section", "Filename", "Size", "SHA256"}

// condense copies a Packages file with only the kept fields, each on one line and in that order, so
// that an index can be searched where it lies. It streams: memory does not grow with the file.
func condense(r io.Reader, w io.Writer) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 64<<10), maxStanza)
	out := bufio.NewWriterSize(w, 64<<10)
	values := make([][]byte, len(kept))
	last, any := -1, false
	flush := func(line int) error {
		if !any {
			return nil
		}
		if err := complete(values); err != nil {
			return fmt.Errorf("the paragraph before line %d: %w", line, err)
		}
		for i, v := range values {
			if len(v) > 0 {
				out.WriteString(kept[i]) // a bufio.Writer keeps its first error for Flush
				out.WriteString(": ")
				out.Write(v)
				out.WriteByte('\n')
			}
			values[i] = v[:0]
		}
		last, any = -1, false
		return out.WriteByte('\n')
	}
	n := 1
	for ; in.Scan(); n++ {
		line := in.Bytes()
		switch {
		case len(bytes.TrimSpace(line)) == 0:
			if err := flush(n); err != nil {
				return err
			}
		case line[0] == ' ' || line[0] == '\t':
			if last >= 0 {
				values[last] = append(append(values[last], ' '), bytes.TrimSpace(line)...)
			}
		default:
			name, value, ok := bytes.Cut(line, []byte(":"))
			if !ok {
				return fmt.Errorf("line %d: %.40q is not \"Field: value\"", n, line)
			}
			last, any = keptIndex(name), true
			if last >= 0 {
				values[last] = append(values[last][:0], bytes.TrimSpace(value)...)
			}
		}
	}
	if err := in.Err(); err != nil {
		return err
	}
	return errors.Join(flush(n), out.Flush())
}

func keptIndex(name []byte) int {
	for i, k := range kept {
		if string(name) == k {
			return i
		}
	}
	return -1
}

// complete checks one paragraph's values, so that later readers need not.
func complete(values [][]byte) error {
	for i, v := range values {
		switch kept[i] {
		case "Package", "Version", "Architecture", "Filename":
			if len(v) == 0 {
				return fmt.Errorf("no field %s", kept[i])
			}
		case "Size":
			if n, err := strconv.ParseInt(string(v), 10, 64); err != nil || n < 0 {
				return fmt.Errorf("the field Size is %.30q", v)
			}
		case "SHA256":
			if len(v) != 64 || len(bytes.Trim(v, "0123456789abcdef")) != 0 {
				return fmt.Errorf("the field SHA256 is %.80q", v)
			}
		}
	}
	return nil
}

// field finds a field of a condensed paragraph.
func field(stanza, name string) string {
	for stanza != "" {
		line, rest, _ := strings.Cut(stanza, "\n")
		if v, ok := strings.CutPrefix(line, name); ok && strings.HasPrefix(v, ": ") {
			return v[2:]
		}
		stanza = rest
	}
	return ""
}

func parsePackage(stanza string, from *origin) *Package {
	p := &Package{
		Name: field(stanza, "Package"), Version: field(stanza, "Version"), Architecture: field(stanza, "Architecture"),
		PreDepends: field(stanza, "Pre-Depends"), Depends: field(stanza, "Depends"), Provides: field(stanza, "Provides"),
		Priority: field(stanza, "Priority"), Section: field(stanza, "Section"), Essential: field(stanza, "Essential") == "yes",
		Filename: field(stanza, "Filename"), SHA256: field(stanza, "SHA256"), from: from,
	}
	p.Size, _ = strconv.ParseInt(field(stanza, "Size"), 10, 64) // complete saw that it is a number
	return p
}
