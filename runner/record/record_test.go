package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
)

func lines(t *testing.T, w *Writer) (list []event.Event) {
	t.Helper()
	f, err := os.Open(filepath.Join(w.Dir, EventsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		var e event.Event
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			t.Fatalf("%q: %v", s.Text(), err)
		}
		list = append(list, e)
	}
	return list
}

func TestAppendOrder(t *testing.T) {
	var shown []event.Event
	parent := filepath.Join(t.TempDir(), "made", "for it")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w, err := Create(parent, "abc", now, func(e event.Event) { shown = append(shown, e) })
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(parent, "2026-01-02T03.04.05-abc"); w.Dir != want {
		t.Errorf("the folder is %s, want %s", w.Dir, want)
	}
	w.Add(event.Event{Kind: event.RunStarted, Time: now, Reason: "two\nlines and \xff"})
	w.Add(event.Event{Kind: event.BootStarted, Boot: 1})
	// What was added is there before the record is closed.
	if list := lines(t, w); len(list) != 2 || list[0].Kind != event.RunStarted || !list[0].Time.Equal(now) || list[1].Time.IsZero() {
		t.Errorf("recorded %+v", list)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				w.Add(event.Event{Kind: event.Warned, Spec: fmt.Sprint(g), Exit: i})
			}
		})
	}
	wg.Wait()
	if err := errors.Join(w.Err(), w.Close()); err != nil {
		t.Error(err)
	}
	list, next := lines(t, w), map[string]int{}
	if len(list) != 402 || len(shown) != 402 {
		t.Fatalf("%d are recorded, %d were shown", len(list), len(shown))
	}
	for i, e := range list {
		if shown[i].Spec != e.Spec || shown[i].Exit != e.Exit {
			t.Fatalf("event %d was shown as %+v and recorded as %+v", i, shown[i], e)
		}
		if e.Spec != "" {
			if next[e.Spec] != e.Exit {
				t.Fatalf("of %s came %d behind %d", e.Spec, e.Exit, next[e.Spec])
			}
			next[e.Spec]++
		}
	}
	if _, err := Create(parent, "abc", now); err == nil || !strings.Contains(err.Error(), "--runs") {
		t.Errorf("a record was started where one is: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, "x", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	disk := w.f
	if w.f, err = os.OpenFile("/dev/full", os.O_WRONLY, 0); err != nil {
		t.Skip("needs /dev/full: ", err)
	}
	shown := 0
	w.observers = append(w.observers, func(event.Event) { shown++ })
	w.Add(event.Event{Kind: event.RunStarted})
	if err := w.Err(); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "disk is full") || !strings.Contains(err.Error(), w.Dir) {
		t.Errorf("Err: %v", err)
	}
	w.f.Close()
	w.f = disk // there is room again, but a record with a hole would lie
	w.Add(event.Event{Kind: event.RunEnded})
	if list := lines(t, w); len(list) != 0 || shown != 2 {
		t.Errorf("recorded %+v, showed %d", list, shown)
	}
	if err := w.Close(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Close: %v", err)
	}
}

func TestOtherErrors(t *testing.T) {
	if _, err := Create("/proc/nowhere", "x", time.Now()); err == nil || !strings.Contains(err.Error(), "--runs DIR") {
		t.Errorf("Create: %v", err)
	}
	w, err := Create(t.TempDir(), "x", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w.Add(event.Event{Kind: event.Sampled, Sample: &event.Sample{Value: math.NaN()}})
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "keeping the record") {
		t.Errorf("Close: %v", err)
	}
}
