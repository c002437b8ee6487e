package main

import (
	"path/filepath"
	"strings"
	"testing"

	"xtest/reports"
	"xtest/runner/event"
)

// want is what must come of a spec of the selftest suite, whatever the machine.
type want struct {
	verdict event.Verdict
	reason  []string // words of the reason, or of the observation that made it fail
	crash   string   // the kind of crash charged to it
	excerpt string   // words of the console around the crash
	alone   bool     // in a boot of its own
}

var (
	pass = want{verdict: event.Pass}

	wanted = map[string]want{
		"passes":             pass,
		"fails":              {verdict: event.Fail, reason: []string{"close(-1)", "EBADF", "EINVAL"}},
		"fails-matcher":      {verdict: event.Fail, reason: []string{`len("abc")`, "3", "4"}},
		"fails-plain-gomega": {verdict: event.Fail, reason: []string{"one", "to equal", "two"}},
		"does-not-apply":     {verdict: event.NotApplicable, reason: []string{"impossible", "nothing can do this"}},
		"breaks-in-setup":    {verdict: event.Broken, reason: []string{"opening what is not there", "no such file"}},
		"breaks-in-cleanup":  {verdict: event.Broken, reason: []string{"its clean-up failed", "to equal"}},
		"panics":             {verdict: event.Broken, reason: []string{"panicked: on purpose", "verdicts.go"}},
		"heeds-its-limit":    {verdict: event.Broken, reason: []string{"no end within its limit"}},
		"ignores-its-limit":  {verdict: event.Broken, reason: []string{"no end within its limit"}},

		"forges-events":          {verdict: event.Broken, reason: []string{"the agent did not send", "it said pass", "99 0000"}},
		"sends-oversized-events": {verdict: event.Broken, reason: []string{"the agent did not send", "a line of more than"}},
		"sends-garbled-events":   {verdict: event.Broken, reason: []string{"the agent did not send"}},
		"tears-console-line":     pass,
		"floods-console":         pass,

		"leaves-processes": {verdict: event.Broken, reason: []string{"left behind: process "}},
		"eats-memory":      {verdict: event.Broken, reason: []string{"killed by SIGKILL"}},
		"crashes-kernel":   {verdict: event.Broken, reason: []string{"sysrq triggered crash"}, crash: "panic", excerpt: "sysrq triggered crash"},
		"ends-agent":       {verdict: event.Broken, reason: []string{"Attempted to kill init"}, crash: "panic", excerpt: "Attempted to kill init"},
		"powers-off":       {verdict: event.Broken, reason: []string{"ended by itself"}, crash: "vanished"},
		"freezes-agent":    {verdict: event.Broken, reason: []string{"nothing was heard"}, crash: "hang"},
		"destroys":         {verdict: event.Pass, alone: true},
		"destroys-again":   {verdict: event.Pass, alone: true},

		"runs-command":     {verdict: event.NotApplicable, reason: []string{"the root holds no /etc/xtest-command"}},
		"keeps-attributes": {verdict: event.NotApplicable, reason: []string{"the root holds no /etc/xtest-attributes"}},

		"moves":        pass,
		"sees-no-host": pass,
		"sees-leaks":   pass,

		"measures":              pass,
		"passes-after-verdicts": pass,
		"passes-after-channel":  pass,
		"passes-after-ends":     pass,
	}
)

// hostfs is the spec that applies to one kind of machine only.
const hostfs = "selftest/sees-no-host"

