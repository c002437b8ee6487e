package qemu

import (
	"bytes"
	"math"
	"os"
	"sync"
	"time"
)

// tick is one reading of the host's counter.
type tick struct {
	at    time.Time
	count uint64
}

// now reads clock and counter together. Of some readings the one that was interrupted least counts.
func now() tick {
	best, least := tick{}, uint64(math.MaxUint64)
	for range 8 {
		before := rdtsc()
		at := time.Now()
		after := rdtsc()
		if d := after - before; d <= least {
			best, least = tick{at, before + d/2}, d
		}
	}
	return best
}

// hostMHz is the frequency of the host's time-stamp counter, which under TCG is the guest's too, or 0
// when it has none that is constant. Whole megahertz (some 0.02 % off) have every boot on a host get
// the same command line.
var hostMHz = sync.OnceValue(func() int64 {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !bytes.Contains(text, []byte(" constant_tsc")) || rdtsc() == 0 {
		return 0
	}
	first := now()
	<-time.After(20 * time.Millisecond) // what is measured is this time
	last := now()
	return int64(math.Round(float64(last.count-first.count) / float64(last.at.Sub(first.at).Microseconds())))
})
