package campaign

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// meter reads the processor time of a machine and of ourselves: where others use the processors too, rates by
// the clock tell of them.
type meter struct{ machine, own string } // folders of threads

// newMeter finds the emulator: the one process that was told to use a file of ours.
func newMeter(tb testing.TB) *meter {
	tb.Helper()
	ours := fmt.Sprintf("mem-path=/proc/%d/fd/", os.Getpid())
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		text, err := os.ReadFile(l)
		// Who guards a machine has the same arguments.
		if err == nil && strings.HasPrefix(filepath.Base(strings.SplitN(string(text), "\x00", 2)[0]), "qemu") && strings.Contains(string(text), ours) {
			return &meter{machine: filepath.Dir(l) + "/task", own: "/proc/self/task"}
		}
	}
	tb.Fatal("the machine's process was not found")
	return nil
}

// spent is what the threads of a folder have used (Documentation/scheduler/sched-stats.rst).
func spent(tasks string) (sum time.Duration) {
	files, _ := filepath.Glob(tasks + "/*/schedstat")
	for _, f := range files {
		var on time.Duration
		if text, err := os.ReadFile(f); err == nil {
			fmt.Sscan(string(text), &on)
		}
		sum += on
	}
	return sum
}

// span is what something took: by the clock, of the machine's processor time, of ours.
type span struct{ clock, machine, own time.Duration }

// measure takes what f takes.
func (m *meter) measure(f func()) span {
	begin, machine, own := time.Now(), spent(m.machine), spent(m.own)
	f()
	return span{time.Since(begin), spent(m.machine) - machine, spent(m.own) - own}
}

// rate is calls and what they took.
type rate struct {
	span
	calls float64
}

func (r *rate) add(took span, calls float64) {
	r.span.clock += took.clock
	r.span.machine += took.machine
	r.span.own += took.own
	r.calls += calls
}

// clock, machine and cpu are calls a second of the clock, of the machine's processor time, and of all processor time.
func (r *rate) clock() float64   { return r.calls / r.span.clock.Seconds() }
func (r *rate) machine() float64 { return r.calls / r.span.machine.Seconds() }
func (r *rate) cpu() float64     { return r.calls / (r.span.machine + r.span.own).Seconds() }

func (r rate) String() string {
	return fmt.Sprintf("%.0f calls/s; %v of the machine's processor time, %v of ours for each", r.clock(), r.span.machine/time.Duration(r.calls), r.span.own/time.Duration(r.calls))
}
