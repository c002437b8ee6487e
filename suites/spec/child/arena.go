package child

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// arenaSize is how much memory a program has for its calls, strings and buffers, in bytes.
const arenaSize = 256 << 10

// arena is memory shared between the parent and the child processes. It is mapped rather than
// allocated, so that Go's collector neither moves nor frees it, and so that what a child writes is
// seen by its parent. A file in memory stands behind it: a spawned child maps it anew, at the same
// address, which therefore is far from where kernels put things.
type arena struct {
	mem  []byte
	fd   int // -1 once the program was spawned
	used int
	// close closes fd.
	close func()
	// spawned says that the program needs the interpreter as an executable of its own.
	spawned bool
}

// The range of addresses that arenas are mapped in, one after the other.
const (
	arenaBase  = 0x2000_0000_0000
	arenaCount = 1 << 20
)

var arenas atomic.Uint64

// arenaHead is how much of the arena's beginning is for the interpreter of a spawned child.
const arenaHead = 32

func newArena() (*arena, error) {
	fd, err := unix.MemfdCreate("xtest-arena", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a child program's memory: %w", err)
	}
	at := uintptr(arenaBase + arenas.Add(1)%arenaCount*arenaSize)
	err = unix.Ftruncate(fd, arenaSize)
	var mem unsafe.Pointer
	if err == nil {
		mem, err = unix.MmapPtr(fd, 0, ptr(at), arenaSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("mapping a child program's memory: %w", err)
	}
	a := &arena{mem: unsafe.Slice((*byte)(mem), arenaSize), fd: fd, used: arenaHead}
	a.close = sync.OnceFunc(func() { unix.Close(fd) })
	runtime.AddCleanup(a, func(done func()) {
		unix.MunmapPtr(mem, arenaSize)
		done()
	}, a.close)
	return a, nil
}

// take gives n zeroed bytes, aligned for any structure of the kernel's.
func (a *arena) take(n int) []byte {
	const align = 16
	start := (a.used + align - 1) &^ (align - 1)
	if start+n > len(a.mem) {
		panic("child program: more than 256 KiB of calls and buffers")
	}
	a.used = start + n
	return a.mem[start : start+n : start+n]
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
