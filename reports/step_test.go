package reports

import (
	"strings"
	"testing"
	"time"
)

func TestStepTellsTheTimeLeft(t *testing.T) {
	now := time.Unix(0, 0)
	var plain, live strings.Builder
	clock := func() time.Time { return now }
	log := NewProgress(&plain, ProgressOptions{Now: clock})
	term := NewProgress(&live, ProgressOptions{Now: clock, Terminal: true})
	for i := range 101 {
		log.Step("debian-12", "configuring bash", i, 100)
		term.Step("debian-12", "configuring bash", i, 100)
		now = now.Add(time.Second)
	}
	if got, want := strings.Count(plain.String(), "\n"), plainLines-1; got != want {
		t.Errorf("%d plain lines, expected %d:\n%s", got, want, plain.String())
	}
	if !strings.Contains(plain.String(), "debian-12: 50 % done, 50 s left") {
		t.Errorf("the middle is not told:\n%s", plain.String())
	}
	if !strings.Contains(live.String(), "debian-12 25 of 100 · configuring bash · 1 min 15 s left") {
		t.Errorf("the live line lacks a quarter:\n%q", live.String())
	}
}

// Two pieces of work at once are told apart.
func TestStepsOfTwo(t *testing.T) {
	now := time.Unix(0, 0)
	var plain, live strings.Builder
	log := NewProgress(&plain, ProgressOptions{Now: func() time.Time { return now }})
	term := NewProgress(&live, ProgressOptions{Now: func() time.Time { return now }, Terminal: true})
	for i := range 101 {
		for _, p := range []*Progress{log, term} {
			p.Step("debian-12", "configuring bash", i, 100)
			if i <= 50 {
				p.Step("debian-13", "configuring dash", i, 50)
			}
		}
		now = now.Add(time.Second)
	}
	for of, want := range map[string]int{"debian-12": plainLines - 1, "debian-13": plainLines - 1} {
		if got := strings.Count(plain.String(), of+": "); got != want {
			t.Errorf("%d lines on %s, expected %d:\n%s", got, of, want, plain.String())
		}
	}
	if !strings.Contains(live.String(), "debian-12 25 of 100 · configuring bash · 1 min 15 s left · 1 more") {
		t.Errorf("the live line lacks the other:\n%q", live.String())
	}
	if strings.HasSuffix(live.String(), "1 more\x1b[K") {
		t.Errorf("what is done is still counted:\n%q", live.String())
	}
}

func TestSayIsEscaped(t *testing.T) {
	var out strings.Builder
	NewProgress(&out, ProgressOptions{}).Say("a\x1b[31mb")
	if strings.Contains(out.String(), "\x1b") || !strings.HasSuffix(out.String(), "\n") {
		t.Errorf("got %q", out.String())
	}
}
