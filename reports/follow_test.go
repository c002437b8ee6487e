package reports

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"xtest/runner/event"
	"xtest/runner/record"
)

// follow follows a run and gives the kinds of the events as they come, and then what it returned.
func follow(ctx context.Context, dir string) (<-chan event.Kind, <-chan error) {
	kinds, result := make(chan event.Kind, 100), make(chan error, 1)
	go func() {
		result <- Follow(ctx, dir, func(e event.Event) { kinds <- e.Kind })
		close(kinds)
	}()
	return kinds, result
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// What is appended is seen while it is, until the run's end is on the record.
func TestFollow(t *testing.T) {
	w, err := record.Create(t.TempDir(), "x", t0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.Add(event.Event{Kind: event.RunStarted})
	kinds, result := follow(t.Context(), w.Dir)
	for _, k := range []event.Kind{event.RunStarted, event.BootStarted, event.Booted} {
		if k != event.RunStarted {
			w.Add(event.Event{Kind: k, Target: "t", Boot: 1})
		}
		if got := next(t, kinds); got != k {
			t.Errorf("%s came, not %s", got, k)
		}
	}
	select {
	case err := <-result:
		t.Fatal("it did not wait: ", err)
	case <-time.After(50 * time.Millisecond):
	}
	w.Add(event.Event{Kind: event.RunEnded})
	if err := next(t, result); err != nil {
		t.Error(err)
	}
}

// A run whose xtest is gone without a word is over, be it at once or while it is followed.
func TestFollowKilled(t *testing.T) {
	w, err := record.Create(t.TempDir(), "x", t0)
	if err != nil {
		t.Fatal(err)
	}
	w.Add(event.Event{Kind: event.RunStarted})
	kinds, result := follow(t.Context(), w.Dir)
	next(t, kinds)
	if f, err := os.OpenFile(filepath.Join(w.Dir, RecordName), os.O_WRONLY|os.O_APPEND, 0); err == nil {
		f.WriteString(`{"kind":"spec-st`) // torn
		f.Close()
	}
	w.Close()
	if err := next(t, result); err != nil {
		t.Error(err)
	}
	_, result = follow(t.Context(), w.Dir)
	if err := next(t, result); err != nil {
		t.Error(err)
	}
}

// Following ends with its context and leaves the run alone; what is no run is refused.
func TestFollowEnds(t *testing.T) {
	w, err := record.Create(t.TempDir(), "x", t0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.Add(event.Event{Kind: event.RunStarted})
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	kinds, result := follow(ctx, w.Dir)
	next(t, kinds)
	cancel(over)
	if err := next(t, result); !errors.Is(err, over) {
		t.Error(err)
	}
	fifo := t.TempDir()
	if err := exec.Command("mkfifo", filepath.Join(fifo, RecordName)).Run(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{t.TempDir(), fifo} {
		_, result = follow(t.Context(), dir)
		if err := next(t, result); err == nil {
			t.Errorf("%s was followed", dir)
		}
	}
}
