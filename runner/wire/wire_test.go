package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"xtest/runner/event"
)

func TestEventsSurviveWhatOthersWrite(t *testing.T) {
	key := NewKey()
	var stream bytes.Buffer
	w := NewWriter(&stream, key)
	w.Send(event.Event{Kind: event.SpecStarted, Spec: "a/b"})
	first := stream.String()
	stream.WriteString(`{"kind":"spec-ended","spec":"a/b"}` + "\n") // no seal
	stream.WriteString(strings.Replace(first, "a/b", "c/d", 1))     // seal of another body
	stream.WriteString(first)                                       // replayed
	stream.WriteString(strings.Repeat("x", MaxLine+10) + "\n")
	stream.WriteString("torn line without an end")
	w.Send(event.Event{Kind: event.SpecEnded, Spec: "a/b"})
	w.Send(event.Event{Kind: event.RunEnded})

	r := NewReader(&stream, key)
	var specs []string
	alien := 0
	for {
		e, err := r.Event()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, ErrAlien) {
			alien++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, string(e.Kind)+" "+e.Spec)
	}
	if got := strings.Join(specs, ", "); got != "spec-started a/b, spec-ended a/b" {
		t.Errorf("read %q", got)
	}
	if alien != 6 {
		t.Errorf("%d alien lines, expected 6", alien)
	}
}

func TestAnotherKeyOpensNothing(t *testing.T) {
	var stream bytes.Buffer
	NewWriter(&stream, NewKey()).Send(event.Event{Kind: event.Finished})
	if _, err := NewReader(&stream, NewKey()).Event(); !errors.Is(err, ErrAlien) {
		t.Errorf("got %v", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("1 00 {}\n"))
	f.Add([]byte("\n\n18446744073709551616  \n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data), []byte("k"))
		for range len(data) + 1 {
			if _, err := r.Event(); err != nil && !errors.Is(err, ErrAlien) {
				return
			}
		}
		t.Error("the reader does not end")
	})
}
