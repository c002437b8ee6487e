package reports

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
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
	harmless(t, strings.NewReplacer("\r", "", "\x1b[K", "").Replace(s), false)
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
	if s := b.String(); !strings.HasSuffix(s, "\r\x1b[K") {
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
