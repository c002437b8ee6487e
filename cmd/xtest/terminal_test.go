package main

import (
	"regexp"
	"strings"
	"testing"
)

var (
	escape = regexp.MustCompile("\x1b")
	beyond = regexp.MustCompile("[^\x00-\x7f]+")
	color  = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

// show runs what has something in red, in green and in bold, on a terminal or none.
func show(t *testing.T, terminal bool, env ...string) string {
	t.Helper()
	c := call{env: append([]string{"TERM=xterm"}, env...), args: []string{"run", "uml:debian-12", "--no-rootfs", "--spec", "selftest/passes", "--spec", "selftest/fails"}}
	if terminal {
		// script(1) takes the command as one word.
		c.args = []string{program + " " + strings.Join(c.args, " "), "/dev/null"}
		c.prog, c.bare = []string{"script", "-qec"}, true
	}
	out := c.run(t)
	if out.code != exitFailed {
		t.Fatal(out)
	}
	return out.stdout
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	needTool(t, "script")
	needBoots(t)
	colored := show(t, true)
	for _, words := range []string{"\r", "\x1b[J", "specs 0/2"} {
		if !strings.Contains(colored, words) {
			t.Errorf("no live line on a terminal: no %q in %q", words, colored)
		}
	}
	if !color.MatchString(colored) {
		t.Error("no colour on a terminal")
	}
	plain := show(t, true, "NO_COLOR=1")
	if color.MatchString(plain) {
		t.Errorf("colour in spite of NO_COLOR: %q", plain)
	}
	if !strings.Contains(plain, "specs 0/2") {
		t.Error("NO_COLOR takes the live line away")
	}
	if signs := show(t, true, "LC_ALL=C.UTF-8"); !strings.Contains(signs, " · ") {
		t.Errorf("no sign beyond ASCII on a terminal that shows it: %q", signs)
	}
	if signs := beyond.FindString(show(t, true, "LC_ALL=C", "LANG=C.UTF-8")); signs != "" {
		t.Errorf("%q on a terminal that does not show it", signs)
	}
	if dumb := show(t, true, "TERM=dumb"); escape.MatchString(dumb) {
		t.Errorf("escape codes on a dumb terminal: %q", dumb)
	}
}

func TestNoTerminal(t *testing.T) {
	t.Parallel()
	needBoots(t)
	if out := show(t, false); escape.MatchString(out) || strings.Contains(out, "\r") {
		t.Errorf("escape codes in a pipe: %q", out)
	}
}
