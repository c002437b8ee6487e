package agent

import (
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tty is a serial line as the event channel.
type tty struct{ f *os.File }

// openChannel opens the device that the kernel's command line names: a serial line, or a port of virtio's,
// which has no settings. The driver makes a port's node once it has found the device.
func openChannel(name string) (io.ReadWriter, error) {
	if !strings.HasPrefix(name, "/dev/vport") {
		return openTTY(name)
	}
	deadline, tick := time.NewTimer(portPatience), time.NewTicker(2*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for {
		// Not through os.OpenFile's poller, as with serial lines.
		fd, err := unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err == nil {
			return os.NewFile(uintptr(fd), name), nil
		}
		select {
		case <-deadline.C:
			return nil, err
		case <-tick.C:
		}
	}
}

// portPatience is how long the driver may take to make a port's node.
const portPatience = 20 * time.Second

// openTTY opens the line raw: bytes pass as they are, in both directions.
func openTTY(name string) (io.ReadWriter, error) {
	if name == "" {
		return nil, errors.New("the kernel's command line names no channel")
	}
	// Not through os.OpenFile's poller: a blocking descriptor is all that every serial driver does.
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return nil, err
	}
	return tty{os.NewFile(uintptr(fd), name)}, nil
}

func (t tty) Read(p []byte) (int, error) { return t.f.Read(p) }

// Write returns when the last byte has left the machine: the next thing that a spec does may be the
// machine's last.
func (t tty) Write(p []byte) (int, error) {
	n, err := t.f.Write(p)
	if err == nil {
		// tcdrain(3)
		err = unix.IoctlSetInt(int(t.f.Fd()), unix.TCSBRK, 1)
	}
	return n, err
}
