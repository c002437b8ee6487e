package console

import (
	"errors"
	"fmt"
	"os"
)

// Log keeps a console on disk. Of a console that floods, the first and the last part are kept, with
// a note of how much is missing between them.
type Log struct {
	head  *os.File
	limit int64
	kept  int64
	tail  []byte // ring
	next  int
	total int64
	err   error
}

// tailSize is how much of the end of a flooding console is kept, in bytes.
const tailSize = 256 << 10

// NewLog creates the file. Limit is how many bytes are written to it before only the tail is kept.
func NewLog(path string, limit int64) (*Log, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("keeping the console's log: %w", err)
	}
	return &Log{head: f, limit: limit}, nil
}

// Write keeps p. The error of a full disk is given by Close.
func (l *Log) Write(p []byte) (int, error) {
	n := len(p)
	l.total += int64(n)
	if room := l.limit - l.kept; room > 0 && l.err == nil {
		part := p[:min(int64(len(p)), room)]
		_, l.err = l.head.Write(part)
		l.kept += int64(len(part))
		p = p[len(part):]
	}
	if len(p) == 0 {
		return n, nil
	}
	if l.tail == nil {
		l.tail = make([]byte, 0, tailSize)
	}
	for len(p) > 0 {
		if len(l.tail) < tailSize {
			part := p[:min(len(p), tailSize-len(l.tail))]
			l.tail = append(l.tail, part...)
			p = p[len(part):]
			continue
		}
		c := copy(l.tail[l.next:], p)
		l.next = (l.next + c) % tailSize
		p = p[c:]
	}
	return n, nil
}

// Close writes the tail and closes the file.
func (l *Log) Close() error {
	if missing := l.total - l.kept - int64(len(l.tail)); len(l.tail) > 0 && l.err == nil {
		if missing > 0 {
			fmt.Fprintf(l.head, "\n[xtest: %d bytes of console output left out]\n", missing)
		}
		_, first := l.head.Write(l.tail[l.next:])
		_, second := l.head.Write(l.tail[:l.next])
		l.err = errors.Join(first, second)
	}
	if err := l.head.Close(); l.err == nil {
		l.err = err
	}
	if l.err != nil {
		return fmt.Errorf("keeping the console's log: %w", l.err)
	}
	return nil
}
