package runner

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
	"xtest/runner/wire"
)

// moving is what a target's specs that move take with them. The disk is a file in memory, so that it
// goes with this process, whatever ends that.
type moving struct {
	disk  *os.File // nil: there are no such specs, or the target's machines cannot share one
	specs []string
	gone  map[string]bool // they have passed in their first machine
}

// luggageSize is how much a spec may take along, in bytes. The disk is sparse.
const luggageSize = 64 << 20

// pack makes the disk for those specs that move, where there are any and the machines can share one.
func (j *judging) pack() error {
	m := &j.moving
	m.gone = map[string]bool{}
	for _, id := range j.order {
		if j.image.Luggage != "" && j.specs[id].Meta.Moves {
			m.specs = append(m.specs, id)
		}
	}
	if len(m.specs) == 0 {
		return nil
	}
	fd, err := unix.MemfdCreate("xtest-luggage", unix.MFD_CLOEXEC)
	if err == nil {
		m.disk = os.NewFile(uintptr(fd), "luggage")
		err = m.disk.Truncate(int64(len(m.specs)) * luggageSize)
	}
	if err != nil {
		return fmt.Errorf("making a disk that goes from machine to machine: %w", err)
	}
	return nil
}

func (m moving) unpack() {
	if m.disk != nil {
		m.disk.Close()
	}
}

// luggage is that of a boot: as every spec in it has moved, or none.
func (m moving) luggage(batch []string) *wire.Luggage {
	if m.disk == nil {
		return nil
	}
	return &wire.Luggage{
		File:  fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), m.disk.Fd()),
		Specs: m.specs, Size: luggageSize, Arrived: m.gone[batch[0]],
	}
}

// leaves says whether a spec with this result goes on to a second machine, and takes note of it.
func (m moving) leaves(s Spec, r event.Result) bool {
	if m.disk == nil || !s.Meta.Moves || m.gone[s.ID] || r.Verdict != event.Pass {
		return false
	}
	m.gone[s.ID] = true
	return true
}
