package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// transfer is a download that is under way.
type transfer struct {
	what        string
	from        int64 // the bytes that were there when it was first heard of, as after a resumption
	done, total int64
	start       time.Time
	heard       time.Time // when it last told something
}

// Transfer tells that done of total bytes of what have been fetched. A negative total, as
// net/http's ContentLength, means that it is not known; the end is told by a total that equals
// done. Call it as often as wanted.
func (p *Progress) Transfer(what string, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now := p.o.Now()
	done = max(done, 0)
	t, i := p.transferOf(what)
	ends := total >= 0 && done >= total
	if t == nil {
		t = &transfer{what: what, from: done, start: now}
		i = len(p.transfers)
		p.transfers = append(p.transfers, t)
		if !p.o.Terminal && !ends {
			text := "fetching " + Clip(Clean(what), maxValue)
			if total > 0 {
				text += "  " + size(total)
			}
			p.print(plain, text)
		}
	}
	t.done, t.total, t.heard = done, total, now
	if ends {
		p.transfers = append(p.transfers[:i:i], p.transfers[i+1:]...)
		p.print(plain, fmt.Sprintf("fetched  %s  %s%s", Clip(Clean(what), maxValue), size(done), t.pace(now)))
	}
	p.draw()
}

// stalled is how long a transfer may bring nothing until the live line turns to what else is going
// on: one that has failed is not told of, and the target that wanted it says why.
const stalled = 10 * time.Second

// moving gives the transfers that are not stalled.
func (p *Progress) moving(now time.Time) []*transfer {
	var list []*transfer
	for _, t := range p.transfers {
		if now.Sub(t.heard) < stalled {
			list = append(list, t)
		}
	}
	return list
}

func (p *Progress) transferOf(what string) (*transfer, int) {
	for i, t := range p.transfers {
		if t.what == what {
			return t, i
		}
	}
	return nil, -1
}

// pace says how long a finished transfer took and how fast it was.
func (t *transfer) pace(now time.Time) string {
	took := now.Sub(t.start)
	if took <= 0 || t.done == t.from {
		return ""
	}
	return fmt.Sprintf(" in %s, %s/s", span(took), size(t.rate(now)))
}

// rate is in bytes a second over the whole transfer.
func (t *transfer) rate(now time.Time) int64 {
	took := now.Sub(t.start).Seconds()
	if took <= 0 {
		return 0
	}
	return int64(float64(max(t.done-t.from, 0)) / took)
}

// transferLine shows the transfer that was begun first, and how many there are besides.
func (p *Progress) transferLine(now time.Time, transfers []*transfer) string {
	t := transfers[0]
	parts := []string{clock(now.Sub(p.start)), "fetching " + Clip(Clean(t.what), 60)}
	if t.total > 0 {
		parts = append(parts, size(t.done)+" of "+size(t.total))
	} else {
		parts = append(parts, size(t.done))
	}
	if r := t.rate(now); r > 0 {
		parts = append(parts, size(r)+"/s")
		if left := t.total - t.done; left > 0 {
			parts = append(parts, ahead(time.Duration(float64(left)/float64(r)*float64(time.Second)))+" left")
		}
	}
	if n := len(transfers) - 1; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more", n))
	}
	return strings.Join(parts, " · ")
}

func size(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

// Size writes a number of bytes as the reports do.
func Size(n int64) string { return size(n) }
