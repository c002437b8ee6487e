package namespaces

import (
	"errors"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// event gives an eventfd with which processes of the script wait for each other.
func (s *script) event() call {
	return s.must("eventfd(0, 0)", unix.SYS_EVENTFD2, 0, 0)
}

func (s *script) signal(event child.Arg) {
	b := s.Buffer(8)
	b.Bytes[0], b.Bytes[7] = 1, 1 // a count above zero in either byte order
	s.must("write(eventfd, &one, 8)", unix.SYS_WRITE, event, b, 8)
}

func (s *script) await(event child.Arg) {
	s.must("read(eventfd, &count, 8)", unix.SYS_READ, event, s.Buffer(8), 8)
}

// event gives an eventfd between a script and the Go code that starts it.
func event() int {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return -1 // the script's first use of it fails and says so
	}
	return fd
}

// await waits for a script's signal, for as long as a spec may take.
func await(e int) error {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(e), Events: unix.POLLIN}}, 10_000)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case n == 0:
			return errors.New("the child process did not get ready within 10 s")
		default:
			return nil
		}
	}
}

func signal(e int) { unix.Write(e, []byte{1, 0, 0, 0, 0, 0, 0, 1}) }
