package machine

import (
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// allowed says where a process that start starts may run.
func allowed(t *testing.T, processor int) string {
	t.Helper()
	var out strings.Builder
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "grep ^Cpus_allowed_list: /proc/self/status")
	cmd.Stdout = &out
	if err := confined(processor, cmd.Start); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(strings.TrimSpace(out.String()), "\t")
	return list
}

func TestMachinesSpreadOverProcessors(t *testing.T) {
	var mine unix.CPUSet
	if err := unix.SchedGetaffinity(0, &mine); err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	var releases []func()
	for range 2 * mine.Count() {
		p, release := occupy()
		if !mine.IsSet(p) {
			t.Fatalf("processor %d is none of this program's", p)
		}
		count[p]++
		releases = append(releases, release)
	}
	for p, n := range count {
		if n != 2 {
			t.Errorf("%d machines on processor %d of %d, want 2", n, p, mine.Count())
		}
	}
	for _, r := range releases {
		r()
		r() // a second time does nothing
	}
	for p, n := range occupied.machines {
		if n != 0 {
			t.Errorf("%d machines are left on processor %d", n, p)
		}
	}
}

func TestConfined(t *testing.T) {
	all := allowed(t, -1)
	p, release := occupy()
	defer release()
	if got := allowed(t, p); strings.ContainsAny(got, ",-") {
		t.Errorf("a process that is confined to one processor runs on %s", got)
	}
	if got := allowed(t, -1); got != all {
		t.Errorf("behind it this program's processes run on %s instead of %s", got, all)
	}
}
