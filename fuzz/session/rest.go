package session

import (
	"bufio"
	"strconv"
	"strings"
	"time"

	"xtest/fuzz/call"
)

// How often a machine that fell silent is looked at, and how long apart.
const (
	looks = 40
	apart = 25 * time.Millisecond
)

// Answers says whether Xen itself still goes on in a machine that fell silent: each of its processors waits for
// interrupts at some time, or runs a domain's code. Then it is the calling domain that hangs, for instance because it
// masked the timer that it waits for. Known is false where nobody can look: not Xen, no monitor.
func (s *Session) Answers() (yes, known bool) {
	if s.Target.Space != call.Xen() || s.keeper == nil {
		return false, false
	}
	var free []bool // by processor
	for range looks {
		text, err := s.keeper.Registers()
		if err != nil {
			return false, false
		}
		for i, p := range processors(text) {
			if i == len(free) {
				free = append(free, false)
			}
			free[i] = free[i] || p.halted || p.rip < xenLow || p.rip >= xenEnd
		}
		time.Sleep(apart)
	}
	yes = len(free) > 0
	for _, f := range free {
		yes = yes && f
	}
	return yes, len(free) > 0
}

// processor is where a processor is.
type processor struct {
	rip    uint64
	halted bool
}

// processors reads what QEMU's "info registers -a" prints (x86_cpu_dump_state, target/i386/cpu-dump.c).
func processors(text string) (list []processor) {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || !strings.HasPrefix(fields[0], "RIP=") {
			continue
		}
		rip, err := strconv.ParseUint(strings.TrimPrefix(fields[0], "RIP="), 16, 64)
		if err == nil {
			list = append(list, processor{rip, strings.HasSuffix(lines.Text(), "HLT=1")})
		}
	}
	return list
}
