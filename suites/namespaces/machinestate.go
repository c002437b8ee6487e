package namespaces

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/guard"
	"xtest/suites/spec"
)

// machineState lists what a machine has of what may be left behind: our own descendants, mounts, links,
// control groups and System V objects.
func machineState() ([]string, error) {
	var all []string
	for _, pid := range descendants(os.Getpid()) {
		all = append(all, fmt.Sprintf("process %d", pid))
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 4 {
			all = append(all, "mount "+f[4])
		}
	}
	links, listed := net.Interfaces()
	for _, l := range links {
		all = append(all, "link "+l.Name)
	}
	walked := filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, "control group "+path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	for _, kind := range []string{"shm", "msg", "sem"} {
		text, _ := os.ReadFile("/proc/sysvipc/" + kind) // a kernel without System V IPC has none
		for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			if f := strings.Fields(line); i > 0 && len(f) > 1 {
				all = append(all, kind+" object "+f[1])
			}
		}
	}
	slices.Sort(all)
	return all, errors.Join(err, listed, walked)
}

// differences says what came and went between two states.
func differences(before, after []string) []string {
	var all []string
	for _, a := range after {
		if !slices.Contains(before, a) {
			all = append(all, "new: "+a)
		}
	}
	for _, b := range before {
		if !slices.Contains(after, b) {
			all = append(all, "gone: "+b)
		}
	}
	return all
}

// leaves waits until something is as it was, for as long as the kernel has for what it does later. It reaps
// what became a child of this process meanwhile.
func leaves(t *spec.T, settled func() (bool, error)) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for start := time.Now(); ; {
		reapOrphans()
		done, err := settled()
		if done || err != nil {
			return err
		}
		if time.Since(start) > gone {
			return fmt.Errorf("it is not so after %v", gone)
		}
		select {
		case <-tick.C:
		case <-t.Done():
			return t.Err()
		}
	}
}

// reapOrphans reaps children of this process that have ended. Nothing of the spec's own may be running.
func reapOrphans() {
	for _, pid := range guard.Children(os.Getpid()) {
		unix.Wait4(pid, nil, unix.WNOHANG|unix.WALL, nil)
	}
}

// removed removes a control group once its processes are gone.
func removed(t *spec.T, group string) error {
	return leaves(t, func() (bool, error) {
		err := unix.Rmdir(group)
		if errors.Is(err, unix.EBUSY) {
			return false, nil
		}
		return err == nil, err
	})
}
