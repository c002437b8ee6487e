// Package area is the memory that a fuzzer on the host shares with its executor inside a machine: the
// host writes slots of calls into it, the guest makes them and writes down which one it is at and what
// came back.
//
// The memory is the guest's own. The guest marks its pages with words that only the two know, and the
// host finds them in the file that holds the machine's memory: no device and no driver is needed, and a
// guest within a guest is reached in the same way. What the guest wrote last is still there when the
// machine is dead, so the call that killed it is known exactly.
//
// Beware: the guest may write anything at any time. The host takes each word as a claim, bounds every
// number before it uses it, and never trusts a result with more than the finding that it causes.
package area

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sizes, in bytes.
const (
	Page = 4096
	// SlotCalls is how many calls a slot holds at most.
	SlotCalls = 512
	callsSize = SlotCalls * RecordSize
	// DataSize is the memory of a slot that calls point at.
	DataSize = 256 << 10
	// Edges is how many pages come behind the data, each with one behind it that nothing is mapped at.
	Edges     = 32
	slotPages = 1 + (callsSize+DataSize)/Page + 2*Edges // the first is the header
	slotSize  = slotPages * Page
	// Slots is how many there are: the host fills some while the guest works through others.
	Slots = 4
	// Pages is the size of the whole area: the control page, the slots, a page that is mapped read-only.
	Pages = 1 + Slots*slotPages + 1
	Size  = Pages * Page
)

// Base is where every executor maps the area, so that the host knows the addresses to write into calls. Programs of
// User-Mode Linux have 512 GiB of addresses, at whose end they keep everything else. Calls answer into memory that holds
// pointers, too, and may write over the lower half or three bytes of one: such a pointer, a small number below what is left of
// an address of the area, must not show the control page. So no multiple of 16 MiB is near.
const Base uint64 = 0x40_5c3a_9000

// ReadOnly is the address of a page that the guest may read and nobody may write.
const ReadOnly = Base + uint64(Size) - Page

// Words of the control page, by their offsets in bytes.
const (
	wordState    = 64  // guest: [Ready] when it has seen that the host found the memory
	wordFound    = 72  // host: the memory was found
	wordProduced = 80  // host: slots written so far
	wordConsumed = 88  // guest: slots done so far
	wordCurrent  = 96  // guest: the call under way, see [Area.Current]
	wordStop     = 104 // host: end it
	wordEntries  = 112 // guest: offset of the batch under way in the area, 0 for none
	wordCount    = 120 // guest: calls of that batch
	wordFacts    = 128 // guest: [NumFacts] words
)

// Facts that a guest finds out for the host, by index.
const (
	FactSysctl  = iota // the version of the interface, 0: unknown
	FactDomctl         // the same of domctl
	FactTextLow        // the addresses of the code under test where only the guest knows them
	FactTextEnd
	FactFailed // 1: the executor cannot work; it said why in a warning
	NumFacts
)

// Ready is the guest's state from when it takes slots.
const Ready = 1

// Area is the memory, mapped.
type Area struct {
	mem  []byte
	file int // in the guest: its descriptor
}

// mark is what a page holds until it is found.
func mark(key []byte, page int) []byte {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(append([]byte("xtest fuzz area"), key...), uint64(page)))
	return sum[:]
}

// Make maps the area in a guest, at [Base], and marks its pages with the key.
func Make(key []byte) (*Area, error) {
	fd, err := unix.MemfdCreate("fuzz", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making memory to share with the fuzzer: %w", err)
	}
	if err := unix.Ftruncate(fd, int64(Size)); err != nil {
		return nil, fmt.Errorf("making memory to share with the fuzzer: %w", err)
	}
	return Map(fd, 0, key)
}

// Map is [Make] with memory that is there: a file, from an offset on.
func Map(fd int, offset int64, key []byte) (*Area, error) {
	base := uintptr(Base)
	at, err := unix.MmapPtr(fd, offset, *(*unsafe.Pointer)(unsafe.Pointer(&base)), uintptr(Size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_POPULATE|unix.MAP_FIXED_NOREPLACE)
	if err != nil {
		return nil, fmt.Errorf("mapping the memory that is shared with the fuzzer: %w", err)
	}
	a := &Area{mem: unsafe.Slice((*byte)(at), Size), file: fd}
	if err := unix.Mlock(a.mem); err != nil {
		return nil, fmt.Errorf("locking the memory that is shared with the fuzzer: %w (raise the limit on locked memory)", err)
	}
	for p := range Pages {
		copy(a.mem[p*Page:], mark(key, p))
	}
	return a, nil
}

// Path is by which other processes of the guest can open the memory.
func (a *Area) Path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), a.file) }

