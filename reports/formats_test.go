package reports

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"xtest/internal/required"
	"xtest/runner/event"
)

func drawn(t *testing.T, render func(io.Writer, *Model) error, m *Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := render(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFormats(t *testing.T) {
	for name, render := range map[string]func(io.Writer, *Model) error{
		"run.tap": TAP, "run.ktap": KTAP, "run.md": Markdown, "run.sarif": SARIF, "annotations.txt": Annotations,
	} {
		got := drawn(t, render, model(t))
		golden(t, name, got)
		if bytes.Contains(got, []byte("\x1b")) {
			t.Errorf("%s: an escape of the guest's came through", name)
		}
	}
}

// Perl's own parser reads the TAP, and counts what is wrong as xtest does.
func TestTAPIsParsed(t *testing.T) {
	const perl = "perl"
	if err := exec.Command(perl, "-MTAP::Parser", "-e", "1").Run(); err != nil {
		required.Missing(t, "perl with its TAP::Parser is not installed: apt-get install perl")
	}
	m := model(t)
	file := filepath.Join(t.TempDir(), "run.tap")
	// The parser knows version 13, of which version 14 is an extension that its readers need not know.
	text := bytes.Replace(drawn(t, TAP, m), []byte("TAP version 14"), []byte("TAP version 13"), 1)
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(perl, "-MTAP::Parser", "-e", `
		my $p = TAP::Parser->new({source => $ARGV[0]}); $p->run;
		print join(" ", scalar($p->parse_errors), $p->version, $p->tests_run, scalar($p->skipped), scalar($p->todo), scalar($p->failed)), "\n";
		print "$_\n" for $p->parse_errors;`, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var want struct{ all, skipped, todo, failed int }
	for _, target := range m.Targets {
		for _, p := range points(target) {
			want.all++
			switch {
			case p.skip != "":
				want.skipped++
			case p.todo != "":
				want.todo++
			case !p.ok:
				want.failed++
			}
		}
	}
	fields := strings.Fields(string(out))
	if len(fields) < 6 || fields[0] != "0" || fields[1] != "13" {
		t.Fatalf("the parser complains: %s", out)
	}
	got := strings.Join(fields[2:6], " ")
	if expected := strings.Join(decimal(want.all, want.skipped, want.todo, want.failed), " "); got != expected || want.failed == 0 || want.skipped == 0 {
		t.Errorf("tests, skipped, todo, failed: got %s, expected %s", got, expected)
	}
}

func decimal(numbers ...int) (texts []string) {
	for _, n := range numbers {
		b, _ := json.Marshal(n)
		texts = append(texts, string(b))
	}
	return texts
}

// SARIF keeps to its schema, also with nothing to tell.
func TestSARIFIsValid(t *testing.T) {
	for name, m := range map[string]*Model{"run": model(t), "empty": NewFolder().Close()} {
		r, err := sarif.FromBytes(drawn(t, SARIF, m))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := 0
		for _, target := range m.Targets {
			for _, s := range target.Specs {
				if v := s.Verdict(); v == event.Fail || v == event.Broken {
					want++
				}
			}
		}
		if got := len(r.Runs[0].Results); got != want {
			t.Errorf("%s: %d results, expected %d", name, got, want)
		}
	}
}

// The lines of KTAP are what Documentation/dev-tools/ktap.rst allows, its plans are kept, and a target is ok
// when all of it is.
func TestKTAPIsWellFormed(t *testing.T) {
	m := model(t)
	plan, inner, seen, bad := -1, -1, 0, false
	targets := 0
	for i, line := range strings.Split(strings.TrimSuffix(string(drawn(t, KTAP, m)), "\n"), "\n") {
		text, nested := strings.CutPrefix(line, "  ")
		var n int
		switch {
		case text == "KTAP version 1":
			seen, bad = 0, false
		case strings.HasPrefix(text, "#"):
		case strings.HasPrefix(text, "1.."):
			json.Unmarshal([]byte(text[3:]), &n)
			if nested {
				inner = n
			} else {
				plan = n
			}
		case strings.HasPrefix(text, "ok ") || strings.HasPrefix(text, "not ok "):
			ok := strings.HasPrefix(text, "ok ")
			number, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, "not "), "ok "), " ")
			json.Unmarshal([]byte(number), &n)
			if rest == "" {
				t.Errorf("line %d has no description: %s", i+1, line)
			}
			if nested {
				if seen++; n != seen {
					t.Errorf("line %d: number %d, expected %d", i+1, n, seen)
				}
				bad = bad || !ok && !strings.Contains(rest, " # TODO ")
				continue
			}
			if targets++; n != targets || seen != inner || ok == bad {
				t.Errorf("line %d: number %d, %d of %d tests, something wrong: %v: %s", i+1, n, seen, inner, bad, line)
			}
		default:
			t.Errorf("line %d is none of KTAP's: %q", i+1, line)
		}
	}
	if targets != plan || targets != len(m.Targets) {
		t.Errorf("%d targets, planned %d, expected %d", targets, plan, len(m.Targets))
	}
}

// What a guest chose can neither end a cell, open an element, nor start a command.
func TestHostileNamesStayText(t *testing.T) {
	m := model(t)
	evil := "x|</details><script>\n::error::\r![i](http://e)`"
	m.Targets[0].Specs[0].ID = evil
	m.Targets[0].Specs[0].Result = &event.Result{Verdict: event.Fail, Failure: &event.Failure{Call: evil, Got: "```\n" + evil, Expected: evil}}
	md := string(drawn(t, Markdown, m))
	for l := range strings.Lines(md) {
		if strings.Contains(l, "<script>") && !strings.HasPrefix(l, "call") && !strings.HasPrefix(l, "got") && !strings.HasPrefix(l, "expected") && !strings.HasPrefix(l, "x|") {
			t.Errorf("an element outside of a fence: %s", l)
		}
	}
	for l := range strings.Lines(string(drawn(t, Annotations, m))) {
		if strings.Count(l, "::error") > 1 && !strings.HasPrefix(l, "::error title=") || strings.ContainsAny(strings.TrimSuffix(l, "\n"), "\r\n") {
			t.Errorf("a command of the guest's: %q", l)
		}
	}
}
