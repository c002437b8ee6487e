package reports

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xtest/runner/event"
)

// hands is a clock that is moved by hand.
type hands struct{ now time.Time }

func (h *hands) Now() time.Time          { return h.now }
func (h *hands) advance(d time.Duration) { h.now = h.now.Add(d) }

// play shows the events of the golden run as they came.
func play(t *testing.T, p *Progress, h *hands) {
	t.Helper()
	rec, err := Read("testdata/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range rec.Entries {
		if e.Time.After(h.now) {
			h.now = e.Time
		}
		p.Add(e.Event)
	}
	p.Close()
}

func TestProgressPlain(t *testing.T) {
	h := &hands{now: t0}
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{Now: h.Now})
	p.Transfer("kernel\x1b[2J", 0, 45e6)
	for i := range 100 {
		h.advance(100 * time.Millisecond)
		p.Transfer("kernel\x1b[2J", int64(i)*450e3, 45e6)
	}
	p.Transfer("kernel\x1b[2J", 45e6, 45e6)
	p.Transfer("rootfs", 0, -1)
	play(t, p, h)
	golden(t, "progress.txt", b.Bytes())
	harmless(t, b.String(), false)
}

func TestProgressTerminal(t *testing.T) {
	h := &hands{now: t0}
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{Now: h.Now, Terminal: true, Options: Options{Width: 80}})
	play(t, p, h)
	golden(t, "progress-terminal.txt", bytes.ReplaceAll(b.Bytes(), []byte("\r"), []byte("<CR>\n")))
	s := b.String()
	harmless(t, regexp.MustCompile("\r(\x1b\\[[0-9]+A)?\x1b\\[J").ReplaceAllString(s, ""), false)
}

// A fetch that fails says nothing more; the live line must not go on about it.
func TestStalledTransferLeavesTheLine(t *testing.T) {
	h := &hands{now: t0}
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{Now: h.Now, Terminal: true})
	p.Transfer("linux.deb", 10, 100)
	h.advance(time.Second)
	p.Tick()
	if !strings.Contains(b.String(), "fetching linux.deb") {
		t.Errorf("a transfer that moves is not shown: %q", b.String())
	}
	b.Reset()
	h.advance(stalled)
	p.Tick()
	if b.Len() == 0 || strings.Contains(b.String(), "linux.deb") {
		t.Errorf("a stalled transfer is shown: %q", b.String())
	}
}

func TestProgressRate(t *testing.T) {
	h := &hands{now: t0}
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{Now: h.Now, Terminal: true})
	p.Add(event.Event{Kind: event.Booted, Target: "t", Boot: 1})
	for i := range 1000 {
		p.Add(listed(fmt.Sprint(i)))
	}
	b.Reset()
	for i := range 1000 { // in one second
		e := started(fmt.Sprint(i))
		e.Target = "t"
		p.Add(e)
		e = ended(fmt.Sprint(i), event.Pass)
		e.Target = "t"
		p.Add(e)
		h.advance(time.Millisecond)
	}
	if n := strings.Count(b.String(), "\r"); n < 8 || n > 11 {
		t.Errorf("the live line was drawn %d times in a second", n)
	}
}

func TestProgressLeft(t *testing.T) {
	h := &hands{now: t0}
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{Now: h.Now, Terminal: true})
	on := func(e event.Event) { e.Target, e.Boot = "t", 1; p.Add(e) }
	on(is(event.Booted))
	for i := range 100 {
		on(listed(fmt.Sprint(i)))
	}
	for i := range 25 {
		on(started(fmt.Sprint(i)))
		h.advance(time.Second)
		on(ended(fmt.Sprint(i), event.Pass))
	}
	h.advance(time.Second)
	b.Reset()
	p.Tick()
	if s := b.String(); !strings.Contains(s, "00:26 · targets 0/1 · specs 25/100 · 0 failed · about 1 min 18 s left") {
		t.Errorf("the live line is %q", s)
	}
	p.Close()
	if s := b.String(); !strings.HasSuffix(s, "\r\x1b[1A\x1b[J") {
		t.Errorf("a live line was left behind: %q", s)
	}
}

func TestTransferTerminal(t *testing.T) {
	h := &hands{now: t0}
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{Now: h.Now, Terminal: true})
	p.Transfer("linux.deb", 5e6, 45e6) // resumed: what was there does not count as speed
	h.advance(2 * time.Second)
	b.Reset()
	p.Transfer("linux.deb", 13e6, 45e6)
	if s := b.String(); !strings.Contains(s, "fetching linux.deb · 13 MB of 45 MB · 4.0 MB/s · 8 s left") {
		t.Errorf("the live line is %q", s)
	}
	h.advance(8 * time.Second)
	b.Reset()
	p.Transfer("linux.deb", 45e6, 45e6)
	if s := b.String(); !regexp.MustCompile(`fetched  linux\.deb  45 MB in 10\.0 s, 4\.0 MB/s\n`).MatchString(s) {
		t.Errorf("the end is %q", s)
	}
	b.Reset()
	p.Close()
	p.Transfer("late", 1, 2)
	if strings.Contains(b.String(), "late") {
		t.Error("something was shown after Close")
	}
}

