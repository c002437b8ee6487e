package area

import (
	"encoding/binary"
	"unsafe"
)

// RecordSize is the size of a call in a slot, in bytes, and EntrySize that of one in a batch.
const (
	RecordSize = 128
	EntrySize  = 64 // struct multicall_entry (public/xen.h)
)

// How a slot's calls are made.
const (
	Singles   = 0 // one by one, [Record]
	Multicall = 1 // as one multicall of Xen's
	Race      = 3 // one by one, each on two processors at once
	Repeat    = 2 // the first one again and again: what a loop without a fuzzer reaches
	// RepeatBatch is the same by multicalls: the slot's entries are one, made again and again.
	RepeatBatch = 4
)

// Repeats is how many calls [Repeat] and [RepeatBatch] make: a multiple of [SlotCalls].
const Repeats = 40 * SlotCalls

// Pending is a call's result until it has one.
const Pending uint64 = 0x5eed_dead_5eed_dead

// MaxFixups is how many values a call can take from what earlier calls left in memory.
const MaxFixups = 3

// Record is a call. Its first six words are struct privcmd_hypercall.
type Record struct {
	Op     uint64
	Args   [6]uint64
	Result int64
	State  uint64 // what became of it
	Fixes  uint64 // how many of Fixups there are
	Fixups [MaxFixups]Fixup
}

// States of a call.
const (
	Waiting  = 0
	Returned = 1 // Result is what came back
	Faulted  = 2 // Result is the exception's number
	Stopped  = 3 // the caller ended with it, Result says why
	Hung     = 4 // it did not come back
	First    = 5 // Waiting, and the first call of its program
)

// Fixup copies 1 to 8 bytes, both offsets counted from the slot's calls on, before the call is made.
type Fixup struct {
	From, To, Size, _ uint32
}

// Slot is a list of calls and the memory that they point at.
type Slot struct {
	mem []byte
	at  uint64 // its address in the guest
}

const (
	slotCalls = 0
	slotMode  = 8
	dataAt    = Page + callsSize
)

func (s Slot) get(at int) uint64    { return binary.LittleEndian.Uint64(s.mem[at:]) }
func (s Slot) put(at int, v uint64) { binary.LittleEndian.PutUint64(s.mem[at:], v) }

// Calls is how many calls there are, at most [SlotCalls].
func (s Slot) Calls() int { return int(min(s.get(slotCalls), SlotCalls)) }

// Mode is [Singles] or [Multicall].
func (s Slot) Mode() int { return int(s.get(slotMode)) }

// Begin makes it a slot of n calls.
func (s Slot) Begin(n, mode int) {
	s.put(slotCalls, uint64(n))
	s.put(slotMode, uint64(mode))
}

// Record is the call of an index below [SlotCalls].
func (s Slot) Record(i int) *Record {
	return (*Record)(unsafe.Pointer(&s.mem[Page+i*RecordSize]))
}

// Entry is the call of a batch: number, result, six arguments.
func (s Slot) Entry(i int) *[8]uint64 {
	return (*[8]uint64)(unsafe.Pointer(&s.mem[Page+i*EntrySize]))
}

// EntriesAddr is where the entries are in the guest.
func (s Slot) EntriesAddr() uint64 { return s.at + Page }

// EdgeEnd is where, counted from the data's beginning on, the i-th page ends that has nothing behind it.
func EdgeEnd(i int) int { return DataSize + (2*i+1)*Page }

// Data is the memory that calls point at: [DataSize] bytes and the edges.
func (s Slot) Data() []byte { return s.mem[dataAt:] }

// DataAddr is where that is in the guest.
func (s Slot) DataAddr() uint64 { return s.at + dataAt }

// Fixed is the part of the slot that fixups move bytes in, and where its data begin in it.
func (s Slot) Fixed() (mem []byte, data int) { return s.mem[Page:], callsSize }

// Apply carries out a record's fixups. What lies outside of the slot is left alone.
func (s Slot) Apply(r *Record) {
	mem := s.mem[Page:]
	for _, f := range r.Fixups[:min(r.Fixes, MaxFixups)] {
		n := uint64(f.Size)
		if n <= 8 && uint64(f.From)+n <= uint64(len(mem)) && uint64(f.To)+n <= uint64(len(mem)) {
			copy(mem[f.To:f.To+f.Size], mem[f.From:f.From+f.Size])
		}
	}
}

// At is n bytes, or fewer, of the slot from an address of the guest's on, as far as the guest itself can read them.
func (s Slot) At(address uint64, n int) []byte {
	if address < s.at || address >= s.at+uint64(len(s.mem)) {
		return nil
	}
	at := int(address - s.at)
	end := min(at+n, len(s.mem))
	if edges := dataAt + DataSize; end > edges {
		page := max(at-edges, 0) / Page
		if page%2 == 1 { // nothing is mapped there
			return nil
		}
		end = min(end, edges+(page+1)*Page)
	}
	return s.mem[at:max(at, end)]
}
