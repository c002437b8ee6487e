package machine

import (
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// occupied counts this program's machines on each of the host's processors.
var occupied = struct {
	sync.Mutex
	machines map[int]int
}{machines: map[int]int{}}

// occupy gives the processor with the fewest machines of those that this program may use: where several
// have as few, the one it runs on, since what is busy with something else is not where it runs. It is
// -1 where that cannot be known. Call release when the machine is gone.
func occupy() (processor int, release func()) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return -1, func() {}
	}
	occupied.Lock()
	defer occupied.Unlock()
	if processor = current(); !allowed.IsSet(processor) {
		processor = -1
	}
	for n := range 8 * int(unsafe.Sizeof(allowed)) {
		if allowed.IsSet(n) && (processor < 0 || occupied.machines[n] < occupied.machines[processor]) {
			processor = n
		}
	}
	occupied.machines[processor]++
	return processor, sync.OnceFunc(func() {
		occupied.Lock()
		defer occupied.Unlock()
		occupied.machines[processor]--
	})
}

// current is the processor that this thread runs on, getcpu(2), or -1.
func current() int {
	var n uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&n)), 0, 0); errno != 0 {
		return -1
	}
	return int(n)
}

// confined starts processes that, with all their children, use that processor alone. With -1, or where
// the host refuses, they use all.
func confined(processor int, start func() error) error {
	var before, only unix.CPUSet
	if processor >= 0 && unix.SchedGetaffinity(0, &before) == nil {
		// A process inherits the affinity of the thread that forks it, sched_setaffinity(2).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		only.Set(processor)
		if unix.SchedSetaffinity(0, &only) == nil {
			defer unix.SchedSetaffinity(0, &before)
		}
	}
	return start()
}
