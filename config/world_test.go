package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files and the schema anew")

// small is a world of two suites and one backend.
var small = World{
	Suites: []string{"lsb", "namespaces"},
	Specs:  []string{"user/nesting-limit", "user/map", "uts/isolated", "fhs/root"},
	Labels: []string{"MUST", "SHOULD", "destructive", "safe"},
	Target: func(name string) error {
		if release, ok := strings.CutPrefix(name, "uml:debian-"); ok && strings.Trim(release, "0123456789.") == "" {
			return nil
		}
		if name == "local" {
			return nil
		}
		return fmt.Errorf("there is no target %q", name)
	},
	Memory: func(text string) error {
		if !strings.HasSuffix(text, "M") {
			return errors.New("no amount of memory; write it as 512M")
		}
		return nil
	},
	Nearest: func(typed string, known []string) []string {
		for _, k := range known {
			if len(typed) > 2 && (strings.HasPrefix(k, typed[:3]) || strings.HasSuffix(k, typed[1:])) {
				return []string{k}
			}
		}
		return nil
	},
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./config -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); if that is meant: go test ./config -update\n%s", path, diff)
	}
}

// TestProblems reads every file below testdata/bad; beside it stands what the user is told.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Parse("xtest.yaml", text, small)
			var p *Problem
			if !errors.As(err, &p) {
				t.Fatalf("it is accepted: %+v, %v", c, err)
			}
			golden(t, strings.TrimSuffix(path, "yaml")+"txt", err.Error()+"\n")
		})
	}
}

func TestBounds(t *testing.T) {
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", 60_000),
		"braces":   "known: " + strings.Repeat("{a: ", 10_000),
		"dashes":   strings.Repeat("- ", 30_000),
		"marks":    "run: {}\n" + strings.Repeat("? ", 40),
		"size":     strings.Repeat("# nothing\n", 7_000),
	} {
		if _, err := Parse("xtest.yaml", []byte(text), small); err == nil || !strings.Contains(err.Error(), errTooLarge.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("xtest.yaml", text, small)
		var p *Problem
		switch {
		case errors.As(err, &p):
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Errorf("%+v", p)
			}
			if strings.ContainsFunc(strings.ReplaceAll(err.Error(), "\n", ""), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("%q steers a terminal", err)
			}
		case err != nil:
			t.Errorf("an error without a place: %v", err)
		default:
			for _, target := range c.Targets {
				if !targetName().MatchString(target.Name) {
					t.Errorf("a target with the name %q", target.Name)
				}
			}
		}
	})
}
