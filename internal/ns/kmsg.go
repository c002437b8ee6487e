package ns

import (
	"fmt"
	"iter"
	"strings"

	"golang.org/x/sys/unix"
)

// Log is the kernel's log from the moment it was opened on: /dev/kmsg, Documentation/ABI/testing/dev-kmsg.
type Log struct{ fd int }

// OpenLog opens the log at its end. It takes the right to read it (CAP_SYSLOG where dmesg_restrict is
// set) and a /dev that has it.
func OpenLog() (*Log, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening /dev/kmsg: %w", err)
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("going to the end of /dev/kmsg: %w", err)
	}
	return &Log{fd}, nil
}

// Lines gives the texts of the records that have come since, and ends at the newest. Records that were
// overwritten before they were read are passed over.
func (l *Log) Lines() iter.Seq[string] {
	return func(yield func(string) bool) {
		b := make([]byte, 8<<10) // more than a record: CONSOLE_EXT_LOG_MAX
		for {
			n, err := unix.Read(l.fd, b)
			if err == unix.EPIPE || err == unix.EINTR {
				continue
			}
			if err != nil || n == 0 {
				return
			}
			// "prefix;text\n KEY=value\n..."
			_, text, _ := strings.Cut(string(b[:n]), ";")
			text, _, _ = strings.Cut(text, "\n")
			if !yield(text) {
				return
			}
		}
	}
}

// Close closes the log.
func (l *Log) Close() error { return unix.Close(l.fd) }
