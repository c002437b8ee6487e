package main

import (
	"slices"
	"testing"

	"xtest/runner"
	"xtest/runner/event"
	"xtest/runner/local"
	"xtest/runner/uml"
)

// Two targets take turns so that neither is always the first, and share their salts.
func TestTurns(t *testing.T) {
	f := &measureFlags{first: 7, salts: 2, boots: 3}
	taking := &taking{measureFlags: f, say: func(string, ...any) {}, targets: []runner.Target{
		{Name: "a", Backend: uml.Backend{}}, {Name: "missed", Backend: uml.Backend{}}, {Name: "b", Backend: local.Backend{}},
	}}
	var got []runner.Turn
	for {
		turn, ok := taking.next(runner.Stage{Up: []string{"a", "b"}, Ended: len(got)})
		if !ok {
			break
		}
		got = append(got, turn)
	}
	// This machine has no boot parameters.
	want := []runner.Turn{{Target: "a", Salt: 7}, {Target: "b"}, {Target: "b"}, {Target: "a", Salt: 8}, {Target: "a", Salt: 7}, {Target: "b"}}
	if !slices.Equal(got, want) {
		t.Errorf("turns %v, expected %v", got, want)
	}
}

func TestBenchMistakes(t *testing.T) {
	for _, args := range [][]string{
		{}, {"local", "--boots=-1"}, {"local", "--salts=11"}, {"local", "--adaptive"}, {"local", "--gate", "munmap/*:2%"}, {"local", "uml:debian-12", "--adaptive", "--boots=3"},
		{"local", "--tier=fast"}, {"local", "--tier", event.Counts}, {"local", "uml:debian-12", "--adaptive", "--budget=0s"}, {"local", "--bench", "munmap/nothing"}, {"local", "--bench", "user/nesting-limit"},
	} {
		if code := run(append([]string{"bench", "--runs", t.TempDir()}, args...)); code != exitUsage {
			t.Errorf("xtest bench %q: exit status %d, expected %d", args, code, exitUsage)
		}
	}
}
