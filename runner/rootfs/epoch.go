package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/debian"
)

// day is how long a guest that is given an epoch sees one date.
const day = 24 * time.Hour

// epoch is the time that the guest's clock begins with, and the latest time that a file of the root
// has: the midnight (UTC) after the last of the packages was built. It follows from the packages
// alone, and what the installation makes is younger than what they bring. A whole date, because
// shadow(5) keeps that of the last change.
func epoch(debs []string) (time.Time, error) {
	var last time.Time
	for _, deb := range debs {
		built, err := debian.Built(deb)
		if err != nil {
			return last, err
		}
		if built.After(last) {
			last = built
		}
	}
	return last.UTC().Truncate(day).Add(day), nil
}

// setClock makes the guest live at the epoch.
func setClock(seconds int64) error {
	return unix.ClockSettime(unix.CLOCK_REALTIME, &unix.Timespec{Sec: seconds})
}

// traces are what tells when and where an installation was made, below the root.
var traces = []string{
	"var/log/*.log", "var/log/apt/*", // what was done when
	"var/cache/ldconfig/aux-cache", // inode numbers and times of change: ldconfig(8) makes it anew
	"var/lib/dbus/machine-id",
	"etc/machine-id",
}

// forget removes the traces. machine-id(5): empty in an image, so that each machine gets its own.
func forget(root string) error {
	var all error
	for _, pattern := range traces {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		all = errors.Join(all, err)
		for _, file := range found {
			if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
				all = errors.Join(all, err)
			}
		}
	}
	return errors.Join(all, os.WriteFile(filepath.Join(root, "etc/machine-id"), nil, 0o444))
}
