package xenstore

import (
	"bytes"
	"errors"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMessageRoundTrip(t *testing.T) {
	m := Message{Read, 7, 9, Strings("/local", "x")}
	b := m.Bytes()
	// struct xsd_sockmsg: type, req_id, tx_id, len, each of 4 bytes.
	if want := []byte{2, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0}; !bytes.Equal(b[:16], want) {
		t.Errorf("header %v, expected %v", b[:16], want)
	}
	got, err := ReadMessage(bytes.NewReader(b))
	if err != nil || got.Type != Read || got.Request != 7 || got.Tx != 9 || !slices.Equal(Split(got.Payload), []string{"/local", "x"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ReadMessage(bytes.NewReader(m.WithLength(PayloadMax + 1))); err == nil {
		t.Error("a message that is too long was taken")
	}
	if _, err := ReadMessage(bytes.NewReader(b[:20])); err == nil {
		t.Error("a message that is cut off was taken")
	}
}

func TestErrorReplies(t *testing.T) {
	for _, c := range []struct {
		m    Message
		want error
	}{
		{Message{Type: Read, Payload: []byte("EINVAL")}, nil},
		{Message{Type: ErrorReply, Payload: Strings("EAGAIN")}, unix.EAGAIN},
		{Message{Type: ErrorReply, Payload: []byte("ENOENT")}, unix.ENOENT},
	} {
		if err := c.m.Err(); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.m, err)
		}
	}
	if err := (Message{Type: ErrorReply, Payload: Strings("EWHAT")}).Err(); err == nil {
		t.Error("an unknown error is none")
	}
}

// Replies come in any order, and watch events between them.
func TestConnSortsReplies(t *testing.T) {
	near, far := net.Pipe()
	c := New(near)
	defer c.Close()
	go func() {
		var asked []Message
		for range 3 {
			m, err := ReadMessage(far)
			if err != nil {
				return
			}
			asked = append(asked, m)
		}
		far.Write(Message{WatchEvent, 0, 0, Strings("/a", "token")}.Bytes())
		for _, i := range []int{2, 0, 1} {
			far.Write(Message{asked[i].Type, asked[i].Request, 0, asked[i].Payload}.Bytes())
		}
		far.Close()
	}()
	var ids []uint32
	for _, p := range []string{"one", "two", "three"} {
		id, err := c.Send(Read, 0, []byte(p))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for i, want := range []string{"one", "two", "three"} {
		if m, err := c.Reply(ids[i]); err != nil || string(m.Payload) != want {
			t.Errorf("reply %d: %q, %v", i, m.Payload, err)
		}
	}
	if path, token, err := c.Event(time.Second); path != "/a" || token != "token" || err != nil {
		t.Errorf("event: %q, %q, %v", path, token, err)
	}
	if _, err := c.Ask(Read, 0, nil); err == nil {
		t.Error("a closed store answers")
	}
}

func TestEventEndsInTime(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	c := New(near)
	defer c.Close()
	if _, _, err := c.Event(time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	if _, err := os.Stat(BusPath); err == nil {
		t.Skip("this machine may be a Xen domain: its store is not touched")
	}
	if _, err := Open(); !errors.Is(err, unix.ENOENT) {
		t.Errorf("got %v", err)
	}
}
