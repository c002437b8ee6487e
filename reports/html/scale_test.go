package html

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"xtest/reports"
	"xtest/runner/event"
)

// vast writes the record of a run of many specs on many targets: one in fifty fails or breaks somewhere, a
// tenth does not apply.
func vast(tb testing.TB, specs, targets, samples int) string {
	tb.Helper()
	dir := tb.TempDir()
	f, err := os.Create(filepath.Join(dir, reports.RecordName))
	if err != nil {
		tb.Fatal(err)
	}
	out := bufio.NewWriter(f)
	enc := json.NewEncoder(out)
	put := func(e event.Event) {
		e.Time = t0
		if err := enc.Encode(e); err != nil {
			tb.Fatal(err)
		}
	}
	names := make([]string, targets)
	for t := range names {
		names[t] = fmt.Sprintf("qemu:release-%d", t)
	}
	put(event.Event{Kind: event.RunStarted, Run: &event.Run{ID: "vast", Version: "0", Targets: names}})
	for t, name := range names {
		at := event.Event{Target: name, Boot: 1}
		with := func(k event.Kind) event.Event { e := at; e.Kind = k; return e }
		put(with(event.TargetPlanned))
		booted := with(event.Booted)
		booted.Machine = &event.Machine{Kernel: fmt.Sprint("6.", t), Distro: "Debian"}
		put(booted)
		for i := range specs {
			e := with(event.SpecListed)
			e.Suite, e.Spec = fmt.Sprint("suite-", i%4), fmt.Sprintf("subject-%d/what-is-judged-%d", i%90, i)
			e.Meta = &event.Meta{Suite: e.Suite, Level: "MUST", Grade: "safe",
				Clause: fmt.Sprintf("standard_%d(7), section %d: what the clause asks for, in a sentence of the usual length", i%120, i)}
			put(e)
			e.Kind, e.Meta = event.SpecStarted, nil
			put(e)
			e.Kind, e.Result = event.SpecEnded, &event.Result{Verdict: event.Pass, Duration: time.Millisecond}
			switch {
			case (i+t)%50 == 0:
				e.Result.Verdict = event.Fail
				e.Result.Failure = &event.Failure{Call: fmt.Sprintf("call_%d(%d, 0x%x)", i, t, i*7919), Got: fmt.Sprint("ERRNO ", i+t), Expected: "EPERM"}
			case (i+t)%400 == 7:
				e.Result.Verdict, e.Result.Reason = event.Broken, fmt.Sprint("its machine crashed: oops ", i)
			case i%10 == 3:
				e.Result.Verdict, e.Result.Reason = event.NotApplicable, fmt.Sprint("no capability ", i%30)
			}
			put(e)
		}
		for i := range samples / targets {
			e := with(event.Sampled)
			e.Boot = 1 + i%40
			e.Spec, e.Sample = "bench", &event.Sample{Name: fmt.Sprint("b/", i%5), Unit: "insns/op", Value: float64(10000 + (i*7919)%301 + 20*t)}
			put(e)
		}
		put(with(event.Finished))
		put(with(event.TargetEnded))
	}
	put(event.Event{Kind: event.RunEnded})
	if err := out.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return dir
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }

// BenchmarkPage10000x8 reads a record of 10,000 specs on 8 targets and writes its page.
func BenchmarkPage10000x8(b *testing.B) { timed(b, 10_000, 8, 0) }

// BenchmarkMillionSamples does it with a million measurements.
func BenchmarkMillionSamples(b *testing.B) { timed(b, 10, 2, 1_000_000) }

func timed(b *testing.B, specs, targets, samples int) {
	dir := vast(b, specs, targets, samples)
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(150 << 20)) // as the command does
	var c counter
	var load, write time.Duration
	before := processor()
	for b.Loop() {
		start := time.Now()
		runs, unread := LoadAll([]string{dir})
		if len(unread) > 0 {
			b.Fatal(unread)
		}
		loaded := time.Now()
		c.n = 0
		if err := Write(&c, runs, Options{}); err != nil {
			b.Fatal(err)
		}
		load, write = load+loaded.Sub(start), write+time.Since(loaded)
	}
	b.ReportMetric(load.Seconds()/float64(b.N), "s-reading/op")
	b.ReportMetric(write.Seconds()/float64(b.N), "s-writing/op")
	b.ReportMetric((processor()-before).Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(c.n)/1e6, "MB-page")
	b.ReportMetric(peak(), "MB-peak")
}

// processor is how long this process has kept processors busy.
func processor() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the most memory that the process has had, in megabytes, or 0 where that is not told.
func peak() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.ParseFloat(kb, 64)
	return n / 1000
}

// A page of 10,000 specs on 8 targets keeps to its size, and to its memory while it is made.
func TestVast(t *testing.T) {
	if testing.Short() {
		t.Skip("it reads 240,000 events")
	}
	dir := vast(t, 10_000, 8, 0)
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(150 << 20))
	runtime.GC()
	var c counter
	runs, unread := LoadAll([]string{dir})
	if len(unread) > 0 {
		t.Fatal(unread)
	}
	if err := Write(&c, runs, Options{}); err != nil {
		t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	t.Logf("%d bytes; %d MB are held", c.n, m.HeapAlloc>>20)
	if c.n > 8<<20 || m.HeapAlloc > 150<<20 {
		t.Errorf("the page has %d bytes and takes %d MB", c.n, m.HeapAlloc>>20)
	}
	runtime.KeepAlive(runs)
}
