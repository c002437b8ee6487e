package agent

import (
	"fmt"
	"os"
	"path/filepath"
)

// slackParam is the kernel parameter that says how late the timers of the agent's threads may go off, in nanoseconds.
const slackParam = "slack"

// slacken lets the timers of this process's threads, and of those that they start, go off up to the given time late,
// as they do with the next tick of the clock. Go's runtime has a thread that looks after the others every 20
// microseconds to 10 milliseconds, and under an emulated hypervisor each look takes a quarter of a millisecond.
func slacken(nanoseconds string) error {
	threads, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		return err
	}
	for _, t := range threads {
		// proc(5): only /proc/TID has the file, not the thread's folder below its process.
		if err := os.WriteFile(filepath.Join("/proc", filepath.Base(t), "timerslack_ns"), []byte(nanoseconds), 0); err != nil {
			return fmt.Errorf("slackening the agent's timers: %w", err)
		}
	}
	return nil
}
