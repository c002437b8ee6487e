package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// scratchPattern names the folders of boots. Who uses one holds a lock on it, flock(2): xtest at first,
// then the machine's guard, which removes it.
const scratchPattern = "xtest-machine-*-held"

// newScratch makes a folder for a boot, and holds it as long as the descriptor is open somewhere. It removes
// those that nobody holds any more: of an xtest that was killed before its guard was up, or with its guard.
func newScratch() (dir string, held *os.File, err error) {
	stale, _ := filepath.Glob(filepath.Join(os.TempDir(), scratchPattern)) // the pattern is a good one
	for _, old := range stale {
		if lock, err := hold(old, unix.LOCK_NB); err == nil {
			os.RemoveAll(old) // as far as it is ours
			lock.Close()
		}
	}
	for {
		if dir, err = os.MkdirTemp("", scratchPattern); err != nil {
			return "", nil, fmt.Errorf("making a scratch folder: %w (TMPDIR chooses where)", err)
		}
		if held, err = hold(dir, 0); err == nil {
			return dir, held, nil
		}
		if !errors.Is(err, os.ErrNotExist) { // else another xtest swept it before it was held
			return "", nil, errors.Join(fmt.Errorf("holding a scratch folder: %w", err), os.RemoveAll(dir))
		}
	}
}

// hold locks a folder. The error is os.ErrNotExist when it went meanwhile.
func hold(dir string, how int) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|how); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := os.Lstat(dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
