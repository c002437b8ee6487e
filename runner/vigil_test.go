package runner

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"xtest/runner/event"
	"xtest/runner/machine"
)

func TestCrashIsChargedToTheSpecThatRan(t *testing.T) {
	list, _ := newTrial(t, "panics").run(t, t.Context())
	list.want(t, "s/a=pass s/b=broken s/c=pass")
	list.boots(t, 2)
	c := list.of(event.Crashed)
	if len(c) != 1 || c[0].Spec != "s/b" || c[0].Suite != "s" || c[0].Boot != 1 || c[0].Crash.Kind != "panic" {
		t.Fatalf("recorded %+v", c)
	}
	has(t, c[0].Crash.Excerpt, "the guest is up", "on purpose")
	has(t, list.result(t, "s/b").Reason, "Kernel panic - not syncing: on purpose")
}

func TestOopsThatTheMachineSurvives(t *testing.T) {
	tr := newTrial(t, "oops")
	start := time.Now()
	list, _ := tr.run(t, t.Context())
	if time.Since(start) > 9*time.Second {
		t.Error("the spec's whole limit was waited for")
	}
	list.want(t, "s/a=pass s/b=broken s/c=pass")
	list.boots(t, 2)
	if c := list.of(event.Crashed); len(c) != 1 || c[0].Crash.Kind != "null-pointer" || c[0].Spec != "s/b" {
		t.Errorf("recorded %+v", c)
	}
}

func TestHangs(t *testing.T) {
	short := func(tr *trial) {
		tr.plan.patience.grace = 100 * time.Millisecond
		tr.plan.Specs[1].Meta.Limit = 200 * time.Millisecond
	}
	for _, c := range []struct {
		play, verdicts, signature string
		boots                     int
		limit                     func(*trial)
	}{
		{"hangs-in-spec", "s/a=pass s/b=broken s/c=pass", "the time limit of s/b", 2, short},
		{"chatters", "s/a=pass s/b=broken s/c=pass", "the time limit of s/b", 2, short},
		{"hangs-between", "s/a=pass s/b=pass s/c=pass", "the agent was silent", 2, func(tr *trial) { tr.plan.patience.pause = time.Second }},
		{"chatters-between", "s/a=pass s/b=pass s/c=pass", "the agent was silent", 2, func(tr *trial) { tr.plan.patience.pause = time.Second }},
		{"channel-closed", "s/a=pass s/b=broken s/c=pass", "channel ended", 2, func(tr *trial) { tr.plan.patience.grace = 300 * time.Millisecond }},
	} {
		t.Run(c.play, func(t *testing.T) {
			tr := newTrial(t, c.play)
			c.limit(tr)
			list, _ := tr.run(t, t.Context())
			list.want(t, c.verdicts)
			list.boots(t, c.boots)
			crash := list.of(event.Crashed)
			if len(crash) != 1 || crash[0].Crash.Kind != "hang" {
				t.Fatalf("recorded %+v", crash)
			}
			has(t, crash[0].Crash.Signature, c.signature)
			has(t, crash[0].Crash.Excerpt, "the guest is up")
		})
	}
}

func TestMachineThatNeverComesUp(t *testing.T) {
	for play, words := range map[string][]string{
		"mute":         {"did not come up", "did not answer", "likely cause: the kernel found no initial RAM file system"},
		"panics-early": {"did not come up", "No working init", "likely cause: the kernel did not start the agent"},
	} {
		t.Run(play, func(t *testing.T) {
			tr := newTrial(t, play)
			if play == "mute" {
				tr.fake.limit = time.Second
			}
			list, _ := tr.run(t, t.Context())
			list.want(t, "s/a=broken s/b=broken s/c=broken")
			list.boots(t, 1)
			has(t, list.result(t, "s/a").Reason, words...)
			has(t, list.result(t, "s/c").Reason, words...)
		})
	}
}

