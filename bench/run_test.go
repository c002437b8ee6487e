package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xtest/reports"
	"xtest/runner/event"
)

// build makes the binary as `make build` does.
func build(tb testing.TB) string {
	path := filepath.Join(tb.TempDir(), "xtest")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "xtest/cmd/xtest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// run judges and gives the wall time, xtest's own peak of memory in bytes, and the record.
func run(tb testing.TB, xtest string, args ...string) (took time.Duration, peak int64, m *reports.Model) {
	runs := tb.TempDir()
	cmd := exec.Command(xtest, append([]string{"run", "--runs", runs}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	// Of the tree of processes only xtest itself counts, so not rusage(2), which takes in the guests.
	status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)
	buf := make([]byte, 4096)
	for {
		n, err := out.Read(buf)
		peak = max(peak, highWater(status))
		if err == io.EOF {
			break
		}
		if err != nil {
			tb.Fatal(err, n)
		}
	}
	cmd.Wait() // failing specs are no failure of the benchmark
	took = time.Since(start)
	found, err := filepath.Glob(filepath.Join(runs, "*"))
	if err != nil || len(found) != 1 {
		tb.Fatalf("one run expected below %s, found %v", runs, found)
	}
	if m, err = reports.Load(found[0]); err != nil {
		tb.Fatal(err)
	}
	if m.Counts.Judged() == 0 {
		tb.Fatalf("nothing was judged: %s", found[0])
	}
	return took, peak, m
}

// highWater reads VmHWM, proc(5), in bytes.
func highWater(status string) int64 {
	text, err := os.ReadFile(status)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kb int64
	fmt.Sscanf(rest, "%d kB", &kb)
	return kb << 10
}

// BenchmarkRun compares `xtest run uml:debian-12 --suite namespaces`, cache warm, with the bare boot
// to power-off of the same kernel plus the specs' own time. The limit is 1.25.
func BenchmarkRun(b *testing.B) {
	xtest := build(b)
	args := []string{"uml:debian-12", "--suite", "namespaces"}
	_, _, warm := run(b, xtest, args...)
	command := warm.Targets[0].Plan.Command
	initrd := bareInitrd(b)
	bareBoot(b, command, initrd)
	var whole, bare, specs time.Duration
	var peak int64
	for b.Loop() {
		took, p, m := run(b, xtest, args...)
		whole, peak = whole+took, max(peak, p)
		for _, s := range m.Targets[0].Specs {
			specs += s.Result.Duration
		}
		bare += bareBoot(b, command, initrd)
	}
	n := float64(b.N)
	b.ReportMetric(whole.Seconds()/(bare+specs).Seconds(), "run/(bare+specs)")
	b.ReportMetric(bare.Seconds()/n, "bare-s")
	b.ReportMetric(specs.Seconds()/n, "specs-s")
	b.ReportMetric(float64(peak)/1e6, "peak-MB")
	if st, err := os.Stat(xtest); err == nil {
		b.ReportMetric(float64(st.Size())/1e6, "binary-MB")
	}
}

// BenchmarkBoot compares a run of one spec that does nothing with the bare boot to power-off: the fixed
// cost, as the ratio of the medians. The limit is 1.10. Up to the verdict is until the record has it; the
// whole is until xtest has ended, with the machine switched off.
func BenchmarkBoot(b *testing.B) {
	xtest := build(b)
	for name, args := range map[string][]string{
		"uml": {"uml:debian-12"}, "microvm": {"qemu:debian-12"}, "q35": {"qemu:debian-12", "--machine", "q35"},
		"uml-agent": {"uml:debian-12", "--no-rootfs"}, "microvm-agent": {"qemu:debian-12", "--no-rootfs"},
	} {
		b.Run(name, func(b *testing.B) {
			args := append(args, "--spec", "selftest/passes")
			_, _, warm := run(b, xtest, args...)
			command, initrd := warm.Targets[0].Plan.Command, bareInitrd(b)
			bareBoot(b, command, initrd)
			var whole, judged, bare []time.Duration
			for b.Loop() {
				start := time.Now()
				took, _, m := run(b, xtest, args...)
				whole = append(whole, took)
				judged = append(judged, verdict(b, m.Dir).Sub(start))
				bare = append(bare, bareBoot(b, command, initrd))
			}
			b.ReportMetric(median(judged).Seconds()/median(bare).Seconds(), "verdict/bare")
			b.ReportMetric(median(whole).Seconds()/median(bare).Seconds(), "run/bare")
			b.ReportMetric(median(bare).Seconds(), "bare-s")
		})
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// verdict is when the record had the first verdict.
func verdict(tb testing.TB, dir string) time.Time {
	text, err := os.ReadFile(filepath.Join(dir, "events.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			tb.Fatal(err)
		}
		if e.Kind == event.SpecEnded {
			return e.Time
		}
	}
	tb.Fatalf("%s holds no verdict", dir)
	return time.Time{}
}
