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
