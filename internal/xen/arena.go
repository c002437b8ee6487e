package xen

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Arena is memory whose addresses can be given to Xen as guest handles: mapped, populated and locked,
// with an inaccessible page behind it. It is not for use by several goroutines at once.
type Arena struct {
	mem   []byte // the accessible part
	whole []byte // with the guard page
	used  int
}

// align is enough for every structure of the interface.
const align = 16

// NewArena maps the given number of pages, at least 1, beside the guard page.
func NewArena(pages int) (*Arena, error) {
	if pages < 1 {
		return nil, fmt.Errorf("mapping memory for hypercalls: %d pages were asked for, 1 is the least", pages)
	}
	page := os.Getpagesize()
	whole, err := unix.Mmap(-1, 0, (pages+1)*page, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("mapping memory for hypercalls: %w", err)
	}
	a := &Arena{whole: whole, mem: whole[: pages*page : pages*page]}
	if err := unix.Mprotect(a.mem, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return nil, errors.Join(fmt.Errorf("mapping memory for hypercalls: %w", err), a.Close())
	}
	// Xen does not fault pages in: it must find them in the page tables.
	if err := unix.Mlock(a.mem); err != nil {
		return nil, errors.Join(fmt.Errorf("locking memory for hypercalls: %w (raise the limit on locked memory)", err), a.Close())
	}
	return a, nil
}

// Close unmaps the memory. Buffers taken from it must not be used any more.
func (a *Arena) Close() error { return unix.Munmap(a.whole) }

// Reset takes every buffer back and zeroes the memory.
func (a *Arena) Reset() {
	clear(a.mem)
	a.used = 0
}

// Size is how many bytes Xen may access, from [Arena.Base] on.
func (a *Arena) Size() int { return len(a.mem) }

// Base is the address of the first byte.
func (a *Arena) Base() uint64 { return address(a.mem) }

// Unmapped is a page-aligned address that nothing is mapped at.
func (a *Arena) Unmapped() uint64 { return a.Base() + uint64(len(a.mem)) }

// Buffer gives n zeroed bytes, aligned to 16. It panics when the arena is used up.
func (a *Arena) Buffer(n int) Buffer {
	start := (a.used + align - 1) &^ (align - 1)
	if n < 0 || start+n > len(a.mem) {
		panic(fmt.Sprintf("xen.Arena: %d more bytes do not fit into %d", n, len(a.mem)))
	}
	a.used = start + n
	return Buffer{a.mem[start : start+n : start+n]}
}

// Straddling gives n zeroed bytes, 2 to a page, of which the first half lies on one page and the rest
// on the next.
func (a *Arena) Straddling(n int) Buffer {
	page := os.Getpagesize()
	edge := (a.used + n + page - 1) &^ (page - 1)
	a.used = edge - n/2
	start := a.used
	if n < 2 || n > page || start+n > len(a.mem) {
		panic(fmt.Sprintf("xen.Arena: %d bytes across a page boundary do not fit into %d", n, len(a.mem)))
	}
	a.used += n
	return Buffer{a.mem[start : start+n : start+n]}
}

// AtEdge gives the last n bytes, at least 1, before the unmapped page, so that anything longer ends in it. Only one
// such buffer is to be in use at a time.
func (a *Arena) AtEdge(n int) Buffer {
	if n < 1 || len(a.mem)-n < a.used {
		panic(fmt.Sprintf("xen.Arena: %d bytes at the edge overlap other buffers", n))
	}
	return Buffer{a.mem[len(a.mem)-n:]}
}

// Buffer is memory that Xen can reach.
type Buffer struct{ Bytes []byte }

// Addr is the buffer's address, as a guest handle.
func (b Buffer) Addr() uint64 { return address(b.Bytes) }

// String is the text up to the first NUL, and whether there was one.
func (b Buffer) String() (text string, terminated bool) {
	for i, c := range b.Bytes {
		if c == 0 {
			return string(b.Bytes[:i]), true
		}
	}
	return string(b.Bytes), false
}

// New gives a zeroed T in the arena. T must hold no Go pointers: guest handles are uint64.
func New[T any](a *Arena) *T {
	var t T
	return At[T](a.Buffer(int(unsafe.Sizeof(t))))
}

// At views the buffer as a T. It panics when the buffer is too short.
func At[T any](b Buffer) *T {
	var t T
	_ = b.Bytes[unsafe.Sizeof(t)-1]
	return (*T)(unsafe.Pointer(unsafe.SliceData(b.Bytes)))
}

// Slice views the buffer as as many T as fit.
func Slice[T any](b Buffer) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b.Bytes))), len(b.Bytes)/int(unsafe.Sizeof(t)))
}

// Addr is the address of something in an arena, as a guest handle.
func Addr[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