// TestSelftest is first among the parallel tests, and QEMU first in it, because they take longest: the
// file is named for that.
//
// It judges the harness itself: the specs go wrong in every way that a spec, an agent or a
// machine can, and each must get its verdict and cost no other one its own.
func TestSelftest(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"qemu:debian-12", "uml:debian-12"} {
		t.Run(strings.ReplaceAll(target, ":", "-"), func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(target, "qemu") {
				needTool(t, "qemu-system-x86_64")
			}
			needBoots(t)
			dir := t.TempDir()
			// The seed fixes the order of the groups, and with it the number of boots.
			out := call{dir: dir, args: []string{"run", target, "--no-rootfs", "--suite", "selftest", "--seed", "7"}}.run(t)
			if out.code != exitFailed {
				t.Errorf("exit status %d, want %d", out.code, exitFailed)
			}
			m := theRun(t, dir)
			if len(m.Targets) != 1 || !m.Whole || m.Exit() != exitFailed {
				t.Fatalf("%d targets, whole %v, exit %d\n%s", len(m.Targets), m.Whole, m.Exit(), out)
			}
			checkSelftest(t, m.Targets[0])
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

func checkSelftest(t *testing.T, target *reports.Target) {
	t.Helper()
	company := map[int]int{} // how many specs ran in each boot
	for _, s := range target.Specs {
		company[s.Boot]++
	}
	for _, s := range target.Specs {
		w, ok := wanted[strings.TrimPrefix(s.ID, "selftest/")]
		if s.ID == hostfs && !strings.HasPrefix(target.Name, "uml:") {
			w = want{verdict: event.NotApplicable, reason: []string{"the kernel has no hostfs"}}
		}
		if s.ID == "selftest/moves" && strings.HasPrefix(target.Name, "qemu:") { // without a root it has no disk
			w = want{verdict: event.NotApplicable, reason: []string{"shares no disk"}}
		}
		if !ok {
			t.Errorf("%s is not in the table", s.ID)
			continue
		}
		w.check(t, s)
		if w.alone && company[s.Boot] != 1 {
			t.Errorf("%s shares boot %d with %d others", s.ID, s.Boot, company[s.Boot]-1)
		}
	}
	if len(target.Specs) != len(wanted) {
		t.Errorf("%d specs were judged, %d are in the table", len(target.Specs), len(wanted))
	}
	// Four specs end their machine, two have one of their own, one moves to another, and one more may be for
	// the rest.
	if n := len(target.Boots); n < 6 || n > 8 {
		t.Errorf("%d boots", n)
	}
	for _, b := range target.Boots {
		if !b.Booted {
			t.Errorf("boot %d did not come up: %s", b.Number, b.End)
		}
	}
	if len(target.Crashes) != 4 {
		t.Errorf("%d crashes, want 4: %v", len(target.Crashes), target.Crashes)
	}
	if len(target.Doubts) > 0 {
		t.Errorf("doubts: %q", target.Doubts)
	}
}

func (w want) check(t *testing.T, s *reports.Spec) {
	t.Helper()
	if s.Verdict() != w.verdict {
		t.Errorf("%s is %q, want %q: %+v", s.ID, s.Verdict(), w.verdict, s.Result)
		return
	}
	text := s.Result.Reason
	if f := s.Result.Failure; f != nil {
		text += f.Call + f.Got + f.Expected
	}
	for _, words := range w.reason {
		if !strings.Contains(text, words) {
			t.Errorf("%s: no %q in its reason %q", s.ID, words, text)
		}
	}
	switch {
	case w.crash == "" && s.Crash != nil:
		t.Errorf("%s is charged with a crash: %+v", s.ID, s.Crash)
	case w.crash != "" && s.Crash == nil:
		t.Errorf("%s is not charged with its crash", s.ID)
	case w.crash != "" && (s.Crash.Kind != w.crash || !strings.Contains(s.Crash.Excerpt, w.excerpt) || s.Crash.Signature == ""):
		t.Errorf("%s: crash %+v, want a %s with %q", s.ID, s.Crash, w.crash, w.excerpt)
	}
}

// theRun loads the only run below dir.
func theRun(t *testing.T, dir string) *reports.Model {
	t.Helper()
	m, err := reports.Load(runDir(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func runDir(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "runs", "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d runs below %s, want 1: %v", len(found), dir, err)
	}
	return found[0]
}
