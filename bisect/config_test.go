package bisect

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func readConfig(t *testing.T, lines ...string) Config {
	t.Helper()
	c, err := ReadConfig(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestConfigs: an option whose prerequisite is missing is turned back and is no culprit alone; what the
// tree does not know is left out.
func TestConfigs(t *testing.T) {
	good := readConfig(t, "#", "# Automatically generated", "CONFIG_A=y", "# CONFIG_DEBUG is not set", `CONFIG_TEXT="x y=z"`, "CONFIG_OLD=m", "CONFIG_HZ=250")
	bad := readConfig(t, "CONFIG_A=y", "CONFIG_BASE=y", "CONFIG_DEBUG=y", `CONFIG_TEXT="x"`, "CONFIG_HZ=1000", "CONFIG_GONE=y", "# CONFIG_UNSET is not set", "CONFIG_NET=y")
	c := NewConfigs(good, bad)
	set := c.Set()
	if want := `CONFIG_BASE=y CONFIG_DEBUG=y CONFIG_GONE=y CONFIG_HZ=1000 CONFIG_NET=y CONFIG_OLD=n CONFIG_TEXT="x"`; strings.Join(set.Items, " ") != want {
		t.Fatalf("the changes are %q", set.Items)
	}
	var left []string
	set.LeftOut = func(items []string) { left = items }
	s := Session{Confidence: 0.99, Ask: func(_ context.Context, candidate string) (Answer, error) {
		built := readConfig(t, c.Text(candidate))
		if built["TEXT"] != `"x"` && built["TEXT"] != `"x y=z"` || built["A"] != "y" {
			t.Errorf("a candidate is %q", built)
		}
		delete(built, "GONE")
		if built["BASE"] != "y" {
			delete(built, "DEBUG") // it depends on it
		}
		a := Answer{Verdict: Good, Unknown: TurnedBack(candidate, built)}
		if built["DEBUG"] == "y" {
			a.Verdict = Bad
		}
		return a, nil
	}}
	got, err := s.Reduce(t.Context(), set)
	if err != nil || !slices.EqualFunc(got.Sets, [][]int{{0, 1}}, slices.Equal) || strings.Join(left, " ") != "CONFIG_GONE=y" {
		t.Errorf("%+v, %v, left out %q", got, err, left)
	}
	for _, bad := range []string{"", "hello\n", "# CONFIG_\nCONFIG_X\n"} {
		if c, err := ReadConfig(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is read as %v", bad, c)
		}
	}
}
