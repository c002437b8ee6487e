package xenstore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The two ways to the store.
const (
	BusPath    = "/dev/xen/xenbus"
	SocketPath = "/run/xenstored/socket"
)

// patience is how long a reply may take.
const patience = 20 * time.Second

// stream is what a connection runs over.
type stream interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
}

// Conn is a connection to the store. It is for one goroutine.
type Conn struct {
	s      stream
	r      *bufio.Reader // of s: a message is read at once, not header and payload apart
	last   uint32        // request number
	events []Message     // watch events that came while something else was waited for
	early  []Message     // replies to other requests
}

// Open connects through the kernel.
func Open() (*Conn, error) {
	fd, err := unix.Open(BusPath, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, fmt.Errorf("opening %s: %w (not a Xen domain)", BusPath, err)
	case err != nil:
		return nil, fmt.Errorf("opening %s: %w (it needs root)", BusPath, err)
	}
	return New(os.NewFile(uintptr(fd), BusPath)), nil
}

// Dial connects to the store's socket, which is in the domain that the store runs in.
func Dial() (*Conn, error) {
	c, err := net.Dial("unix", SocketPath)
	if err != nil {
		return nil, fmt.Errorf("reaching the store's socket: %w", err)
	}
	return New(c), nil
}

// New makes a connection over a stream.
func New(s stream) *Conn { return &Conn{s: s, r: bufio.NewReader(s)} }

// Close ends the connection, and with it its watches and transactions.
func (c *Conn) Close() error { return c.s.Close() }

// Raw sends bytes as they are. An error is the kernel's own: the store has not seen them.
func (c *Conn) Raw(b []byte) error {
	_, err := c.s.Write(b)
	if err != nil {
		return fmt.Errorf("sending %d bytes: %w", len(b), err)
	}
	return nil
}

// Send asks without waiting, and gives the request's number.
func (c *Conn) Send(t Type, tx uint32, payload []byte) (uint32, error) {
	c.last++
	return c.last, c.Raw(Message{t, c.last, tx, payload}.Bytes())
}

// Reply waits for the reply to a request. Others that come meanwhile are kept.
func (c *Conn) Reply(request uint32) (Message, error) { return c.ReplyWithin(request, patience) }

// ReplyWithin is Reply with a time limit for each message. Its error wraps os.ErrDeadlineExceeded when nothing comes.
func (c *Conn) ReplyWithin(request uint32, within time.Duration) (Message, error) {
	for i, m := range c.early {
		if m.Request == request {
			c.early = append(c.early[:i:i], c.early[i+1:]...)
			return m, nil
		}
	}
	for {
		m, err := c.receive(within)
		switch {
		case err != nil:
			return m, err
		case m.Type == WatchEvent:
			c.events = append(c.events, m)
		case m.Request != request:
			c.early = append(c.early, m)
		default:
			return m, nil
		}
	}
}

// Next gives the next message that is no watch event, whichever request it answers.
func (c *Conn) Next() (Message, error) {
	if len(c.early) > 0 {
		m := c.early[0]
		c.early = c.early[1:]
		return m, nil
	}
	for {
		m, err := c.receive(patience)
		if err != nil || m.Type != WatchEvent {
			return m, err
		}
		c.events = append(c.events, m)
	}
}

// Event waits for a watch to fire and gives the path and the token. After the given time without one it
// wraps os.ErrDeadlineExceeded.
func (c *Conn) Event(within time.Duration) (path, token string, err error) {
	var m Message
	if len(c.events) > 0 {
		m, c.events = c.events[0], c.events[1:]
	}
	for m.Type != WatchEvent {
		if m, err = c.receive(within); err != nil {
			return "", "", err
		}
		if m.Type != WatchEvent {
			c.early = append(c.early, m)
		}
	}
	s := Split(m.Payload)
	if len(s) < 2 {
		return "", "", fmt.Errorf("a watch event without a path and a token: %q", m.Payload)
	}
	return s[0], s[1], nil
}

func (c *Conn) receive(within time.Duration) (Message, error) {
	if err := c.s.SetReadDeadline(time.Now().Add(within)); err != nil {
		return Message{}, fmt.Errorf("setting a deadline: %w", err)
	}
	m, err := ReadMessage(c.r)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return m, errors.Join(ErrClosed, err)
	}
	return m, err
}

// Ask sends a request and waits for its reply. A refusal is in the reply, see [Message.Err]; the error
// is that nothing could be asked, or nothing came.
func (c *Conn) Ask(t Type, tx uint32, payload []byte) (Message, error) {
	id, err := c.Send(t, tx, payload)
	if err != nil {
		return Message{}, err
	}
	m, err := c.Reply(id)
	if err != nil {
		return m, fmt.Errorf("request %d of type %d: %w", id, t, err)
	}
	return m, nil
}
