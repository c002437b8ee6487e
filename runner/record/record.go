// Package record writes the record of a run: a folder with the append-only list of events and the
// consoles' logs. What has been appended survives the end of xtest, however it comes.
//
// Beware: the folder is never rewritten. Reports are drawn from it and can be drawn again.
package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
)

// EventsFile is the name of the list of events in a run's folder.
const EventsFile = "events.jsonl"

// Writer appends events.
type Writer struct {
	// Dir is the run's folder.
	Dir string

	mu        sync.Mutex
	f         *os.File
	err       error
	observers []func(event.Event)
}

// Create makes a run's folder below parent, named after the time and the ID.
func Create(parent, id string, now time.Time, observers ...func(event.Event)) (*Writer, error) {
	dir := filepath.Join(parent, now.Format("2006-01-02T15.04.05")+"-"+id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the run's folder: %w (--runs DIR chooses another place)", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, EventsFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("starting the record: %w (--runs DIR chooses another place)", err)
	}
	// Who follows the run sees by the lock that it is at work. Some file systems have none.
	unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	return &Writer{Dir: dir, f: f, observers: observers}, nil
}

// Add appends an event, stamping it with the time unless it has one, and shows it to the observers.
// After a failed write nothing more is appended; Close tells of it.
func (w *Writer) Add(e event.Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	line, err := json.Marshal(e)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && w.err == nil {
		_, err = w.f.Write(append(line, '\n'))
	}
	if w.err == nil {
		w.err = err
	}
	for _, o := range w.observers {
		o(e)
	}
}

// Err is the first error of appending. A run whose record cannot be kept should end.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.err, unix.ENOSPC) {
		return fmt.Errorf("the disk is full, and the record ends here: %w; free some space below %s or choose another place with --runs DIR", w.err, w.Dir)
	}
	if w.err != nil {
		return fmt.Errorf("keeping the record: %w", w.err)
	}
	return nil
}

// Close ends the record.
func (w *Writer) Close() error {
	err := w.Err()
	return errors.Join(err, w.f.Close())
}

// Keep appends to a file that specs of a target's boot give to the run, and gives its name in the folder.
func (w *Writer) Keep(target string, boot int, name string, data []byte) (string, error) {
	file := event.KeptFile(target, boot, name)
	f, err := os.OpenFile(filepath.Join(w.Dir, file), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return file, fmt.Errorf("keeping what a spec gave: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return file, fmt.Errorf("keeping what a spec gave: %w", err)
	}
	return file, nil
}

// ConsoleLog is the path of a machine's console log.
func (w *Writer) ConsoleLog(target string, boot int) string {
	return filepath.Join(w.Dir, event.ConsoleLog(target, boot))
}
