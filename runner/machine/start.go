package machine

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/console"
	"xtest/runner/event"
	"xtest/runner/guard"
	"xtest/runner/wire"
)

// Machine is a started machine.
type Machine struct {
	// Events are what the agent sent, closed when nothing more will come.
	Events <-chan Incoming
	// Cry tells of the first crash pattern on the console.
	Cry <-chan console.Pattern
	// Ended is closed when no process of the machine is left; then Err says how its process ended.
	Ended <-chan struct{}
	Err   error
	End   End // by the word of that process, when Ended is closed

	Console *console.Watcher
	process *guard.Process
	control control
}

// Incoming is an event from the agent, or what was wrong with a line that was none.
type Incoming struct {
	event.Event
	Alien error
	// Late: it was sent when the console had cried already.
	Late bool
}

// consoleLimit is how much of a console is kept on disk, beside its end, in bytes.
const consoleLimit = 8 << 20

// channelLimit is how much an agent may send in one boot, in bytes.
const channelLimit = 256 << 20

// Start boots the image. The order is completed with the keys of this boot; logPath is where the
// console's log goes, or "".
func (img *Image) Start(order wire.Order, logPath string) (*Machine, error) {
	scratch, held, err := newScratch()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	m, err := img.start(order, logPath, scratch, held)
	if err != nil {
		os.RemoveAll(scratch)
	}
	return m, err
}

func (img *Image) start(order wire.Order, logPath, scratch string, held *os.File) (*Machine, error) {
	order.Key, order.Token = wire.NewKey(), rand.Text()
	if img.Repeats {
		sum := sha256.Sum256([]byte("token " + strconv.FormatUint(order.Seed, 10)))
		order.Token = hex.EncodeToString(sum[:13])
	}
	order.Modules, order.Root, order.Scale, order.Counted = img.Modules, img.Root, img.Scale, img.Repeats
	boot := Boot{Scratch: scratch, Token: order.Token, Params: img.Params}
	if order.Luggage != nil {
		boot.Luggage, order.Luggage.Device = order.Luggage.File, img.Luggage
	}
	text, err := json.Marshal(order)
	if err != nil {
		panic(err) // the order is made of plain values
	}
	if img.Repeats {
		boot.Order, text = text, nil
	}
	if logPath != "" {
		file, err := filepath.Abs(strings.TrimSuffix(logPath, ".log") + ".memory")
		if err != nil {
			return nil, err
		}
		boot.Dump = file
	}
	launch, err := img.Launch(boot)
	if err != nil {
		return nil, err
	}
	open := func() (ours, theirs *os.File, err error) { return socketpair("channel") }
	if img.Repeats {
		open = oneWay
	}
	ours, theirs, err := open()
	if err != nil {
		return nil, fmt.Errorf("making the event channel: %w", err)
	}
	defer theirs.Close()
	files := []*os.File{theirs}
	var socket *os.File
	if launch.Control != nil {
		var its *os.File
		if socket, its, err = socketpair("control"); err != nil {
			return nil, errors.Join(fmt.Errorf("making the control socket: %w", err), ours.Close())
		}
		defer its.Close()
		files = append(files, its)
	}
	m, err := img.join(launch, order.Key, text, logPath, scratch, held, ours, files)
	if err != nil {
		if socket != nil {
			err = errors.Join(err, socket.Close())
		}
		return nil, errors.Join(err, ours.Close())
	}
	go m.attend(launch, socket)
	return m, nil
}

// socketpair makes a stream; the first end is ours, the second the machine's.
func socketpair(name string) (ours, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	unix.SetNonblock(pair[0], true) // so that closing it ends a pending Read
	return os.NewFile(uintptr(pair[0]), name), os.NewFile(uintptr(pair[1]), name), nil
}

// oneWay makes a channel for a machine that has its order already and whose time is not the host's. A socket
// holds some hundred writes of a byte each; a machine that met a full one would learn when the host had time to
// read. A pipe holds as many bytes as are sent in a boot.
func oneWay() (ours, theirs *os.File, err error) {
	ours, theirs, err = os.Pipe()
	if err == nil {
		unix.FcntlInt(theirs.Fd(), unix.F_SETPIPE_SZ, 1<<20) // pipe(7): what users may have; else it is 64 kB
	}
	return ours, theirs, err
}

// join starts the process and takes its console and the event channel up. The order is the text that
// the agent waits for, or nil.
func (img *Image) join(launch Launch, key, order []byte, logPath, scratch string, held, channel *os.File, files []*os.File) (*Machine, error) {
	consoleR, consoleW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the console's pipe: %w", err)
	}
	defer consoleW.Close()

	in, err := newTap(channel)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making the event channel: %w", err), consoleR.Close())
	}

	var log *console.Log
	if logPath != "" {
		if log, err = console.NewLog(logPath, consoleLimit); err != nil {
			return nil, errors.Join(err, consoleR.Close())
		}
	}
	cry := make(chan console.Pattern, 1)
	ended := make(chan struct{})
	m := &Machine{Cry: cry, Ended: ended, control: control{linger: launch.Linger, last: make(chan struct{}), told: make(chan struct{})}}
	m.Console = console.NewWatcher(log, func(p console.Pattern) { in.seal(); cry <- p })
	processor, release := -1, func() {}
	if launch.OneProcessor {
		processor, release = occupy()
	}
	err = confined(processor, func() (err error) {
		m.process, err = guard.Start(guard.Command{
			Args: launch.Args, Env: launch.Env, Dir: cmp.Or(launch.Dir, scratch), Scratch: scratch, Hold: held,
			Stdout: consoleW, Stderr: consoleW, Files: files,
		})
		return err
	})
	if err != nil {
		release()
		if log != nil {
			err = errors.Join(err, log.Close())
		}
		return nil, errors.Join(err, consoleR.Close())
	}
	events := make(chan Incoming, 256)
	m.Events = events
	go m.converse(channel, in, key, order, events)
	go func() {
		io.Copy(m.Console, consoleR)
		consoleR.Close()
		if m.Err = m.process.Wait(); m.Err != nil && img.Explain != nil {
			m.Err = img.Explain(m.Err, m.Console.Tail())
		}
		if log != nil {
			m.Err = errors.Join(m.Err, log.Close())
		}
		release()
		<-m.control.told
		close(ended)
	}()
	return m, nil
}

// converse waits for the agent's hello, gives it the order, if it has yet to get one, and passes its
// events on.
func (m *Machine) converse(channel *os.File, in *tap, key, order []byte, events chan<- Incoming) {
	defer close(events)
	defer channel.Close()
	r := wire.NewReader(io.LimitReader(in, channelLimit), key)
	for {
		line, err := r.Line()
		if err != nil && !errors.Is(err, wire.ErrAlien) {
			return
		}
		if string(line) == wire.Hello {
			break
		}
	}
	if order != nil {
		if _, err := channel.Write(append(order, '\n')); err != nil {
			return
		}
	}
	for {
		e, err := r.Event()
		if err != nil && !errors.Is(err, wire.ErrAlien) {
			return
		}
		e.Time = time.Now()
		events <- Incoming{Event: e, Alien: err, Late: in.late()}
	}
}
