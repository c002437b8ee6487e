package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestDocs: what the page for users shows is tried by a script.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../cmd/xtest/testdata/script/config*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("scripts %v, %v", paths, err)
	}
	var scripts strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(text)
	}
	commands := 0
	for line := range strings.Lines(string(page)) {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		commands++
		command, _, _ = strings.Cut(command, " >")
		if !strings.Contains(scripts.String(), " "+strings.TrimSpace(command)+"\n") {
			t.Errorf("no script runs %q", command)
		}
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	if commands < 5 || !strings.Contains(scripts.String(), "-- xtest.yaml --\n"+example) {
		t.Errorf("%d commands; the example is not that of the scripts:\n%s", commands, example)
	}
	for _, key := range allKeys(reflect.TypeFor[file]()) {
		if !strings.Contains(string(page), "`"+key) && !strings.Contains(string(page), "{"+key+":") && !strings.Contains(string(page), "## "+key) {
			t.Errorf("the page is silent on %s", key)
		}
	}
}
