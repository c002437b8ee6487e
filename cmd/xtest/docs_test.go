package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A page shows commands behind "$ "; what follows two spaces and "#" is a remark, and where the shell
// puts the output is the shell's affair.
var shown = regexp.MustCompile(`(?m)^\$ (xtest .*?)(?: >\S+)?(?:  +#.*)?$`)

// covered are the commands of the pages that a Go test runs, because a script cannot.
var covered = map[string]string{
	"xtest serve":       "TestServe",
	"xtest serve runs/": "TestServe",
	"xtest run uml:debian-12 --suite selftest --no-rootfs":                               "TestSelftest",
	"xtest run uml:debian-12 --rootfs ./image.tar --suite lsb":                           "TestImages",
	"xtest run uml:debian-12 --rootfs ./disk.qcow2 --suite lsb":                          "TestImages",
	"xtest run oci:./image.tar@runc oci:./image.tar@runsc --suite namespaces,lsb --diff": "TestImages",
	"xtest run oci:./disk.qcow2@runc --suite lsb":                                        "TestImages",
}

// TestDocumentedCommandsAreRun keeps the pages true: what they show is run by a script.
func TestDocumentedCommandsAreRun(t *testing.T) {
	var scripts strings.Builder
	for _, file := range glob(t, "testdata/script/*.txtar") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(text)
	}
	run := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:exec|! exec|exits \d+) (xtest .*?)$`).FindAllStringSubmatch(scripts.String(), -1) {
		run[m[1]] = true
	}
	pages := append(glob(t, "../../docs/*.md"), "../../README.md")
	seen := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range shown.FindAllStringSubmatch(string(text), -1) {
			seen++
			if command := m[1]; !run[command] && covered[command] == "" {
				t.Errorf("%s shows %q, which no script runs", filepath.Base(page), command)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were found in the pages", seen)
	}
}

// TestIndexNamesEveryPage keeps the site's list of pages whole.
func TestIndexNamesEveryPage(t *testing.T) {
	index, err := os.ReadFile("../../docs/index.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range glob(t, "../../docs/*.md") {
		if name := filepath.Base(page); name != "index.md" && !strings.Contains(string(index), "("+name+")") {
			t.Errorf("docs/index.md does not list %s", name)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no files (%v)", pattern, err)
	}
	return files
}
