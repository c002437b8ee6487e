package child

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// arenaSize is how much memory a program has for its calls, strings and buffers, in bytes.
const arenaSize = 256 << 10

// arena is memory shared between the parent and the forked processes. It is mapped rather than
// allocated, so that Go's collector neither moves nor frees it, and so that what a child writes is
// seen by its parent.
type arena struct {
	mem  []byte
	used int
}

func newArena() (*arena, error) {
	mem, err := unix.Mmap(-1, 0, arenaSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("mapping a child program's memory: %w", err)
	}
	a := &arena{mem: mem}
	runtime.AddCleanup(a, func(mem []byte) { unix.Munmap(mem) }, mem)
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
