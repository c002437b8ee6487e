package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// Schema is the version of the JSON document. It rises when a field changes its meaning or goes
// away; new fields leave it as it is.
const Schema = 1

// Document is what [JSON] writes.
type Document struct {
	Schema int `json:"schema"`
	Exit   int `json:"exit"` // what [Model.Exit] gives
	*Model
}

// JSON writes the model as one indented document: a [Document]. The strings are the record's own,
// with everything that could steer a terminal as \u escapes, which a JSON reader undoes.
//
// It writes spec after spec: encoding/json would hold the whole document twice.
func JSON(w io.Writer, m *Model) error {
	out := bufio.NewWriter(w)
	j := &jsonWriter{w: inert{out}}
	head := *m
	head.Targets = nil
	j.object("", Document{Schema: Schema, Exit: m.Exit(), Model: &head})
	j.list("  ", "targets", len(m.Targets), func(i int) {
		t := *m.Targets[i]
		t.Specs = nil
		j.object("    ", t)
		if n := len(m.Targets[i].Specs); n > 0 {
			j.list("      ", "specs", n, func(k int) {
				j.object("        ", m.Targets[i].Specs[k])
				j.text("\n        }")
			})
		}
		j.text("\n    }")
	})
	j.text("\n}\n")
	if j.err == nil {
		j.err = out.Flush()
	}
	if j.err != nil {
		return fmt.Errorf("writing the run as JSON: %w", j.err)
	}
	return nil
}

// jsonWriter writes objects that stay open, so that a list can be added to them. It keeps the first
// error and writes nothing after it.
type jsonWriter struct {
	w   io.Writer
	err error
}

func (j *jsonWriter) text(s string) {
	if j.err == nil {
		_, j.err = io.WriteString(j.w, s)
	}
}

// object writes v, which must have a field to show, without its closing brace.
func (j *jsonWriter) object(indent string, v any) {
	if j.err != nil {
		return
	}
	data, err := json.MarshalIndent(v, indent, "  ")
	if err != nil {
		j.err = err
		return
	}
	_, j.err = j.w.Write(bytes.TrimSuffix(data, []byte("\n"+indent+"}")))
}

// list adds a list to the open object whose fields are indented by indent.
func (j *jsonWriter) list(indent, name string, n int, each func(int)) {
	j.text(",\n" + indent + `"` + name + `": [`)
	for i := range n {
		if i > 0 {
			j.text(",")
		}
		j.text("\n" + indent + "  ")
		each(i)
	}
	if n > 0 {
		j.text("\n" + indent)
	}
	j.text("]")
}

// Inert gives a writer for JSON of strings that are not trusted: see inert.
func Inert(w io.Writer) io.Writer { return inert{w} }

// inert is a writer for JSON that escapes what encoding/json leaves as it is and a terminal obeys:
// DEL, the C1 controls and the marks that turn the writing direction. Outside strings JSON holds
// none of them. It must be given whole characters, as [jsonWriter] does.
type inert struct{ w io.Writer }

func (t inert) Write(data []byte) (int, error) {
	from := 0
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r >= 0x7f && r <= 0x9f || r > 0x9f && r != utf8.RuneError && bytes.ContainsRune(turning, r) {
			if _, err := t.w.Write(data[from:i]); err != nil {
				return from, err
			}
			if _, err := fmt.Fprintf(t.w, `\u%04x`, r); err != nil {
				return i, err
			}
			from = i + n
		}
		i += n
	}
	if _, err := t.w.Write(data[from:]); err != nil {
		return from, err
	}
	return len(data), nil
}

// turning are Unicode's bidirectional controls and its zero-width characters (UAX #9, section 2).
var turning = []byte("\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
