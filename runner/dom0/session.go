package dom0

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"xtest/internal/xen"
	"xtest/runner/console"
	"xtest/runner/event"
	"xtest/runner/wire"
)

// How long a guest may take, before scaling: to its agent's hello, between two specs, beyond a spec's
// limit, and to say its last words when it is down.
const (
	bootLimit = 30 * time.Second
	pause     = 20 * time.Second
	slack     = 4 * time.Second // less than the runner's: what hangs in a guest is not to cost the machine
	farewell  = 300 * time.Millisecond
	look      = 50 * time.Millisecond // how often Xen is asked whether the guest is down
)

// chatter is how much of a guest's console goes to dom0's, in bytes.
const chatter = 256 << 10

// session is one guest and what it judges.
type session struct {
	*relay
	*guest
	cries   *console.Watcher
	printed int
	open    string // the spec that runs
	since   time.Time
	limit   *time.Timer
	created time.Time
	late    bool // its time was over, and it was up
}

// session boots a guest, has it judge the specs, and sees it end. It gives how the guest ended.
func (r *relay) session(specs []string) (how string, err error) {
	order := r.order
	order.Key, order.Token, order.Specs, order.Tasks, order.Root = wire.NewKey(), rand.Text(), specs, nil, nil
	begin := time.Now()
	g, err := r.host.create(order)
	if err != nil {
		return "", errors.Join(errNotMade, err)
	}
	s := &session{relay: r, guest: g, cries: console.NewWatcher(nil, nil), created: begin}
	how, err = s.keep(order.Key)
	if err != nil {
		return how, errors.Join(err, g.destroy())
	}
	fmt.Fprintf(r.console, "xtest: guest %s ended: it was %s\n", g.name, how)
	if s.late { // the runner is as impatient as we are
		if err := s.conclude(how); err != nil {
			return how, errors.Join(err, g.destroy())
		}
	}
	if err := g.part(); err != nil {
		return how, errors.Join(err, g.destroy())
	}
	begin = time.Now()
	if err := g.destroy(); err != nil {
		return how, err
	}
	if err := s.destroyed(time.Since(begin)); err != nil {
		return how, err
	}
	return how, s.conclude(how)
}

// sealed is what a line of an agent's looks like. Anything else on a console is text.
var sealed = regexp.MustCompile(`^\d+ [0-9a-f]{32} \{`)

// said is a line of the guest's console: an event, or text.
type said struct {
	event event.Event
	alien error
	text  []byte
}

// listen reads the guest's console to its end.
func (s *session) listen(key []byte, lines chan<- said) {
	defer close(lines)
	r := wire.NewReader(s.guest.out, key)
	for {
		line, err := r.Line()
		switch {
		case errors.Is(err, wire.ErrAlien):
			lines <- said{alien: err}
		case err != nil:
			return
		case string(line) == wire.Hello:
		case !sealed.Match(line):
			lines <- said{text: bytes.Clone(line)}
		default:
			e, err := r.Open(line)
			lines <- said{event: e, alien: err}
		}
	}
}

// keep passes on what the guest sends until it is down. An error is about the host; whatever the guest
// does ends in words.
func (s *session) keep(key []byte) (how string, err error) {
	lines := make(chan said, 64)
	go s.listen(key, lines)
	defer func() {
		go func() { // the listener ends with the console
			for range lines {
			}
		}()
	}()
	s.limit = time.NewTimer(s.scaled(bootLimit))
	defer s.limit.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	down := false
	for {
		select {
		case l, ok := <-lines:
			if !ok {
				if lines = nil; !down {
					fmt.Fprintf(s.relay.console, "xtest: the console of guest %s ended before the guest\n", s.name)
				}
				continue
			}
			if down { // its last words
				s.limit.Reset(farewell)
			}
			if err := s.take(l); err != nil {
				return "", err
			}
		case <-tick.C:
			if down {
				continue
			}
			var reason int
			if reason, down, err = s.ended(); err != nil {
				return "", err
			}
			if down {
				how = s.word(reason)
				s.limit.Reset(farewell)
			}
		case <-s.limit.C:
			if s.late = !down; s.late {
				s.describe()
			}
			return s.fate(how), nil
		}
	}
}

// describe shows what Xen knows of a guest whose time is over: one that waits for what never comes has used no more
// of the processor than its boot takes.
func (s *session) describe() {
	d, err := s.info()
	if err != nil {
		fmt.Fprintf(s.relay.console, "xtest: %v\n", err)
		return
	}
	doing := "waits"
	if d.Flags&xen.DomainRunning != 0 {
		doing = "runs"
	}
	fmt.Fprintf(s.relay.console, "xtest: the time of guest %s is over: it %s (flags %#x) and has had %v of the processor\n",
		s.name, doing, d.Flags, time.Duration(d.CPUTime).Round(time.Millisecond))
}

// deadly are the cries of a kernel that does not go on, or not with what cried.
var deadly = []string{"panic", "oops", "bug", "null-pointer", "page-fault", "protection-fault"}

// fate is how the guest ended, as its kernel's last words have it: one that cried and is up still has died on
// the way to its shutdown.
func (s *session) fate(how string) string {
	cry, cried := s.cries.Crash()
	switch {
	case cried && (s.late && slices.Contains(deadly, cry.Kind) || how == event.DomCrashed):
		return event.Panicked
	case s.late:
		return event.Hung
	}
	return how
}

func (s *session) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * max(s.order.Scale, 1))
}

// words are how a guest ended, by the reason.
var words = []string{event.PoweredOff, event.Rebooted, event.Suspended, event.DomCrashed, event.DomWatched, event.SoftReset}

func (s *session) word(reason int) string {
	if reason < len(words) {
		return words[reason]
	}
	return fmt.Sprintf("shut down with reason %d", reason)
}

func (s *session) take(l said) error {
	switch {
	case l.alien != nil:
		return s.alien(l.alien)
	case l.text != nil:
		s.print(l.text)
		return nil
	}
	return s.pass(l.event)
}

// alien has the runner see a line that did not come from the guest's agent: it doubts what ran then.
func (s *session) alien(err error) error {
	_, werr := fmt.Fprintf(s.channel, "\n%q\n", fmt.Sprintf("%s: %.200s", s.name, err))
	return werr
}

// print shows the guest's own words on dom0's console, as Xen would: behind the domain's number, so that
// they are taken for nobody else's.
func (s *session) print(text []byte) {
	s.cries.Write(append(bytes.Clone(text), '\n'))
	if s.printed += len(text); s.printed > chatter {
		return
	}
	plain := strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ReplaceAll(string(text), "(XEN)", "(xen)"))
	fmt.Fprintf(s.relay.console, "(d%d) %s\n", s.id, plain)
}

// pass gives the runner an event of the guest's.
func (s *session) pass(e event.Event) error {
	switch e.Kind {
	case event.Booted:
		s.limit.Reset(s.scaled(pause))
		if s.order.Fuzz != nil { // the host watches it
			s.limit.Stop()
		}
		if s.booted {
			return nil // another guest of the same kind
		}
		s.booted = true
	case event.SpecStarted:
		s.open, s.since = e.Spec, time.Now()
		s.limit.Reset(s.order.Tasks[e.Spec].Limit + slack)
		if err := s.relay.out.Send(e); err != nil {
			return err
		}
		return s.measured()
	case event.SpecEnded:
		s.limit.Reset(s.scaled(pause))
		s.open = ""
		s.done(e.Spec)
	case event.Finished:
		s.limit.Reset(s.scaled(pause))
		return nil // others may follow
	}
	return s.relay.out.Send(e)
}
