package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./reports -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); if that is meant: go test ./reports -update\n%s", name, diff)
	}
}

func model(t testing.TB) *Model {
	t.Helper()
	rec, err := Read("testdata/run")
	if err != nil {
		t.Fatal(err)
	}
	return Fold(rec)
}

func TestTable(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"table.txt", Options{}},
		{"table-60.txt", Options{Width: 60}},
		{"table-color.txt", Options{Color: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Table(&b, model(t), c.o); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, b.Bytes())
			harmless(t, b.String(), c.o.Color)
			width := c.o.Width
			if width == 0 {
				width = DefaultWidth
			}
			for l := range strings.Lines(b.String()) {
				// Commands to be copied stay on one line.
				command := strings.Contains(l, "xtest run ") || strings.Contains(l, "xtest report ")
				if w := cells(strings.TrimSuffix(l, "\n")); w > width && !command {
					t.Errorf("%d cells, wider than %d: %q", w, width, l)
				}
			}
		})
	}
}

// harmless fails the test for bytes that a terminal obeys, own colours set aside.
func harmless(t *testing.T, s string, color bool) {
	t.Helper()
	if color {
		for _, sgr := range []string{"0", "1", "2", "31", "32", "33"} {
			s = strings.ReplaceAll(s, "\x1b["+sgr+"m", "")
		}
	}
	if !utf8.ValidString(s) {
		t.Error("the text is not valid UTF-8")
	}
	for i, r := range s {
		if r < ' ' && r != '\n' || r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e {
			t.Errorf("%U at byte %d: %q", r, i, s[max(0, i-20):min(len(s), i+20)])
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	m := model(t)
	if err := JSON(&b, m); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", b.Bytes())
	harmless(t, b.String(), false)
	var doc Document
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if s := doc.Targets[2].Specs; s != nil {
		t.Errorf("a target that did not boot has specs: %v", s)
	}
	if doc.Schema != Schema || doc.Exit != ExitFailed || len(doc.Targets) != 4 {
		t.Errorf("schema %d, exit %d, %d targets", doc.Schema, doc.Exit, len(doc.Targets))
	}
	again, err := json.Marshal(Document{Schema: Schema, Exit: m.Exit(), Model: m})
	if err != nil {
		t.Fatal(err)
	}
	var whole, parts any
	if err := errors.Join(json.Unmarshal(again, &whole), json.Unmarshal(b.Bytes(), &parts)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, parts); diff != "" {
		t.Errorf("written in parts it is another document (-whole +parts):\n%s", diff)
	}
	for _, s := range doc.Targets[0].Specs {
		if strings.HasPrefix(s.ID, "hostile/") && s.ID != "hostile/\x1b[2J\u202egnp" {
			t.Errorf("a spec's name came back as %q", s.ID)
		}
	}
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	m := model(t)
	if err := JUnit(&b, m); err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", b.Bytes())
	harmless(t, b.String(), false)
	wellFormed(t, b.Bytes())
	var doc junitSuites
	if err := xml.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var cases, failures, errs, skipped, doubts int
	for _, s := range doc.Suites {
		for _, c := range s.Cases {
			cases++
			failures += count(c.Failure)
			errs += count(c.Error)
			skipped += count(c.Skipped)
			if c.Name == "target" {
				doubts++
			}
		}
	}
	if cases != doc.Tests || failures != doc.Failures || errs != doc.Errors || skipped != doc.Skipped {
		t.Errorf("the cases are %d/%d/%d/%d, the attributes say %d/%d/%d/%d", cases, failures, errs, skipped, doc.Tests, doc.Failures, doc.Errors, doc.Skipped)
	}
	c := m.Counts
	if failures != c.Fail || cases != c.Total()+doubts || skipped != c.NotApplicable+1 {
		t.Errorf("%d cases, %d failures, %d skipped of %+v and %d on targets", cases, failures, skipped, c, doubts)
	}
}

func wellFormed(t *testing.T, data []byte) {
	t.Helper()
	for dec := xml.NewDecoder(bytes.NewReader(data)); ; {
		if _, err := dec.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func count(t *junitText) int {
	if t == nil {
		return 0
	}
	return 1
}
