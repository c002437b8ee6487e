// Package executor makes the calls inside a machine that the host writes into the shared memory, and
// notes before each one which it is.
//
// Beware: it does whatever it is told. It runs only where the agent has seen the runner's token, which is
// in machines that xtest booted.
package executor

import (
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/runner/wire"
)

// caller makes the calls of a slot.
type caller interface {
	// facts tells the host what it needs to know for laying calls out.
	facts(a *area.Area)
	// do makes the calls of slot number n.
	do(a *area.Area, n uint64, s area.Slot)
	close() error
}

// Run works until the host says stop. It calls ready when the host is to look for the memory.
func Run(order wire.Fuzz, ready func() error) error {
	space, ok := call.Find(order.Space)
	if !ok {
		return fmt.Errorf("there are no calls of the kind %q", order.Space)
	}
	// What stays where it is can be found by the host: pages of locked memory may be moved otherwise
	// (Documentation/admin-guide/sysctl/vm.rst). Kernels without it move none.
	_ = writeFile("/proc/sys/vm/compact_unevictable_allowed", "0")
	a, err := area.Make(order.Key)
	if err != nil {
		return err
	}
	c, err := open(space)
	if err != nil {
		return err
	}
	defer c.close()
	c.facts(a)
	if err := ready(); err != nil {
		return err
	}
	if err := a.Await(nap); err != nil {
		return err
	}
	// Nothing below keeps memory for long, but for processes of their own.
	debug.SetGCPercent(400)
	for n := uint64(0); !a.Stopping(); {
		if a.Produced() <= n {
			nap()
			continue
		}
		c.do(a, n, a.Slot(n))
		a.Done(n)
		n++
	}
	return nil
}

// rest is how long the executor waits before it looks again whether there is something to do. A machine
// under emulation that does not wait takes a processor from the host that makes the calls.
const rest = 40 * time.Microsecond

func nap() {
	t := unix.NsecToTimespec(int64(rest))
	unix.Nanosleep(&t, nil) // an early end does no harm
}

func writeFile(name, text string) error {
	fd, err := unix.Open(name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(text))
	return err
}

func open(s *call.Space) (caller, error) {
	switch s {
	case call.Xen():
		return openXen()
	case call.Linux():
		// What programs mount is to stay theirs.
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return nil, fmt.Errorf("keeping mounts apart: %w", err)
		}
		return linux{}, nil
	}
	return openKVM(s)
}
