package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// BenchmarkEight compares eight User-Mode Linux machines, as many at once as there are cores, with eight
// in a row, each judging a few specs. The limit is 0.6 on two cores.
func BenchmarkEight(b *testing.B) {
	if runtime.GOMAXPROCS(0) < 2 {
		b.Skip("needs two cores")
	}
	xtest := build(b)
	const machines = 8
	file := filepath.Join(b.TempDir(), "eight.yaml")
	var text strings.Builder
	fmt.Fprintln(&text, "targets:")
	for i := range machines {
		fmt.Fprintf(&text, "  m%d: {target: uml:debian-12}\n", i)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	eight := func(args ...string) time.Duration {
		took, _, m := run(b, xtest, append([]string{"--config", file, "--no-rootfs", "--spec", "uts/*", "--spec", "selftest/passes"}, args...)...)
		if c := m.Counts; len(m.Targets) != machines || c.Broken+c.NotJudged > 0 || !m.Whole {
			b.Fatalf("%d targets, %+v", len(m.Targets), c)
		}
		return took
	}
	eight()
	var together, inARow time.Duration
	for b.Loop() {
		inARow += eight("--jobs", "1")
		together += eight()
	}
	b.ReportMetric(together.Seconds()/inARow.Seconds(), "together/in-a-row")
	b.ReportMetric(together.Seconds()/float64(b.N), "together-s")
	b.ReportMetric(inARow.Seconds()/float64(b.N), "in-a-row-s")
}
