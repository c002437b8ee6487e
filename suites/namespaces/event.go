package namespaces

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// firstEvent is the number of a script's first eventfd. Their numbers are known when the script is
// written, since struct pollfd can take no result.
const firstEvent = 800

// event gives an eventfd with which processes of the script wait for each other.
func (s *script) event() int {
	fd := firstEvent + s.log.events
	s.log.events++
	s.must(fmt.Sprintf("dup3(eventfd(0, EFD_NONBLOCK), %d, 0)", fd), unix.SYS_DUP3,
		s.must("eventfd(0, EFD_NONBLOCK)", unix.SYS_EVENTFD2, 0, unix.EFD_NONBLOCK), fd, 0)
	return fd
}

// signal adds one to an eventfd, given as its number or as the call that made it.
func (s *script) signal(event any) {
	b := s.Buffer(8)
	binary.NativeEndian.PutUint64(b.Bytes, 1)
	s.must("write(eventfd, &one, 8)", unix.SYS_WRITE, event, b, 8)
}

// await waits for a signal. A process that hears nothing ends after a time: the other will not come.
func (s *script) await(event int) {
	s.poll("poll(eventfd, POLLIN)", event, unix.POLLIN, waits())
	s.must(fmt.Sprintf("read(eventfd, &count, 8) after up to %d s", waits()), unix.SYS_READ, event, s.Buffer(8), 8)
}

// told waits for a signal of the spec's own, which may have to wait for the kernel first.
func (s *script) told(event int) {
	s.poll("poll(eventfd, POLLIN, 20 s)", event, unix.POLLIN, 20)
}

// poll adds a poll(2) of one descriptor, for up to so many seconds.
func (s *script) poll(text string, fd int, events int16, seconds int64) polled {
	set, limit := s.Buffer(8), s.Buffer(16)
	p := (*unix.PollFd)(pointer(set))
	*p = unix.PollFd{Fd: int32(fd), Events: events}
	(*unix.Timespec)(pointer(limit)).Sec = seconds
	return polled{s.call(text, unix.SYS_PPOLL, set, 1, limit, 0, 0), p}
}

// polled is a poll(2) with the structure that the kernel answers in.
type polled struct {
	call
	answer *unix.PollFd
}

// event gives an eventfd between a script and the Go code that starts it.
func event() int {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return -1 // the script's first use of it fails and says so
	}
	return fd
}

// await waits for the signal of a process that runs a script, until that has ended, or for as long as a script may take.
func await(e int, from *child.Process) error {
	end, err := unix.PidfdOpen(from.PID(), 0)
	if err != nil {
		end = -1 // which poll(2) passes over
	} else {
		defer unix.Close(end)
	}
	p := []unix.PollFd{{Fd: int32(e), Events: unix.POLLIN}, {Fd: int32(end), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(p, int(patience().Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("the child process did not get ready within %v", patience())
		case p[0].Revents == 0:
			return errors.New("the child process ended before it was ready")
		default:
			return nil
		}
	}
}

func signal(e int) { unix.Write(e, []byte{1, 0, 0, 0, 0, 0, 0, 1}) }