func TestMachinesThatEndEarly(t *testing.T) {
	for play, want := range map[string]struct {
		verdicts  string
		boots     int
		kind, why string
	}{
		"vanishes":          {"s/a=pass s/b=broken s/c=pass", 2, "vanished", "exit status 7"},
		"ended-then-off":    {"s/a=fail s/b=broken s/c=broken", 3, "vanished", "without a word"},
		"dies-after-hello":  {"s/a=broken s/b=broken s/c=broken", 2, "vanished", "without a word"},
		"second-boot-fails": {"s/a=broken s/b=pass s/c=pass", 3, "vanished", "exit status 1"},
	} {
		t.Run(play, func(t *testing.T) {
			list, _ := newTrial(t, play).run(t, t.Context())
			list.want(t, want.verdicts)
			list.boots(t, want.boots)
			crash := list.of(event.Crashed)
			if len(crash) == 0 || crash[0].Crash.Kind != want.kind {
				t.Fatalf("recorded %+v", crash)
			}
			has(t, crash[0].Crash.Signature, want.why)
		})
	}
}

func TestAfterTheDoneMarker(t *testing.T) {
	t.Run("it does not power off", func(t *testing.T) {
		tr := newTrial(t, "stays-on")
		tr.plan.patience.off = 300 * time.Millisecond
		list, _ := tr.run(t, t.Context())
		list.want(t, "s/a=pass s/b=pass s/c=pass")
		list.boots(t, 1)
		has(t, list.of(event.MachineEnded)[0].Reason, "did not power off")
	})
	t.Run("some was not judged", func(t *testing.T) {
		list, _ := newTrial(t, "finishes-early").run(t, t.Context())
		list.want(t, "s/a=pass s/b=broken s/c=broken")
		list.boots(t, 1)
		has(t, list.result(t, "s/b").Reason, "finished without judging")
	})
	t.Run("it crashes", func(t *testing.T) {
		list, _ := newTrial(t, "cries-when-all-end").run(t, t.Context())
		list.want(t, "s/a=pass s/b=pass s/c=pass")
		if c := list.of(event.Crashed); len(c) != 1 || c[0].Spec != "" || c[0].Crash.Kind != "panic" {
			t.Errorf("recorded %+v", c)
		}
	})
}

func TestForgedEvents(t *testing.T) {
	list, _ := newTrial(t, "forges").run(t, t.Context())
	// All forgeries stand outside the specs, so no verdict is doubted.
	list.want(t, "s/a=pass s/b=pass s/c=pass")
	list.boots(t, 1)
	for kind, n := range map[event.Kind]int{
		event.SpecListed: 3, event.SpecStarted: 3, event.Sampled: 0, event.Booted: 1, event.Finished: 1,
		event.Crashed: 0, event.RunEnded: 0, event.TargetMissed: 0, event.Probed: 1,
	} {
		if got := len(list.of(kind)); got != n {
			t.Errorf("%d %s events, want %d", got, kind, n)
		}
	}
	if b := list.of(event.Booted)[0]; b.Machine.Kernel != "1.2.3" || b.Boot != 1 || b.Reason != "" {
		t.Errorf("recorded %+v", b)
	}
	if p := list.of(event.Probed)[0]; p.Spec != "" || p.Probe != "root" || p.Duration != 0 {
		t.Errorf("recorded %+v", p)
	}
	warned := 0
	for _, e := range list.of(event.Warned) {
		if e.Fix != "" || e.Crash != nil {
			t.Errorf("recorded %+v", e)
		}
		if e.Reason == "a warning" {
			if warned++; e.Spec != "s/b" {
				t.Errorf("the warning came from %q", e.Spec)
			}
		}
	}
	if warned != 1 {
		t.Errorf("%d honest warnings", warned)
	}
}

