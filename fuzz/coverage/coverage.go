// Package coverage tells which code of a hypervisor a call reached for the first time, without a change
// to the hypervisor: a plugin of QEMU's translator reports each block when it is translated, which is when
// it is first executed.
//
// Beware: what runs meanwhile for other reasons (timers, interrupts) is charged to the call under way. A
// block is new once in a machine's life; the union over machines is the caller's to keep.
package coverage

import "io"

// Block is a piece of code that was reached for the first time.
type Block struct {
	Address      uint64
	Instructions int
	// Slot and Call are the call under way, as the shared area names it. Call is the index in its slot.
	Slot uint64
	Call int
}

// Source is where blocks come from.
type Source interface {
	// Args are QEMU's arguments that join a machine to it.
	Args() []string
	// Found tells where the pages of the shared area lie in the machine's memory.
	Found(offsets []uint64)
	// Range limits what is reported to code from low to below end.
	Range(low, end uint64)
	// New gives the blocks that were reached since it was called last.
	New() []Block
	io.Closer
}

// None is the source of machines whose code nobody watches.
type None struct{}

// Args are none.
func (None) Args() []string { return nil }

// Found does nothing.
func (None) Found([]uint64) {}

// Range does nothing.
func (None) Range(uint64, uint64) {}

// New gives none.
func (None) New() []Block { return nil }

// Close does nothing.
func (None) Close() error { return nil }
