package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"xtest/runner/event"
)

// large is a folder with a record of 100,000 events: 33,000 specs with one failure in a hundred.
func large(tb testing.TB) (dir string, size int64) {
	tb.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	put := func(e event.Event) {
		e.Time = t0
		if err := enc.Encode(e); err != nil {
			tb.Fatal(err)
		}
	}
	put(event.Event{Kind: event.RunStarted, Run: &event.Run{ID: "large", Version: "0"}})
	for i := range 33_333 {
		e := event.Event{Target: "qemu:debian-12", Boot: 1, Suite: "hypercall", Spec: fmt.Sprintf("kind/what-is-judged-%d", i)}
		e.Kind, e.Meta = event.SpecListed, &event.Meta{Suite: "hypercall", Level: "MUST", Grade: "guest",
			Clause: fmt.Sprintf("namespaces(7), section %d: what the clause asks for, in a sentence of the usual length", i)}
		put(e)
		e.Kind, e.Meta = event.SpecStarted, nil
		put(e)
		e.Kind, e.Result = event.SpecEnded, &event.Result{Verdict: event.Pass, Duration: time.Millisecond}
		if i%100 == 0 {
			e.Result.Verdict = event.Fail
			e.Result.Failure = &event.Failure{Call: "unshare(CLONE_NEWUSER)", Got: "0", Expected: "EPERM"}
		}
		put(e)
	}
	dir = tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, RecordName), b.Bytes(), 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir, int64(b.Len())
}

func render(tb testing.TB, dir string) *Model {
	tb.Helper()
	m, err := Load(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, err := range []error{Table(io.Discard, m, Options{}), JSON(io.Discard, m), JUnit(io.Discard, m)} {
		if err != nil {
			tb.Fatal(err)
		}
	}
	return m
}

func BenchmarkRender100k(b *testing.B) {
	dir, size := large(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		render(b, dir)
	}
}

// TestMemory holds the heap's peak while a large record is read, folded and written in every form
// to 100 MB.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it renders 100,000 events")
	}
	dir, size := large(t)
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		var peak uint64
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
			select {
			case <-stop:
				done <- peak
				return
			case <-tick.C:
			}
		}
	}()
	m := render(t, dir)
	close(stop)
	peak := <-done - before.HeapAlloc
	if m.Counts.Total() != 33_333 {
		t.Errorf("%d specs", m.Counts.Total())
	}
	t.Logf("peak %d MB for a record of %d MB", peak>>20, size>>20)
	if peak > 100<<20 {
		t.Errorf("the heap grew by %d MB", peak>>20)
	}
}