func TestBadEndsOfSpecs(t *testing.T) {
	for play, word := range map[string]string{"invalid-verdict": "did not send", "no-end": "its end was lost"} {
		t.Run(play, func(t *testing.T) {
			list, _ := newTrial(t, play).run(t, t.Context())
			list.want(t, "s/a=pass s/b=broken s/c=pass")
			list.boots(t, 1)
			has(t, list.result(t, "s/b").Reason, word)
		})
	}
}

func TestSamplesAndFailuresAreKept(t *testing.T) {
	list, _ := newTrial(t, "fails-and-samples").run(t, t.Context())
	list.want(t, "s/a=pass s/b=fail s/c=pass")
	s := list.of(event.Sampled)
	if len(s) != 1 || s[0].Spec != "s/b" || s[0].Suite != "s" || s[0].Sample.Unit != "B" {
		t.Errorf("recorded %+v", s)
	}
}

// TestKeptFiles: what a spec gives lies in the run's folder, whatever it calls it, and is bounded; that of
// another spec is not taken.
func TestKeptFiles(t *testing.T) {
	for _, c := range []struct {
		play, verdicts string
		size           int64
	}{
		{"keeps", "s/a=pass s/b=pass s/c=pass", 7},
		{"keeps-for-another", "s/a=pass s/b=broken s/c=pass", 0},
		{"keeps-without-end", "s/a=pass s/b=broken s/c=pass", maxKept},
	} {
		t.Run(c.play, func(t *testing.T) {
			tr := newTrial(t, c.play)
			list, _ := tr.run(t, t.Context())
			list.want(t, c.verdicts)
			list.boots(t, 1)
			files, err := filepath.Glob(filepath.Join(tr.dir, "kept-fake=it-1-*"))
			if err != nil || len(files) > 1 || (len(files) == 1) != (c.size > 0) {
				t.Fatalf("kept are %q, %v", files, err)
			}
			sum := 0
			for _, e := range list.of(event.Kept) {
				if e.File.Data != nil || e.Spec != "s/b" || filepath.Join(tr.dir, e.File.Name) != files[0] {
					t.Errorf("recorded %+v", e.File)
				}
				sum += e.File.Size
			}
			if int64(sum) != c.size {
				t.Errorf("%d bytes are on the record, want %d", sum, c.size)
			}
			if len(files) == 1 {
				if info, err := os.Stat(files[0]); err != nil || info.Size() != c.size {
					t.Errorf("%v, %v", info, err)
				}
			}
		})
	}
}

func TestAlienLines(t *testing.T) {
	for _, play := range []string{"aliens", "oversized"} {
		t.Run(play, func(t *testing.T) {
			list, _ := newTrial(t, play).run(t, t.Context())
			list.want(t, "s/a=pass s/b=broken s/c=pass")
			list.boots(t, 1)
			has(t, list.result(t, "s/b").Reason, "event channel", "said pass")
			if w := list.of(event.Warned); len(w) != 1 || w[0].Spec != "s/b" {
				t.Errorf("recorded %+v", w)
			}
		})
	}
	t.Run("flood", func(t *testing.T) {
		list, _ := newTrial(t, "floods").run(t, t.Context())
		list.want(t, "s/a=pass s/b=broken s/c=pass")
		list.boots(t, 2)
		has(t, list.of(event.Crashed)[0].Crash.Signature, "floods its event channel")
		if n := len(list.of(event.Warned)); n != 1 {
			t.Errorf("%d warnings", n)
		}
	})
}

// TestPatienceWithGuestsOfAMachine: between two specs a machine with guests of its own may have to give one up and boot
// the next.
func TestPatienceWithGuestsOfAMachine(t *testing.T) {
	v := &vigil{judging: &judging{image: &machine.Image{BootLimit: time.Hour}, patience: usual}}
	if got := v.wait(); got != usual.pause {
		t.Errorf("a machine without guests may be silent for %v, expected %v", got, usual.pause)
	}
	v.image.Nests = true
	if got := v.wait(); got != time.Hour {
		t.Errorf("a machine with guests may be silent for %v, expected an hour", got)
	}
}
