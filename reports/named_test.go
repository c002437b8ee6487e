package reports

import (
	"os"
	"strings"
	"testing"
	"time"

	"xtest/runner/event"
	"xtest/runner/record"
)

// TestNamedTarget: the line of a target with a name of the user's says what it is, which of a disk is
// its root, and where its console is, however long the name.
func TestNamedTarget(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("long-", 60) + "name"
	rec, err := record.Create(dir, "x", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	rec.Add(event.Event{Kind: event.RunStarted, Run: &event.Run{ID: "x", Targets: []string{long}}})
	rec.Add(event.Event{Kind: event.TargetPlanned, Target: long, Plan: &event.Plan{
		Backend: "qemu", Target: "qemu:debian-12",
		Parts: []event.Artefact{{Role: "rootfs", Package: "./disk", Version: "raw disk, partition 2"}},
	}})
	rec.Add(event.Event{Kind: event.SpecListed, Target: long, Suite: "s", Spec: "s/a", Meta: &event.Meta{Suite: "s"}})
	rec.Add(event.Event{Kind: event.BootStarted, Target: long, Boot: 1})
	rec.Add(event.Event{Kind: event.Crashed, Target: long, Boot: 1, Crash: &event.Crash{Kind: "panic", Signature: "x", Excerpt: "x"}})
	rec.Add(event.Event{Kind: event.SpecEnded, Target: long, Boot: 1, Spec: "s/a", Result: &event.Result{Verdict: event.Broken, Reason: "crashed"}})
	if err := os.WriteFile(rec.ConsoleLog(long, 1), []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	m, err := Load(rec.Dir)
	if err != nil {
		t.Fatal(err)
	}
	p := &page{m: m, Options: Options{Width: 400}}
	if got := p.describe(m.Targets[0]); !strings.Contains(got, "qemu:debian-12 · ") || !strings.Contains(got, "root: raw disk, partition 2") {
		t.Errorf("got %q", got)
	}
	if name := m.ConsoleLog(&Target{Name: long}, 1); name == "" || m.ConsoleLog(&Target{Name: long}, 2) != "" {
		t.Errorf("the console log is %q", name)
	}
}
