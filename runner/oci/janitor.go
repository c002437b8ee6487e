package oci

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// janitorName is the name the binary is started under to be a container's janitor.
	janitorName = "xtest-janitor"
	// trialName is the name it has in a container that proves that its runtime works.
	trialName = "xtest-trial"
)

// Main acts as what this process was started as, the janitor of a container or its trial, and exits;
// otherwise it returns at once.
//
// The guard ends all processes of a container and removes its files. What is left is its cgroup, which
// only the runtime would have removed, had it not been killed. So the janitor is no child of the
// guard's: it waits until the container's scratch folder goes, which is the last thing the guard
// does, and removes the cgroup.
func Main() {
	switch filepath.Base(os.Args[0]) {
	case trialName:
		os.Exit(0)
	case janitorName:
		if len(os.Args) != 3 {
			os.Exit(2)
		}
		if err := clean(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintf(os.Stderr, "xtest: %v\n", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// hireJanitor starts a janitor, which ends by itself.
func hireJanitor(scratch, cgroup string) error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{janitorName, scratch, cgroup}
	cmd.Env, cmd.Dir, cmd.Stderr = []string{}, "/", os.Stderr
	// A session of its own, so that what ends xtest does not end it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting what cleans up behind the container: %w", err)
	}
	go cmd.Wait() // it says itself what went wrong
	return nil
}

// grace is how long the guard may take to remove a container's files once xtest is gone.
const grace = 20 * time.Second

func clean(scratch, cgroup string) error {
	gone, err := removal(scratch)
	if err != nil {
		return err
	}
	orphaned := make(chan struct{})
	go awaitOrphaned(orphaned)
	select {
	case <-gone:
	case <-orphaned:
		limit := time.NewTimer(grace)
		defer limit.Stop()
		select {
		case <-gone:
		case <-limit.C: // the guard was killed, too
		}
	}
	return removeCgroups(cgroup)
}

// awaitOrphaned closes the channel when the process that started this one is gone.
func awaitOrphaned(orphaned chan<- struct{}) {
	defer close(orphaned)
	parent := os.Getppid()
	fd, err := unix.PidfdOpen(parent, 0)
	if err != nil || parent == 1 || os.Getppid() != parent {
		return
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// removal gives a channel that is closed when the folder is removed.
func removal(dir string) (<-chan struct{}, error) {
	gone := make(chan struct{})
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", dir, err)
	}
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_DELETE_SELF|unix.IN_ONLYDIR)
	if errors.Is(err, unix.ENOENT) {
		close(gone)
		return gone, unix.Close(fd)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watching %s: %w", dir, err), unix.Close(fd))
	}
	go func() {
		defer close(gone)
		var event [4096]byte
		for {
			if _, err := unix.Read(fd, event[:]); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	return gone, nil
}
