package machine

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// tap is the runner's end of the event channel. It knows what was in the channel when the console
// cried, which is all that can be believed: console and channel are read independently, so what the
// agent said before a crash may well be read after it.
type tap struct {
	raw syscall.RawConn

	mu   sync.Mutex
	read int64 // bytes handed out
	mark int64 // where the channel stood at the cry; -1 before it
}

func newTap(f *os.File) (*tap, error) {
	raw, err := f.SyscallConn()
	return &tap{raw: raw, mark: -1}, err
}

// Read never gives bytes from both sides of the mark at once.
func (t *tap) Read(p []byte) (n int, err error) {
	waited := t.raw.Read(func(fd uintptr) bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		q := p
		if left := t.mark - t.read; left > 0 && left < int64(len(q)) {
			q = q[:left]
		}
		n, err = unix.Read(int(fd), q)
		t.read += int64(max(n, 0))
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
	})
	switch {
	case waited != nil:
		return 0, waited
	case err != nil:
		return 0, err
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// seal sets the mark.
func (t *tap) seal() {
	t.raw.Control(func(fd uintptr) {
		t.mu.Lock()
		defer t.mu.Unlock()
		// unix(7): what SIOCINQ counts in a stream socket is all that waits to be read.
		waiting, err := unix.IoctlGetInt(int(fd), unix.SIOCINQ)
		if err != nil {
			waiting = 0
		}
		t.mark = t.read + int64(waiting)
	})
}

// late says whether bytes from behind the mark were handed out. A line reader asks for them only when
// it has given all lines before.
func (t *tap) late() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mark >= 0 && t.read > t.mark
}
