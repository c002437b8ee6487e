package ns

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Log is the kernel's log: /dev/kmsg, Documentation/ABI/testing/dev-kmsg.
type Log struct{ fd int }

// OpenLog opens the log at its end. It takes the right to read it (CAP_SYSLOG where dmesg_restrict is
// set) and a /dev that has it.
func OpenLog() (*Log, error) {
	l, err := OpenWholeLog()
	if err != nil {
		return nil, err
	}
	if _, err := unix.Seek(l.fd, 0, unix.SEEK_END); err != nil {
		l.Close()
		return nil, fmt.Errorf("going to the end of /dev/kmsg: %w", err)
	}
	return l, nil
}

// OpenWholeLog opens the log at the oldest record that the kernel still has.
func OpenWholeLog() (*Log, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening /dev/kmsg: %w", err)
	}
	return &Log{fd}, nil
}

// Records gives the records that are there, each with its time since the machine's start in the kernel's
// clock, and ends at the newest. Those that were overwritten before they were read are passed over.
func (l *Log) Records() iter.Seq2[time.Duration, string] {
	return func(yield func(time.Duration, string) bool) {
		b := make([]byte, 8<<10) // more than a record: CONSOLE_EXT_LOG_MAX
		for {
			n, err := unix.Read(l.fd, b)
			if err == unix.EPIPE || err == unix.EINTR {
				continue
			}
			if err != nil || n == 0 {
				return
			}
			// "level,number,microseconds,...;text\n KEY=value\n..."
			head, text, _ := strings.Cut(string(b[:n]), ";")
			text, _, _ = strings.Cut(text, "\n")
			var us int64
			if words := strings.Split(head, ","); len(words) > 2 {
				us, _ = strconv.ParseInt(words[2], 10, 64) // a record without a time has 0
			}
			if !yield(time.Duration(us)*time.Microsecond, text) {
				return
			}
		}
	}
}

// Lines gives the texts of [Log.Records].
func (l *Log) Lines() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, text := range l.Records() {
			if !yield(text) {
				return
			}
		}
	}
}

// Close closes the log.
func (l *Log) Close() error { return unix.Close(l.fd) }
