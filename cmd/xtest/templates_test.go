package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var inTemplate = regexp.MustCompile(`(?m)\b(xtest (?:run|compare|report|lsb|bisect|history|bench|fuzz|merge) [^|\n]*?)(?: \|\|.*)?$`)

// TestTemplatesUseCommandsThatExist parses each command of the CI templates: a flag that is no more, or a
// command of another name, is found here and not in a user's pipeline.
func TestTemplatesUseCommandsThatExist(t *testing.T) {
	for _, file := range glob(t, "../../docs/ci/*.yml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		commands := inTemplate.FindAllStringSubmatch(string(text), -1)
		if len(commands) < 2 {
			t.Errorf("%s: found %d commands of xtest", filepath.Base(file), len(commands))
		}
		for _, c := range commands {
			root := newRoot()
			root.SetArgs(append(strings.Fields(c[1])[1:], "--help"))
			root.SetOut(new(strings.Builder))
			if err := root.Execute(); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(file), c[1], err)
			}
		}
	}
}
