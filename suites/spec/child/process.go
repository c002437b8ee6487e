package child

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// PID is the child's process ID in the parent's PID namespace.
func (p *Process) PID() int { return p.pid }

// Wait waits for the child's end, and ends it when ctx does. The error is nil when it exited with
// status 0.
func (p *Process) Wait(ctx context.Context) error {
	timeout := context.AfterFunc(ctx, func() { p.kill() })
	defer timeout()
	if err := p.reap(); err != nil {
		return err
	}
	switch {
	case p.status.Signaled() && ctx.Err() != nil:
		return fmt.Errorf("the child process did not end in time: %w", ctx.Err())
	case p.status.Signaled():
		return fmt.Errorf("the child process was killed by %s", unix.SignalName(p.status.Signal()))
	case p.status.ExitStatus() != 0:
		return fmt.Errorf("the child process exited with status %d", p.status.ExitStatus())
	}
	return nil
}

// Status is how the child ended, valid after Wait.
func (p *Process) Status() unix.WaitStatus { return p.status }

// Kill ends the child and its process group and reaps it.
func (p *Process) Kill() {
	p.kill()
	p.reap()
}

func (p *Process) kill() {
	ledger.Lock()
	defer ledger.Unlock()
	if p.ended { // the ID may be somebody else's by now
		return
	}
	unix.Kill(-p.pid, unix.SIGKILL)
	unix.Kill(p.pid, unix.SIGKILL) // it may have left its group
}

// reap waits without holding the ledger: waiting by ID is safe as long as nobody else reaps.
func (p *Process) reap() error {
	ledger.Lock()
	ended := p.ended
	ledger.Unlock()
	if ended {
		return nil
	}
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for child process %d: %w", p.pid, err)
		}
	}
	ledger.Lock()
	defer ledger.Unlock()
	if p.ended {
		return nil
	}
	unix.Kill(-p.pid, unix.SIGKILL) // the rest of its group, while the ID is still ours
	var err error
	for {
		if _, err = unix.Wait4(p.pid, &p.status, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.ended = true
	delete(ledger.running, p)
	if err != nil {
		return fmt.Errorf("reaping child process %d: %w", p.pid, err)
	}
	return nil
}

// ledger lists the children that have not been reaped, with what must stay mapped while they run.
var ledger = book{running: map[*Process]any{}}

type book struct {
	sync.Mutex
	running map[*Process]any
}

func (b *book) add(p *Process, keep any) {
	b.Lock()
	defer b.Unlock()
	b.running[p] = keep
}

// KillAll ends and reaps every child that is still running and says how many there were.
func KillAll() int {
	ledger.Lock()
	left := make([]*Process, 0, len(ledger.running))
	for p := range ledger.running {
		left = append(left, p)
	}
	ledger.Unlock()
	for _, p := range left {
		p.Kill()
	}
	return len(left)
}
