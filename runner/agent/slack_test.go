package agent

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSlacken(t *testing.T) {
	const file = "/proc/self/timerslack_ns"
	before, err := os.ReadFile(file)
	if err != nil {
		t.Skip(err)
	}
	if err := slacken("70000"); errors.Is(err, unix.EPERM) {
		t.Skip("it needs root: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slacken(strings.TrimSpace(string(before))) })
	// Of the first thread, which is not this one.
	if after, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(after)) != "70000" {
		t.Errorf("the slack is %q, %v", after, err)
	}
	if err := slacken("soon"); err == nil {
		t.Error("a slack that is no number was taken")
	}
}
