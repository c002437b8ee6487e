// Package wire is the conversation between the runner and the guest agent: one line of text for each
// message, over whatever byte stream joins them (a second serial port, a pair of pipes).
//
// The agent says hello, the runner answers with an [Order], and from then on the agent sends events.
// Each of its lines carries a sequence number and a keyed hash, so that what other processes of the
// guest write into the same stream is told apart from what the agent said.
//
// Beware: the key is as safe as the guest's memory. A guest that reads it can forge its own verdicts
// and nothing else; the runner still checks every event against what it asked for.
package wire

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"xtest/runner/event"
)

// Hello is the agent's first line, before it has a key.
const Hello = "xtest-agent 1"

// MaxLine is how long a line may be, in bytes. Longer ones are thrown away unread.
const MaxLine = 1 << 20

// OrderPath is where the order lies in an initial RAM file system, when it comes with the machine
// instead of over the channel, and what the agent reads it by.
const OrderPath = "/order.json"

// Order is what the runner asks of the agent.
type Order struct {
	Key     []byte   `json:"key"`     // for the keyed hash of every line the agent sends
	Token   string   `json:"token"`   // matches the one the machine was booted with
	Modules []string `json:"modules"` // kernel modules to load, by name; missing ones are warned of
	Root    *Root    `json:"root,omitempty"`
	Seed    uint64   `json:"seed"`
	Scale   float64  `json:"scale"`             // of time limits
	Counted bool     `json:"counted,omitempty"` // the machine's clock counts executed instructions
	Trace   bool     `json:"trace,omitempty"`   // benchmarks are traced, not measured
	Suites  []string `json:"suites,omitempty"`  // those that the specs belong to; none stands for all
	Specs   []string `json:"specs,omitempty"`
	// Tasks are what an agent has to know of specs that it gives to guests of its own, by ID.
	Tasks   map[string]Task `json:"tasks,omitempty"`
	Install *Install        `json:"install,omitempty"` // make a root file system instead of judging specs
	Fuzz    *Fuzz           `json:"fuzz,omitempty"`    // make calls that come through shared memory instead
	Luggage *Luggage        `json:"luggage,omitempty"`
}

// Fuzz asks the agent to make the calls that the host writes into memory which the two share.
type Fuzz struct {
	Space string `json:"space"` // how calls are made, as xtest/fuzz/call names it
	Key   []byte `json:"key"`   // by which the host finds the memory
}

// Luggage is a disk that goes from one machine to the next with what specs that move put on it.
type Luggage struct {
	File    string   `json:"-"` // on the host
	Device  string   `json:"device"`
	Specs   []string `json:"specs"` // whose parts of the disk follow each other
	Size    int64    `json:"size"`  // of each part, in bytes
	Arrived bool     `json:"arrived,omitempty"`
}

// Task is what there is to know of a spec from outside of the guest that runs it.
type Task struct {
	Limit time.Duration `json:"limit"`           // how long it may take there, scaled
	Alone bool          `json:"alone,omitempty"` // it gets a guest that no other spec runs in
	Ends  []string      `json:"ends,omitempty"`  // it is to end its guest, in one of these ways
}

// Root is the file system that the agent makes its root.
type Root struct {
	Device string `json:"device"`
	Type   string `json:"type"`
}

// Install asks the agent to make a configured root file system out of packages.
type Install struct {
	Device   string `json:"device"`   // becomes an ext4 file system
	Packages string `json:"packages"` // a device that holds a tar archive of .deb files
	Hostname string `json:"hostname"`
	Epoch    int64  `json:"epoch"` // what the guest's clock begins with: seconds since 1970, UTC
}

// NewKey gives a fresh key.
func NewKey() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}

// Writer sends events. It is safe for concurrent use.
type Writer struct {
	mu  sync.Mutex
	w   io.Writer
	key []byte
	seq uint64
	buf []byte // lines not yet written
}

// NewWriter sends over w, which must take each Write as a whole.
func NewWriter(w io.Writer, key []byte) *Writer { return &Writer{w: w, key: key} }

// Send writes e, and before it what was queued, in one piece.
func (w *Writer) Send(e event.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.add(e); err != nil {
		return err
	}
	_, err := w.w.Write(w.buf)
	w.buf = w.buf[:0]
	if err != nil {
		return fmt.Errorf("sending an event to the runner: %w", err)
	}
	return nil
}

// Queue keeps e until the next Send.
func (w *Writer) Queue(e event.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.add(e)
}

func (w *Writer) add(e event.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding an event: %w", err)
	}
	w.seq++
	// The line feed in front ends whatever somebody else left unfinished in the stream.
	w.buf = fmt.Appendf(w.buf, "\n%d %s ", w.seq, seal(w.key, w.seq, body))
	w.buf = append(append(w.buf, body...), '\n')
	return nil
}

func seal(key []byte, seq uint64, body []byte) string {
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%d ", seq)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// ErrAlien marks a line that the agent did not send: forged, garbled or too long.
var ErrAlien = errors.New("not from the agent")

// Reader receives lines.
type Reader struct {
	r   *bufio.Reader
	key []byte
	seq uint64
}

// NewReader receives from r. Lines with a wrong hash or an old sequence number are alien.
func NewReader(r io.Reader, key []byte) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 64<<10), key: key}
}

// Line gives the next non-empty line, without its end. Too long a line is an error that wraps
// [ErrAlien]; reading can go on behind it.
func (r *Reader) Line() ([]byte, error) {
	var line []byte
	tooLong := false
	for {
		part, err := r.r.ReadSlice('\n')
		if !tooLong {
			line = append(line, part...)
		}
		if len(line) > MaxLine {
			tooLong, line = true, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if tooLong {
			return nil, fmt.Errorf("a line of more than %d bytes: %w", MaxLine, ErrAlien)
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			return line, nil
		}
	}
}

// Event gives the next event. Errors that wrap [ErrAlien] concern one line only.
func (r *Reader) Event() (event.Event, error) {
	line, err := r.Line()
	if err != nil {
		return event.Event{}, err
	}
	return r.Open(line)
}

// Open gives the event in a line of [Reader.Line]. Its errors wrap [ErrAlien].
func (r *Reader) Open(line []byte) (event.Event, error) {
	var e event.Event
	number, rest, _ := bytes.Cut(line, []byte(" "))
	mac, body, _ := bytes.Cut(rest, []byte(" "))
	seq, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil || !hmac.Equal(mac, []byte(seal(r.key, seq, body))) {
		return e, fmt.Errorf("a line with a wrong seal, %.80q: %w", line, ErrAlien)
	}
	if seq <= r.seq {
		return e, fmt.Errorf("line %d came again: %w", seq, ErrAlien)
	}
	r.seq = seq
	if err := json.Unmarshal(body, &e); err != nil {
		return e, fmt.Errorf("line %d is no event (%v): %w", seq, err, ErrAlien)
	}
	if !e.Kind.FromGuest() {
		return e, fmt.Errorf("an event of kind %q, which no agent sends: %w", e.Kind, ErrAlien)
	}
	return e, nil
}
