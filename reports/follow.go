package reports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
)

// Follow gives each event of a run's record to each, those that are there and those that are still appended, and
// returns at the run's end: when that is on the record, or nobody holds the record open for writing any more.
// Ended early by ctx, it gives the context's cause.
func Follow(ctx context.Context, dir string, each func(event.Event)) error {
	f, err := openRecord(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("following the run %s: inotify: %w", dir, err)
	}
	t := &tail{f: f, changes: os.NewFile(uintptr(fd), "inotify")}
	defer t.changes.Close()
	// The watch comes first, so that no change is missed between a look and the wait for the next.
	if _, err := unix.InotifyAddWatch(fd, f.Name(), unix.IN_MODIFY|unix.IN_CLOSE_WRITE|unix.IN_MOVE_SELF|unix.IN_DELETE_SELF); err != nil {
		return fmt.Errorf("following the run %s: inotify: %w", dir, err)
	}
	stop := context.AfterFunc(ctx, func() { t.changes.Close() })
	defer stop()
	rec := &Record{}
	err = rec.scan(t, func(e Entry) {
		t.ended = t.ended || e.Kind == event.RunEnded
		each(e.Event)
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// tail reads a record that grows: at its end it waits for more.
type tail struct {
	f       *os.File
	changes *os.File
	ended   bool // the run's end was read
}

func (t *tail) Read(p []byte) (int, error) {
	for {
		n, err := t.f.Read(p)
		if n > 0 || err != io.EOF {
			return n, err
		}
		if t.ended {
			return 0, io.EOF
		}
		over := !t.written()
		if n, err := t.f.Read(p); n > 0 || err != io.EOF { // what came just before it was closed
			return n, err
		}
		if over {
			return 0, io.EOF
		}
		var changed [4096]byte // one is enough; what they are is seen in the file
		if _, err := t.changes.Read(changed[:]); err != nil {
			if errors.Is(err, os.ErrClosed) {
				return 0, io.EOF // the context ended
			}
			return 0, fmt.Errorf("waiting for events: %w", err)
		}
	}
}

// written says whether somebody appends to the record: its writer holds a lock on it. Where the file system
// knows no locks that is not known, and the run's end has to be on the record.
func (t *tail) written() bool {
	fd := int(t.f.Fd())
	if unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB) != nil {
		return true
	}
	unix.Flock(fd, unix.LOCK_UN)
	return false
}
