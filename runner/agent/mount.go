package agent

import (
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/wire"
)

type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

const plain = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

func (m mount) do() error {
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return fmt.Errorf("mounting %s: %w", m.target, err)
	}
	if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", m.kind, m.target, err)
	}
	return nil
}

// earlyMounts is what the agent itself needs.
func earlyMounts() error {
	return errors.Join(
		mount{"devtmpfs", "/dev", "devtmpfs", unix.MS_NOSUID, "mode=0755"}.do(),
		mount{"proc", "/proc", "proc", plain, ""}.do(),
	)
}

// lateMounts is what specs and programs of the distribution rely on. Kernels may lack some. A root
// file system of a distribution brings its /run along, filled as its own boot would fill it.
func lateMounts(ownRun bool) error {
	var run error
	if !ownRun {
		run = mount{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755"}.do()
	}
	return errors.Join(run,
		mount{"sysfs", "/sys", "sysfs", plain, ""}.do(),
		mount{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=0620,ptmxmode=0666"}.do(),
		mount{"tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"}.do(),
		mount{"tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"}.do(),
		mount{"cgroup2", "/sys/fs/cgroup", "cgroup2", plain, ""}.do(),
	)
}

// switchRoot makes the given file system, or an empty tmpfs, the root. The RAM file system that the
// kernel starts from cannot stay: pivot_root(2) refuses it, and specs that use it would be misled.
func switchRoot(root *wire.Root) error {
	const next = "/newroot"
	m := mount{"tmpfs", next, "tmpfs", 0, "mode=0755"}
	if root != nil {
		if err := awaitDevice(root.Device); err != nil {
			return err
		}
		m = mount{root.Device, next, root.Type, unix.MS_NOATIME, ""}
	}
	if err := m.do(); err != nil {
		return err
	}
	for _, dir := range []string{"/dev", "/proc"} {
		if err := os.MkdirAll(path.Join(next, dir), 0o755); err != nil {
			return fmt.Errorf("changing to the new root: %w", err)
		}
		if err := unix.Mount(dir, path.Join(next, dir), "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("moving %s to the new root: %w", dir, err)
		}
	}
	if err := unix.Chdir(next); err != nil {
		return fmt.Errorf("changing to the new root: %w", err)
	}
	// As switch_root(8): a chroot alone would leave the process in a state in which user namespaces
	// are refused, user_namespaces(7).
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("moving the new root to /: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("changing to the new root: %w", err)
	}
	return unix.Chdir("/")
}

// awaitDevice waits for a block device to be found by its driver.
func awaitDevice(name string) error {
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(name); err == nil {
			return nil
		}
		select {
		case <-deadline.C:
			return fmt.Errorf("the kernel shows no device %s: a driver may be missing", name)
		case <-tick.C:
		}
	}
}

func powerOff() {
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {} // init must not end, even where the machine cannot switch itself off
}