// Await waits until the host has found the area, as nap says how, then empties it and protects the pages
// that calls are to fail on.
func (a *Area) Await(nap func()) error {
	for a.word(wordFound).Load() == 0 {
		nap()
	}
	clear(a.mem[32:wordFound])
	clear(a.mem[Page:])
	err := unix.Mprotect(a.mem[Size-Page:], unix.PROT_READ)
	for s := range Slots {
		for i := range Edges {
			end := a.slotAt(s) + dataAt + EdgeEnd(i)
			err = errors.Join(err, unix.Mprotect(a.mem[end:end+Page], unix.PROT_NONE))
		}
	}
	a.word(wordState).Store(Ready)
	return err
}

func (a *Area) word(at int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&a.mem[at])) }

func (a *Area) slotAt(i int) int { return Page + i*slotSize }

// State is the guest's.
func (a *Area) State() uint64 { return a.word(wordState).Load() }

// Produced and Consumed count the slots that the host wrote and the guest did.
func (a *Area) Produced() uint64 { return a.word(wordProduced).Load() }

// Consumed counts the slots that the guest has done.
func (a *Area) Consumed() uint64 { return a.word(wordConsumed).Load() }

// Publish gives the slot of this number, counted from 0, to the guest.
func (a *Area) Publish(n uint64) { a.word(wordProduced).Store(n + 1) }

// Done gives the slot of this number back to the host.
func (a *Area) Done(n uint64) { a.word(wordConsumed).Store(n + 1) }

// halt is the word of [Area.Stop]: no number that a call would leave in memory that it was not to write.
const halt uint64 = 0x5eed_e4d0_5eed_e4d0

// Stop asks the guest to end, and Stopping says that it was asked to.
func (a *Area) Stop() { a.word(wordStop).Store(halt) }

// Stopping says whether the host wants an end.
func (a *Area) Stopping() bool { return a.word(wordStop).Load() == halt }

// Intact says whether the control page holds what the two agreed on, when the host has published so many slots. A call
// whose answer hits the page writes over it, and nothing that stands there can be believed from then on.
func (a *Area) Intact(published uint64) bool {
	return a.State() == Ready && a.word(wordFound).Load() == 1 && a.Produced() == published && a.Consumed() <= published
}

// Fact is what the guest found out.
func (a *Area) Fact(i int) uint64 { return a.word(wordFacts + 8*i).Load() }

// SetFact tells the host.
func (a *Area) SetFact(i int, v uint64) { a.word(wordFacts + 8*i).Store(v) }

// SetCurrent notes, before it is made, which call comes: of which slot and with which index in it.
func (a *Area) SetCurrent(slot uint64, call int) {
	a.word(wordCurrent).Store(slot<<16 | uint64(call)&0xffff)
}

// SetBatch notes, before it is made, that calls first to first+n-1 of the slot come as one batch.
func (a *Area) SetBatch(slot uint64, s Slot, n int) {
	a.word(wordEntries).Store(uint64(a.slotAt(int(slot%Slots)) + Page))
	a.word(wordCount).Store(uint64(n))
	a.SetCurrent(slot, 0)
}

// EndBatch notes that calls come one by one again.
func (a *Area) EndBatch() {
	a.word(wordEntries).Store(0)
	a.word(wordCount).Store(0)
}

// SetSpan notes, before they are made, that n calls of the slot come of which nobody sees which is under
// way.
func (a *Area) SetSpan(slot uint64, first, n int) {
	a.word(wordCount).Store(uint64(n))
	a.SetCurrent(slot, first)
}

// Current is the call under way: the slot's number, the call's index, and of how many calls it is the first
// where nobody can tell which of them it is. Of a batch of Xen's it is the first call without a result.
func (a *Area) Current() (slot uint64, call, span int) {
	c := a.word(wordCurrent).Load()
	slot, call, span = c>>16, int(c&0xffff), 1
	count := int(min(a.word(wordCount).Load(), SlotCalls))
	if a.word(wordEntries).Load() != 0 {
		s := a.Slot(slot)
		for call = 0; call < count-1 && s.Entry(call)[1] != Pending; call++ {
		}
	} else if count > 0 {
		span = count
	}
	return slot, min(call, SlotCalls-1), span
}

// Slot is that of a number counted from 0; slots are used in turn.
func (a *Area) Slot(n uint64) Slot {
	at := a.slotAt(int(n % Slots))
	return Slot{mem: a.mem[at : at+slotSize], at: Base + uint64(at)}
}

// Local is an area that nobody shares.
func Local() *Area { return &Area{mem: make([]byte, Size), file: -1} }

// Words are the offsets in the area of what tells the call under way: [Area.Current]'s word, where a batch's
// entries are, and how many they are.
func Words() (current, entries, calls uint64) { return wordCurrent, wordEntries, wordCount }
