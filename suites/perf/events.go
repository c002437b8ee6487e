package perf

import (
	"encoding/binary"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// event is something that the kernel or the processor counts for a process, perf_event_open(2).
type event struct {
	unit   string
	kind   uint32
	config uint64
}

// missedLoads of a cache, PERF_TYPE_HW_CACHE in perf_event_open(2).
func missedLoads(cache uint64) uint64 {
	return cache | unix.PERF_COUNT_HW_CACHE_OP_READ<<8 | unix.PERF_COUNT_HW_CACHE_RESULT_MISS<<16
}

// events are those that are counted where they can be. Machines under emulation have those of the kernel alone.
func events() []event {
	return []event{
		{"context-switches/op", unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_CONTEXT_SWITCHES},
		{"page-faults/op", unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_PAGE_FAULTS},
		{"instructions/op", unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_INSTRUCTIONS},
		{"cycles/op", unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_CPU_CYCLES},
		{"dTLB-load-misses/op", unix.PERF_TYPE_HW_CACHE, missedLoads(unix.PERF_COUNT_HW_CACHE_DTLB)},
		{"cache-misses/op", unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_CACHE_MISSES},
	}
}

func (e event) attr() unix.PerfEventAttr {
	return unix.PerfEventAttr{
		Type: e.kind, Config: e.config, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Bits: unix.PerfBitDisabled | unix.PerfBitInherit,
	}
}

// countable are those events that this machine counts.
var countable = sync.OnceValue(func() (list []event) {
	for _, e := range events() {
		attr := e.attr()
		if fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC); err == nil {
			unix.Close(fd)
			list = append(list, e)
		}
	}
	return list
})

// countedRounds are those of a program whose events are counted. It is not timed.
const countedRounds = 10

// count records the events of an operation.
func (l load) count(t *spec.T, files []int) {
	list := countable()
	if len(list) == 0 {
		return
	}
	s := &steps{Program: child.NewProgram(), files: files}
	counts := make([]child.Buffer, len(list))
	fds := make([]child.Result, len(list))
	for i, e := range list {
		attr := e.attr()
		b := s.Buffer(int(attr.Size))
		copy(b.Bytes, unsafe.Slice((*byte)(unsafe.Pointer(&attr)), attr.Size))
		fds[i] = s.Do("perf_event_open()", unix.SYS_PERF_EVENT_OPEN, b, 0, -1, -1, 0)
		counts[i] = s.Buffer(8)
	}
	each := func(request int) func() {
		return func() {
			for _, fd := range fds {
				s.Call(unix.SYS_IOCTL, fd, request, 0)
			}
		}
	}
	s.on, s.off = each(unix.PERF_EVENT_IOC_ENABLE), each(unix.PERF_EVENT_IOC_DISABLE)
	l.program(s, countedRounds)
	for i, fd := range fds {
		s.Do("read() of an event's count", unix.SYS_READ, fd, counts[i], 8)
	}
	t.Setup("counting the benchmark's events", s.Run(t))
	t.Setup("counting the benchmark's events", s.failed())
	for i, e := range list {
		t.Sample(t.ID(), round(float64(binary.NativeEndian.Uint64(counts[i].Bytes))/float64(countedRounds*l.ops)), e.unit)
	}
}
