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
		log.Step("configuring bash", i, 100)
		term.Step("configuring bash", i, 100)
		now = now.Add(time.Second)
	}
	if got, want := strings.Count(plain.String(), "\n"), plainLines-1; got != want {
		t.Errorf("%d plain lines, expected %d:\n%s", got, want, plain.String())
	}
	if !strings.Contains(plain.String(), "50 % done, 50 s left") {
		t.Errorf("the middle is not told:\n%s", plain.String())
	}
	if !strings.Contains(live.String(), "25 of 100 · configuring bash · 1 min 15 s left") {
		t.Errorf("the live line lacks a quarter:\n%q", live.String())
	}
}

func TestSayIsEscaped(t *testing.T) {
	var out strings.Builder
	NewProgress(&out, ProgressOptions{}).Say("a\x1b[31mb")
	if strings.Contains(out.String(), "\x1b") || !strings.HasSuffix(out.String(), "\n") {
		t.Errorf("got %q", out.String())
	}
}
