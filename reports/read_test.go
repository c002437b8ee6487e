package reports

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"xtest/runner/event"
)

const good = `{"kind":"run-started","run":{"id":"r"}}` + "\n"

func TestReadFrom(t *testing.T) {
	for _, c := range []struct {
		name, in  string
		events    int
		warnings  int
		line      int // of the first warning
		torn, err bool
	}{
		{"whole", good, 1, 0, 0, false, false},
		{"no end of line, but whole", strings.TrimSpace(good), 1, 0, 0, false, false},
		{"torn", good + `{"kind":"spec-e`, 1, 1, 2, true, false},
		{"garbled", "\x00\xff\n" + good, 1, 1, 1, false, false},
		{"blank lines", "\n \r\n" + good, 1, 0, 0, false, false},
		{"no kind", `{"target":"a"}` + "\n" + good, 1, 1, 1, false, false},
		{"wrong types", `{"kind":1}` + "\n[]\n" + good, 1, 2, 1, false, false},
		{"a line too long", `{"kind":"` + strings.Repeat("a", 3*MaxLine) + "\"}\n" + good, 1, 1, 1, false, false},
		{"a last line too long", good + strings.Repeat("a", MaxLine+2), 1, 1, 2, true, false},
		{"empty", "", 0, 0, 0, false, true},
		{"something else", "hello\nworld\n", 0, 0, 0, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec, err := ReadFrom(strings.NewReader(c.in))
			if c.err {
				if err == nil {
					t.Fatal("no error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(rec.Entries) != c.events || len(rec.Warnings.List) != c.warnings || rec.Torn != c.torn {
				t.Errorf("%d events, warnings %v, torn %v", len(rec.Entries), rec.Warnings, rec.Torn)
			}
			if c.warnings > 0 && rec.Warnings.List[0].Line != c.line {
				t.Errorf("the first warning is about line %d, not %d", rec.Warnings.List[0].Line, c.line)
			}
		})
	}
}

// TestLineBounds reads lines just within and just beyond the bound, which is no multiple of the
// reader's buffer.
func TestLineBounds(t *testing.T) {
	frame := len(`{"kind":"x","spec":""}`)
	for extra, want := range map[int]int{-1: 2, 0: 2, 1: 1, 2: 1} {
		line := `{"kind":"x","spec":"` + strings.Repeat("s", MaxLine-frame+extra) + `"}`
		rec, err := ReadFrom(strings.NewReader(line + "\n" + good))
		if err != nil {
			t.Fatal(err)
		}
		if len(rec.Entries) != want {
			t.Errorf("a line of MaxLine%+d bytes: %d events, not %d", extra, len(rec.Entries), want)
		}
	}
}

func TestWarningsAreBounded(t *testing.T) {
	rec, err := ReadFrom(strings.NewReader(strings.Repeat("x\n", 5000) + good))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(rec.Warnings.List); n != maxWarnings || rec.Warnings.More != 5000-maxWarnings {
		t.Errorf("%d kept, %d more", n, rec.Warnings.More)
	}
}

func TestReadFromFailingStream(t *testing.T) {
	broken := errors.New("the disk is gone")
	_, err := ReadFrom(io.MultiReader(strings.NewReader(good), failing{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestReadFolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(dir); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "is not a run") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there was read")
	}
	fifo := filepath.Join(dir, RecordName)
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "is not a run") {
		t.Errorf("a FIFO: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	run, err := os.ReadFile("testdata/run/events.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(run)
	f.Add([]byte(good))
	f.Add([]byte(`{"kind":"spec-ended","target":"t","spec":"s","result":{"verdict":"fail","duration":-9223372036854775808}}`))
	f.Add([]byte(`{"kind":"crashed","target":"t"}` + "\n" + `{"kind":"booted","target":"t","boot":-1}`))
	f.Add([]byte("{\"kind\":\"target-missed\",\"target\":\"\x9b\",\"reason\":\"\\u0000\"}\n\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := ReadFrom(bytes.NewReader(data))
		if err != nil {
			return
		}
		m := Fold(rec)
		for _, width := range []int{0, 1, 57} {
			var b strings.Builder
			if err := Table(&b, m, Options{Width: width}); err != nil {
				t.Fatal(err)
			}
			harmless(t, b.String(), false)
		}
		var j, x bytes.Buffer
		if err := JSON(&j, m); err != nil {
			t.Fatal(err)
		}
		harmless(t, j.String(), false)
		if err := JUnit(&x, m); err != nil {
			t.Fatal(err)
		}
		harmless(t, x.String(), false)
		wellFormed(t, x.Bytes())
		consistent(t, m)
		if m.Exit() == ExitGood && m.Counts.Pass == 0 {
			t.Error("good without a single pass")
		}
	})
}

// consistent fails the test when numbers that are counted on the way differ from a recount.
func consistent(t *testing.T, m *Model) {
	t.Helper()
	var sum, bySuite Counts
	for _, tg := range m.Targets {
		for _, s := range tg.Specs {
			*sum.of(s.Verdict())++
		}
		for _, s := range tg.Suites {
			for _, v := range []event.Verdict{event.Pass, event.Fail, event.NotApplicable, event.Broken, ""} {
				*bySuite.of(v) += *s.Counts.of(v)
			}
		}
	}
	if sum != m.Counts || bySuite != m.Counts {
		t.Errorf("the specs' verdicts sum up to %+v, the suites to %+v, the model says %+v", sum, bySuite, m.Counts)
	}
}
