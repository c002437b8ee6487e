package html

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"xtest/internal/browser"
	"xtest/reports"
	"xtest/runner/event"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// recorded writes events as a run's record and gives its folder.
func recorded(tb testing.TB, events ...event.Event) string {
	tb.Helper()
	dir := tb.TempDir()
	f, err := os.Create(filepath.Join(dir, reports.RecordName))
	if err != nil {
		tb.Fatal(err)
	}
	enc := json.NewEncoder(f)
	for _, e := range events {
		if e.Time.IsZero() {
			e.Time = t0
		}
		if err := enc.Encode(e); err != nil {
			tb.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func loaded(tb testing.TB, dirs ...string) []*Run {
	tb.Helper()
	runs, unread := LoadAll(dirs)
	if len(unread) > 0 {
		tb.Fatal(unread)
	}
	return runs
}

// hostile is what a guest may send to break out of wherever it is written.
const hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`]]>\x1b[31m\x1b]0;title\a\xff\xfe\u202e\u2028&amp;{{.}}%s%d"

// events are a run of two targets: they differ in some specs, fail and break in others.
func events(id string, targets ...string) (list []event.Event) {
	list = append(list, event.Event{Kind: event.RunStarted, Run: &event.Run{ID: id, Version: "1", Seed: 7, Command: []string{"xtest", "run", "a b"}, Flags: []string{"--memory=1G"}, Targets: targets}})
	for n, target := range targets {
		add := func(e event.Event) {
			e.Target, e.Boot = target, 1
			list = append(list, e)
		}
		add(event.Event{Kind: event.TargetPlanned, Plan: &event.Plan{Backend: "uml", Suites: []string{"namespaces", "lsb"}, Parts: []event.Artefact{{Role: "kernel", Package: "linux", Version: "6.1", SHA256: strings.Repeat("ab", 32)}}}})
		specs := []struct{ suite, id, clause string }{
			{"namespaces", "user/limit", "user_namespaces(7): at most 32 nested levels"}, {"namespaces", "user/map", "user_namespaces(7): a map is written once"},
			{"namespaces", "pid/init", "pid_namespaces(7): init is PID 1"}, {"lsb", "commands/awk", "LSB 5.0 Core 17.2 awk: is there"},
			{"lsb", "hostile/" + hostile, hostile + ": clause"}, {"lsb", "libraries/libc", "LSB 5.0 Core 14.3: libc.so.6"}, {"lsb", "libraries/known", "LSB 5.0 Core 14.4: waived"},
		}
		for _, s := range specs {
			add(event.Event{Kind: event.SpecListed, Spec: s.id, Suite: s.suite, Meta: &event.Meta{Suite: s.suite, Clause: s.clause, Level: "MUST"}})
		}
		add(event.Event{Kind: event.BootStarted})
		add(event.Event{Kind: event.Booted, Machine: &event.Machine{Kernel: "6.1.0", Distro: "Debian 12", Cores: 1, Memory: 1 << 30}})
		for i, s := range specs {
			r := &event.Result{Verdict: event.Pass, Duration: time.Millisecond, Answers: []event.Answer{{Call: "XENVER_version", Value: fmt.Sprint("4.", n), Register: "0x0"}}}
			switch {
			case i == 0 && n == 1:
				r.Verdict, r.Failure = event.Fail, &event.Failure{Call: "unshare(CLONE_NEWUSER)", Got: "0", Expected: "ENOSPC"}
			case i == 2:
				r.Verdict, r.Reason = event.Broken, "its machine crashed"
			case i == 3:
				r.Verdict, r.Reason = event.NotApplicable, "no userland"
			case i == 4:
				r.Verdict, r.Reason = event.Fail, hostile
				r.Failure = &event.Failure{Call: hostile, Got: hostile, Expected: hostile}
				r.Answers = []event.Answer{{Call: hostile, Value: hostile + fmt.Sprint(n), New: true, Known: "0"}}
			case i == 6:
				r.Verdict, r.Reason, r.Known = event.Fail, "as ever", &event.Known{Entry: "waiver 1", Reason: "nobody needs it"}
			}
			add(event.Event{Kind: event.SpecStarted, Spec: s.id, Suite: s.suite})
			for k := range 20 {
				add(event.Event{Kind: event.Sampled, Spec: s.id, Sample: &event.Sample{Name: "null", Value: float64(100 + 10*n + k), Unit: "ns/op"}})
			}
			add(event.Event{Kind: event.SpecEnded, Spec: s.id, Suite: s.suite, Result: r})
		}
		add(event.Event{Kind: event.Finished})
		add(event.Event{Kind: event.MachineEnded, Reason: "powered off"})
		add(event.Event{Kind: event.TargetEnded, Duration: time.Second})
	}
	return append(list, event.Event{Kind: event.RunEnded, Exit: 1, Time: t0.Add(time.Minute)})
}

func drawn(tb testing.TB, runs []*Run, o Options) string {
	tb.Helper()
	var b bytes.Buffer
	if err := Write(&b, runs, o); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

var scripts = regexp.MustCompile(`(?s)<script[^>]*>(.*?)</script>`)

// What a guest sent is text on the page, whatever it is, and in the data.
func TestHostile(t *testing.T) {
	list := events("run "+hostile, "uml:"+hostile, "uml:b")
	list[1].Plan.Command = []string{"qemu", hostile}
	list[1].Plan.Parts[0].Package, list[1].Plan.Why = hostile, hostile
	list = append(list, event.Event{Kind: event.Warned, Reason: hostile}, event.Event{Kind: event.Probed, Target: "uml:b", Probe: hostile, Reason: hostile})
	list[len(list)-3].Reason = hostile
	page := drawn(t, loaded(t, recorded(t, list...)), Options{Unread: []string{line(hostile)}})
	if !utf8.ValidString(page) {
		t.Error("the page is not valid UTF-8")
	}
	for _, r := range page {
		if r < ' ' && r != '\n' || r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e || r == 0x2028 {
			t.Errorf("the page holds %U", r)
			break
		}
	}
	found := scripts.FindAllStringSubmatch(page, -1)
	if len(found) != 2 {
		t.Fatalf("there are %d scripts", len(found))
	}
	if found[1][1] != script {
		t.Error("the second script is not the page's own")
	}
	var d data
	if err := json.Unmarshal([]byte(found[0][1]), &d); err != nil || len(d.Rows) != 7 {
		t.Errorf("the data is %d rows: %v", len(d.Rows), err)
	}
	rest := scripts.ReplaceAllString(page, "")
	for _, bad := range []string{"<img", "alert(1)<", "onerror=alert(2)>", `"'`} {
		if strings.Contains(rest, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if n := strings.Count(rest, "&lt;img src=x"); n < 8 {
		t.Errorf("it is shown only %d times", n)
	}
}

// The policy in the page names its style and script by the hashes that a browser comes to.
func TestPolicy(t *testing.T) {
	page := drawn(t, loaded(t, recorded(t, events("r", "uml:a")...)), Options{})
	if !strings.Contains(page, `http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; script-src &#39;sha256-`) {
		t.Error("there is no policy")
	}
	for _, bad := range []string{"http://", "https://", "style=\"", " onclick", "url(", "@import"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
}

// A page of a record that is cut off, or of a newer version, shows what is there; what is no run is named.
func TestBadRecords(t *testing.T) {
	good := recorded(t, events("good", "uml:a", "uml:b")...)
	text, err := os.ReadFile(filepath.Join(good, reports.RecordName))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	torn, foreign := t.TempDir(), t.TempDir()
	half := append(bytes.Join(lines[:40], nil), `{"kind":"of-tomorrow","target":"uml:a"}`+"\n"+`{"kind":"spec-en`...)
	for dir, content := range map[string][]byte{torn: half, foreign: []byte("<html>\nno record\n")} {
		if err := os.WriteFile(filepath.Join(dir, reports.RecordName), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	runs, unread := LoadAll([]string{good, torn, foreign, filepath.Join(good, "nowhere")})
	if len(runs) != 2 || len(unread) != 2 || !strings.Contains(unread[1], "is not a run") && !strings.Contains(unread[0], "is not a run") {
		t.Fatalf("%d runs, unread: %q", len(runs), unread)
	}
	page := drawn(t, runs, Options{Unread: unread})
	for _, want := range []string{"the last line is torn", "Could not be read", "no line of it holds an event", "is not on the record", "user/limit"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not tell of %q", want)
		}
	}
	// A record of an older version: no list of targets, nothing declared of specs, no machine, no boots' numbers.
	old := recorded(t, event.Event{Kind: event.RunStarted, Run: &event.Run{ID: "old"}}, event.Event{Kind: event.SpecStarted, Target: "uml:a", Spec: "user/limit"},
		event.Event{Kind: event.SpecEnded, Target: "uml:a", Spec: "user/limit", Result: &event.Result{Verdict: event.Fail}}, event.Event{Kind: event.RunEnded})
	page = drawn(t, loaded(t, old, good), Options{})
	for _, want := range []string{`["user/limit",0,`, `"f`, "did not come up", `<span class="mono">old</span>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of an old record lacks %s", want)
		}
	}
	if err := Write(&bytes.Buffer{}, nil, Options{}); err == nil {
		t.Error("a page was drawn of no run")
	}
}

func TestDocument(t *testing.T) {
	for clause, want := range map[string]string{
		"":                                     "no clause",
		"user_namespaces(7): 32 levels":        "user_namespaces(7)",
		"setns(2) ERRORS: EBADF":               "setns(2)",
		"LSB 5.0 Core 13.5, POSIX.1-2008 x: y": "LSB 5.0 Core 13",
		"FHS 3.0 3.4.2: /usr":                  "FHS 3.0",
		"xen/include/public/memory.h XENMEM_x": "xen/include/public/memory.h",
		"LSB 5.0 Core NSS chapter: libnss3":    "LSB 5.0",
		": ":                                   "no clause",
	} {
		if got := Document(clause); got != want {
			t.Errorf("%q is of %q, want %q", clause, got, want)
		}
	}
}

// measured is a run of a benchmark over ten boots, at a level.
func measured(id string, n int, kernel string, level float64) (list []event.Event) {
	when := t0.AddDate(0, 0, n)
	list = append(list, event.Event{Kind: event.RunStarted, Time: when, Run: &event.Run{ID: id, Version: "1", Targets: []string{"qemu:debian-12"}}},
		event.Event{Kind: event.SpecListed, Time: when, Target: "qemu:debian-12", Spec: "munmap/anon-8k", Meta: &event.Meta{Suite: "perf", Clause: "munmap(2)"}})
	for boot := range 10 {
		add := func(e event.Event) {
			e.Target, e.Boot, e.Time = "qemu:debian-12", boot+1, when.Add(time.Duration(boot)*time.Second)
			list = append(list, e)
		}
		add(event.Event{Kind: event.BootStarted})
		add(event.Event{Kind: event.Booted, Machine: &event.Machine{Kernel: kernel}})
		add(event.Event{Kind: event.SpecStarted, Spec: "munmap/anon-8k"})
		// Boots differ by half a percent for nothing.
		v := level * (1 + 0.005*float64((boot*7+n*3)%10-5)/5)
		add(event.Event{Kind: event.Sampled, Spec: "munmap/anon-8k", Sample: &event.Sample{Name: "munmap/anon-8k", Unit: "insns/op", Values: []float64{v - 20, v, v + 30}}})
		for _, unit := range []string{"pgfault/op", "tlb_flush/op"} {
			count := 40.0
			if unit == "pgfault/op" && level > 16000 {
				count = 55
			}
			add(event.Event{Kind: event.Sampled, Spec: "munmap/anon-8k", Sample: &event.Sample{Name: "munmap/anon-8k", Unit: unit, Value: count + 0.01*float64(boot)}})
		}
		add(event.Event{Kind: event.SpecEnded, Spec: "munmap/anon-8k", Result: &event.Result{Verdict: event.Pass}})
		add(event.Event{Kind: event.Finished})
	}
	return append(list, event.Event{Kind: event.TargetEnded, Target: "qemu:debian-12", Time: when.Add(time.Minute)}, event.Event{Kind: event.RunEnded, Time: when.Add(time.Minute)})
}

// What became slower is named, with the run and the version it came with, and judged against the base.
func TestHistory(t *testing.T) {
	var dirs []string
	for n := range 12 {
		level, kernel := 15000.0, "6.1.0-55"
		if n >= 8 {
			level, kernel = 17300, "6.1.0-56"
		}
		dirs = append(dirs, recorded(t, measured(fmt.Sprint("nightly-", n), n, kernel, level)...))
	}
	page := drawn(t, loaded(t, dirs...), Options{})
	for _, want := range []string{"changed by +15.", "with nightly-8: Linux 6.1.0-56 after Linux 6.1.0-55", `class="at"`, `id="history"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the history lacks %s", want)
		}
	}
	page = drawn(t, loaded(t, dirs[0], dirs[11]), Options{})
	for _, want := range []string{`<td class="f">different`, "+15.3\u202f%", "p = "} {
		if !strings.Contains(page, want) {
			t.Errorf("the benchmarks lack %s", want)
		}
	}
	// More page faults explain it, and are not a benchmark that became worse: as xtest compare has it.
	for _, want := range []string{"0 of 2 judged failed on 2 targets; 1 benchmark is worse</h1>", "1 worse, 0 better, 0 same, 0 unknown; 1 counter differs", "Counters that differ", `<td class="">different`, "1 counter is not known to differ"} {
		if !strings.Contains(page, want) {
			t.Errorf("the benchmarks lack %s", want)
		}
	}
	page = drawn(t, loaded(t, dirs[:4]...), Options{})
	if !strings.Contains(page, "no change is known") || strings.Contains(page, `<td class="f">different`) {
		t.Error("there is a change where none was")
	}
	if *shots != "" && flag.NArg() == 0 {
		for name, some := range map[string][]string{"history": dirs, "regression": {dirs[0], dirs[11]}} {
			b := browser.Open(t, written(t, loaded(t, some...), Options{}))
			b.Eval("document.getElementById('benchmarks').scrollIntoView()")
			keep(b, name+"-1")
			b.Eval("document.getElementById('history')?.scrollIntoView()")
			keep(b, name+"-2")
		}
	}
}
