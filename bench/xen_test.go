package bench

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// BenchmarkXen compares `xtest run xen:debian-12`, all specs from domain 0, with the bare boot to
// power-off of the same hypervisor and kernel. The limit is 1.5.
func BenchmarkXen(b *testing.B) {
	xtest := build(b)
	_, _, warm := run(b, xtest, "xen:debian-12")
	command, initrd := warm.Targets[0].Plan.Command, bareInitrd(b)
	bareXen(b, command, initrd)
	var whole, bare, specs time.Duration
	for b.Loop() {
		took, _, m := run(b, xtest, "xen:debian-12")
		whole += took
		for _, s := range m.Targets[0].Specs {
			specs += s.Result.Duration
		}
		bare += bareXen(b, command, initrd)
	}
	n := float64(b.N)
	b.ReportMetric(whole.Seconds()/bare.Seconds(), "run/bare")
	b.ReportMetric(bare.Seconds()/n, "bare-s")
	b.ReportMetric(specs.Seconds()/n, "specs-s")
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
