package agent

import (
	"os/exec"
	"slices"
	"testing"
)

// What the agent itself keeps running is no spec's doing; the next one that is left is.
func TestSweepSparesWhatIsKept(t *testing.T) {
	long := func() *exec.Cmd {
		c := exec.Command("sleep", "60")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Process.Kill() })
		return c
	}
	stays, goes := long(), long()
	kept = stays.Process.Pid
	t.Cleanup(func() { kept = 0 })
	if list := children(); !slices.Contains(list, stays.Process.Pid) || !slices.Contains(list, goes.Process.Pid) {
		t.Errorf("children: %v", list)
	}
	if left := sweep(); left == "" {
		t.Error("a process that was left behind is not told of")
	}
	if list := children(); !slices.Equal(list, []int{kept}) {
		t.Errorf("children behind the sweep: %v, expected %d alone", list, kept)
	}
	kept = 0
	sweep()
}

// A sweep looks for children only when some process has come to be.
func TestBirths(t *testing.T) {
	var b births
	t.Cleanup(func() { b.file.Close() })
	if b.none() {
		t.Error("the first call knows of none")
	}
	if err := exec.Command("true").Run(); err != nil {
		t.Fatal(err)
	}
	if b.none() {
		t.Error("a process has come and gone, and none is told of")
	}
	// Others make processes too.
	for tries := 0; !b.none(); tries++ {
		if tries == 10_000 {
			t.Fatal("never is none told of")
		}
	}
}
