package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a run writes beside its record, and what is drawn of the record later, is one.
func TestReportFiles(t *testing.T) {
	t.Parallel()
	needBoots(t)
	dir := t.TempDir()
	junit, doc, page := filepath.Join(dir, "result.xml"), filepath.Join(dir, "result.json"), filepath.Join(dir, "page.html")
	ran := call{dir: dir, args: []string{
		"run", "uml:debian-12", "--no-rootfs", "--spec", "selftest/passes", "--spec", "selftest/fails", "--spec", "selftest/panics",
		"--junit", junit, "--json", doc, "--html", page,
	}}.run(t)
	if ran.code != exitFailed {
		t.Fatal(ran)
	}
	run := runDir(t, dir)
	for flag, file := range map[string]string{"--junit": junit, "--json": doc, "--html": page} {
		written, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		again := call{dir: dir, args: []string{"report", run, flag, "-"}}.run(t)
		if again.code != exitFailed || again.stdout != string(written) {
			t.Errorf("%s is not the same when it is drawn again: %s", flag, again)
		}
		if flag == "--html" {
			if !strings.Contains(string(written), `"selftest/fails"`) {
				t.Error("the page does not hold the specs")
			}
			continue
		}
		if flag == "--json" {
			var m struct {
				Counts struct{ Pass, Fail, Broken int }
			}
			if err := json.Unmarshal(written, &m); err != nil || m.Counts.Pass != 1 || m.Counts.Fail != 1 || m.Counts.Broken != 1 {
				t.Errorf("JSON: %v, %+v", err, m)
			}
			continue
		}
		if n, err := elements(string(written), "testcase"); err != nil || n != 3 {
			t.Errorf("JUnit: %d test cases, %v", n, err)
		}
	}
	table := call{dir: dir, args: []string{"report"}}.run(t)
	if table.code != exitFailed || !strings.HasSuffix(ran.stdout, table.stdout) {
		t.Errorf("the table is not the same when it is drawn again:\n%s\n%s", table.stdout, ran.stdout)
	}
}

// elements counts them in a document, which must be well-formed to its end.
func elements(doc, name string) (n int, err error) {
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == name {
			n++
		}
	}
}
