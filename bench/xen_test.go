package bench

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkXen compares `xtest run xen:debian-12`, all specs from domain 0, with the bare boot to power-off of the same
// command, as the ratio of the medians. The limit is 1.5. Both contain the three seconds that Xen waits behind its
// warning of sync_console. On a busy host the ratio of processor times is what can be compared: both machines have
// one processor and hardly idle.
func BenchmarkXen(b *testing.B) {
	xtest := build(b)
	_, _, warm := run(b, xtest, "xen:debian-12")
	command, initrd := warm.Targets[0].Plan.Command, bareInitrd(b)
	bareXen(b, command, initrd)
	var whole, bare, wholeCPU, bareCPU []time.Duration
	var specs time.Duration
	for b.Loop() {
		before := childTime(b)
		took, _, m := run(b, xtest, "xen:debian-12")
		between := childTime(b)
		alone := bareXen(b, command, initrd)
		after := childTime(b)
		whole, bare = append(whole, took), append(bare, alone)
		wholeCPU, bareCPU = append(wholeCPU, between-before), append(bareCPU, after-between)
		for _, s := range m.Targets[0].Specs {
			specs += s.Result.Duration
		}
		b.Logf("run %.1f s (%.1f of processor), bare %.1f s (%.1f)", took.Seconds(), (between - before).Seconds(), alone.Seconds(), (after - between).Seconds())
	}
	b.ReportMetric(median(whole).Seconds()/median(bare).Seconds(), "run/bare")
	b.ReportMetric(median(wholeCPU).Seconds()/median(bareCPU).Seconds(), "cpu/bare-cpu")
	b.ReportMetric(median(bare).Seconds(), "bare-s")
	b.ReportMetric(specs.Seconds()/float64(b.N), "specs-s")
}

// childTime is the processor time of all processes that have ended and been waited for, by this one or below it.
func childTime(tb testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bareXen boots a Xen machine's command with the given RAM file system for domain 0 and gives the time
// until its process has ended.
func bareXen(tb testing.TB, command []string, initrd string) time.Duration {
	var args []string
	for i, a := range command {
		switch {
		case command[max(i-1, 0)] == "-initrd":
			a = a[:strings.LastIndexByte(a, ',')+1] + initrd
		case command[max(i-1, 0)] == "-chardev":
			// Nobody is at the other end of the event channel and of the monitor.
			_, rest, _ := strings.Cut(a, "id=")
			id, _, _ := strings.Cut(rest, ",")
			a = "null,id=" + id
		}
		args = append(args, a)
	}
	var console bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &console, &console
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil || !bytes.Contains(console.Bytes(), []byte("Power down")) {
		tb.Fatalf("the bare machine did not power off: %v\n%s", err, console.Bytes())
	}
	return took
}
