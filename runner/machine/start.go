package machine

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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

	Console *console.Watcher
	process *guard.Process
}

// Incoming is an event from the agent, or what was wrong with a line that was none.
type Incoming struct {
	event.Event
	Alien error
}

// consoleLimit is how much of a console is kept on disk, beside its end, in bytes.
const consoleLimit = 8 << 20

// channelLimit is how much an agent may send in one boot, in bytes.
const channelLimit = 256 << 20

// Start boots the image. The order is completed with the keys of this boot; logPath is where the
// console's log goes, or "".
func (img *Image) Start(order wire.Order, logPath string) (*Machine, error) {
	scratch, err := os.MkdirTemp("", "xtest-machine-")
	if err != nil {
		return nil, fmt.Errorf("making a scratch folder: %w (TMPDIR chooses where)", err)
	}
	m, err := img.start(order, logPath, scratch)
	if err != nil {
		os.RemoveAll(scratch)
	}
	return m, err
}

func (img *Image) start(order wire.Order, logPath, scratch string) (*Machine, error) {
	order.Key, order.Token = wire.NewKey(), rand.Text()
	order.Modules, order.Root, order.Scale = img.Modules, img.Root, img.Scale
	launch, err := img.Launch(Boot{Scratch: scratch, Token: order.Token})
	if err != nil {
		return nil, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("making the event channel: %w", err)
	}
	unix.SetNonblock(pair[0], true) // so that closing it ends a pending Read
	ours, theirs := os.NewFile(uintptr(pair[0]), "channel"), os.NewFile(uintptr(pair[1]), "channel")
	defer theirs.Close()
	consoleR, consoleW, err := os.Pipe()
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("making the console's pipe: %w", err)
	}
	defer consoleW.Close()

	var log *console.Log
	if logPath != "" {
		if log, err = console.NewLog(logPath, consoleLimit); err != nil {
			return nil, errors.Join(err, ours.Close(), consoleR.Close())
		}
	}
	cry := make(chan console.Pattern, 1)
	ended := make(chan struct{})
	m := &Machine{Cry: cry, Ended: ended}
	m.Console = console.NewWatcher(log, func(p console.Pattern) { cry <- p })
	m.process, err = guard.Start(guard.Command{
		Args: launch.Args, Env: launch.Env, Dir: scratch, Scratch: scratch,
		Stdout: consoleW, Stderr: consoleW, Files: []*os.File{theirs},
	})
	if err != nil {
		return nil, errors.Join(err, ours.Close(), consoleR.Close())
	}
	events := make(chan Incoming, 256)
	m.Events = events
	go m.converse(ours, order, events)
	go func() {
		io.Copy(m.Console, consoleR)
		consoleR.Close()
		if m.Err = m.process.Wait(); m.Err != nil && img.Explain != nil {
			m.Err = img.Explain(m.Err, m.Console.Tail())
		}
		if log != nil {
			m.Err = errors.Join(m.Err, log.Close())
		}
		close(ended)
	}()
	return m, nil
}

// Kill ends the machine. Ended is closed soon after.
func (m *Machine) Kill() { m.process.Kill() }

// converse waits for the agent's hello, gives it the order and passes its events on.
func (m *Machine) converse(channel *os.File, order wire.Order, events chan<- Incoming) {
	defer close(events)
	defer channel.Close()
	r := wire.NewReader(io.LimitReader(channel, channelLimit), order.Key)
	for {
		line, err := r.Line()
		if err != nil && !errors.Is(err, wire.ErrAlien) {
			return
		}
		if string(line) == wire.Hello {
			break
		}
	}
	text, err := json.Marshal(order)
	if err != nil {
		panic(err) // the order is made of plain values
	}
	if _, err := channel.Write(append(text, '\n')); err != nil {
		return
	}
	for {
		e, err := r.Event()
		if err != nil && !errors.Is(err, wire.ErrAlien) {
			return
		}
		e.Time = time.Now()
		events <- Incoming{Event: e, Alien: err}
	}
}
