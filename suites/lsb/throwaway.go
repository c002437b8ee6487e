package lsb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// Folders that a throw-away view of the machine has of its own, in memory: copies, and empty ones.
var (
	copiedFolders = []string{"/etc", "/var/spool"}
	emptyFolders  = []string{"/home", "/var/mail", "/opt"}
)

// view is a mount namespace where the folders that utilities for administrators change are in memory:
// nothing that they write remains. It is made once for a boot, and its folders are put back behind
// each use; entering it costs no process.
type view struct {
	sync.Mutex
	namespace *os.File // nsfs
	folders   []*folder
}

var away view

// do calls f in the view. What f starts must have ended when it returns.
func (v *view) do(f func() error) (err error) {
	v.Lock()
	defer v.Unlock()
	aside(func() {
		if err = v.enter(); err == nil {
			err = errors.Join(f(), v.restore())
		}
	})
	return err
}

// aside calls f in a thread that ends with it. The process's first thread, which stands for the whole
// process in /proc, is not taken.
func aside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			aside(f)
			return
		}
		f()
	}()
	<-done
}

// enter takes the calling thread into the view.
func (v *view) enter() error {
	if v.namespace == nil {
		return v.open()
	}
	// A thread that shares its working directory with others cannot change its mounts.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("leaving the other threads: %w", err)
	}
	if err := unix.Setns(int(v.namespace.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("entering the throw-away view: %w", err)
	}
	return nil
}

// open makes the view.
func (v *view) open() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("making a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	var all []*folder
	for _, dir := range copiedFolders {
		f, err := cover(dir, true)
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	for _, dir := range emptyFolders {
		f, err := cover(dir, false)
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	ns, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return fmt.Errorf("keeping the throw-away view: %w", err)
	}
	v.namespace, v.folders = ns, all
	return v.restore()
}

func (v *view) restore() error {
	left := int64(maxCopied)
	for _, f := range v.folders {
		if f == nil {
			continue
		}
		if err := f.restore(&left); err != nil {
			return fmt.Errorf("putting %s back: %w", f.at, err)
		}
	}
	return nil
}

// cover mounts memory over a folder. What it hides can be read through the folder's origin.
func cover(dir string, copied bool) (*folder, error) {
	at, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f := &folder{at: at, is: map[string]inode{}}
	if copied {
		if f.origin, err = os.OpenRoot(at); err != nil {
			return nil, err
		}
	}
	if err := unix.Mount("xtest", at, "tmpfs", 0, "mode=0755"); err != nil {
		return nil, fmt.Errorf("covering %s: %w", dir, err)
	}
	return f, nil
}

// throwawayView probes for a view of the machine's files that changes can be made to and thrown away.
var throwawayView = spec.Probe{Name: "throw-away files", Check: func() error {
	return away.do(func() error { return nil })
}}

// inView judges in the throw-away view.
func inView(c check) check {
	return func(ctx context.Context, m *machine) (f finding, err error) {
		err = away.do(func() error {
			f, err = c(ctx, m)
			return err
		})
		return f, err
	}
}