func TestProgressConcurrent(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{Terminal: true})
	ctx, cancel := context.WithCancel(t.Context())
	var all, watch sync.WaitGroup
	watch.Go(func() { p.Watch(ctx) })
	for g := range 4 {
		all.Go(func() {
			name := fmt.Sprint("t", g)
			for i := range 50 {
				p.Add(event.Event{Kind: event.SpecStarted, Target: name, Spec: fmt.Sprint(i)})
				p.Add(event.Event{Kind: event.SpecEnded, Target: name, Spec: fmt.Sprint(i), Result: &event.Result{Verdict: event.Fail}})
				p.Transfer(name, int64(i), 49)
			}
		})
	}
	all.Wait()
	cancel()
	watch.Wait()
	p.Close()
	if n := strings.Count(b.String(), "FAIL"); n != 200 {
		t.Errorf("%d failures were shown, not 200", n)
	}
}

// The live view has a line for each machine that is up, as many as fit, is taken away whole, also after the
// terminal became narrower, and is not drawn when nothing has changed.
func TestLiveView(t *testing.T) {
	h := &hands{now: t0}
	var b bytes.Buffer
	width, height := 80, 24
	p := NewProgress(&b, ProgressOptions{Now: h.Now, Terminal: true, Size: func() (int, int) { return width, height }})
	const targets = 12
	for i := range targets {
		on := func(e event.Event) { e.Target, e.Boot, e.Time = fmt.Sprint("uml:", i), 1, h.now; p.Add(e) }
		on(is(event.BootStarted))
		if i == 0 {
			on(is(event.Booted))
			on(listed("user/limit"))
			on(listed("user/map"))
			on(started("user/map"))
			on(ended("user/map", event.Fail))
			on(started("user/limit\x1b[2J"))
		}
	}
	h.advance(3 * time.Second)
	b.Reset()
	p.Tick()
	got := b.String()
	for _, want := range []string{" uml:0   ━━━━━┄┄┄┄┄┄┄┄┄┄┄  1/3 · 1 failed · user/limit\\x1b[2J 3 s\n", " uml:1   booting 3 s\n", " and 5 more machines\n", "00:03 · targets 0/12 · specs 1/3 · 1 failed"} {
		if !strings.Contains(got, want) {
			t.Errorf("the view lacks %q: %q", want, got)
		}
	}
	b.Reset()
	h.advance(redraw)
	p.Tick()
	if b.Len() > 0 {
		t.Errorf("nothing has changed, and %q was drawn", b.String())
	}
	width, height = 30, 6
	h.advance(time.Second)
	p.Tick()
	if got := b.String(); !strings.HasPrefix(got, "\r\x1b[11A\x1b[J") || strings.Count(got, "\n") != 3 {
		t.Errorf("on a small terminal it is %q", got) // nine lines, of which one had become three and one two
	}
	for _, want := range []string{" uml:0   1/3 · 1 failed", "\n00:04 · 0/12 · 1/3 · 1 failed"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("on a small terminal there is no %q: %q", want, b.String())
		}
	}
	b.Reset()
	p.Close()
	if got := b.String(); got != "\r\x1b[3A\x1b[J" {
		t.Errorf("it was taken away by %q", got)
	}
}

// BenchmarkLiveView plays ten minutes of a run that ends 200 specs a second on four machines, a failure in
// twenty, and gives the part of a processor that showing it takes.
func BenchmarkLiveView(b *testing.B) {
	var spent, played time.Duration
	for b.Loop() {
		h := &hands{now: t0}
		p := NewProgress(io.Discard, ProgressOptions{Now: h.Now, Terminal: true})
		start := processor()
		for i := range 600 * 200 {
			on := func(e event.Event) { e.Target, e.Boot, e.Time = fmt.Sprint("uml:", i%4), 1, h.now; p.Add(e) }
			if i < 4 {
				on(is(event.Booted))
			}
			on(listed(fmt.Sprint(i)))
			on(started(fmt.Sprint(i)))
			verdict := event.Pass
			if i%20 == 0 {
				verdict = event.Fail
			}
			on(ended(fmt.Sprint(i), verdict))
			h.advance(5 * time.Millisecond)
			if i%20 == 0 {
				p.Tick()
			}
		}
		p.Close()
		spent, played = spent+processor()-start, played+10*time.Minute
	}
	b.ReportMetric(100*float64(spent)/float64(played), "%-of-a-core")
}

// processor is how long this process has kept processors busy.
func processor() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
