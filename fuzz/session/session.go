// Package session is a machine that a fuzzer works with: it boots an image with its memory in a file of
// the host's, finds the shared area in it, and sees how the machine ends.
//
// Beware: a machine's memory is its own. Slots are read and written with all that [xtest/fuzz/area] says
// about trust; what a machine's agent and console say is bounded by the packages that read them.
package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/coverage"
	"xtest/fuzz/program"
	"xtest/runner/console"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/qemu"
	"xtest/runner/wire"
)

// Target is what can be booted, any number of times.
type Target struct {
	Name  string
	Image *machine.Image
	Space *call.Space
	// Plugin is the compiled coverage plugin, or "": nobody watches.
	Plugin string
	// Unprivileged: the calls are a domain's that controls no other.
	Unprivileged bool
}

// ErrRefused says that the machine came up and its agent cannot make such calls there: another boot would say the
// same.
var ErrRefused = errors.New("the calls cannot be made there")

// Session is a booted machine whose executor is ready.
type Session struct {
	Target  *Target
	Machine event.Machine // what it says of itself
	Area    *area.Found
	Cover   coverage.Source
	Layout  program.Layout
	Warned  []string // what its agent complained of

	m     *machine.Machine
	ram   *os.File
	slots uint64 // published
	done  uint64 // by the machine's last word that can be true

	keeper *qemu.Keeper // nil where nobody writes the memory out while the machine stands
}

// Xen's code lies there in all versions since 4.12 (XEN_VIRT_START, xen/include/asm-x86/config.h).
const (
	xenLow = 0xffff82d040000000
	xenEnd = 0xffff82d0c0000000
)

// Boot starts a machine and waits for its executor. Its console's log goes to log, or "" for none.
func Boot(ctx context.Context, t *Target, log string) (*Session, error) {
	s := &Session{Target: t, Cover: coverage.None{}}
	img := *t.Image
	key := make([]byte, 32)
	rand.Read(key)
	uml := img.Plan.Backend == "uml"
	if !uml {
		if err := s.share(&img); err != nil {
			return nil, err
		}
	}
	scratch := ""
	launch := img.Launch
	img.Launch = func(b machine.Boot) (machine.Launch, error) {
		l, err := launch(b)
		if uml {
			scratch = b.Scratch
			// The kernel's memory is an unlinked file there, which is found by its folder's name.
			for i, e := range l.Env {
				if strings.HasPrefix(e, "TMPDIR=") {
					l.Env[i] = "TMPDIR=" + b.Scratch
				}
			}
		} else {
			l.Args = append(quieter(l.Args), s.args(img.Memory)...)
			if l.Control != nil {
				s.keeper = qemu.NewKeeper()
				l.Control = s.keeper.Control
			}
		}
		return l, err
	}
	m, err := img.Start(wire.Order{Fuzz: &wire.Fuzz{Space: t.Space.Name, Key: key}}, log)
	if err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.m = m
	if err := s.await(ctx, img.BootLimit); err != nil {
		s.End()
		return nil, err
	}
	if uml {
		if s.ram, err = umlMemory(scratch, img.Memory); err != nil {
			s.End()
			return nil, err
		}
	}
	if s.Area, err = area.Find(s.ram, key); err != nil {
		s.End()
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	s.Cover.Found(s.Area.Offsets[:])
	s.Area.Tell()
	if err := s.ready(ctx); err != nil {
		s.End()
		return nil, err
	}
	s.Layout.Sysctl, s.Layout.Domctl = uint32(s.Area.Fact(area.FactSysctl)), uint32(s.Area.Fact(area.FactDomctl))
	if low := s.Area.Fact(area.FactTextLow); low != 0 {
		s.Cover.Range(low, s.Area.Fact(area.FactTextEnd))
	}
	s.place()
	return s, nil
}

// place says where calls find memory that micro guests have elsewhere.
func (s *Session) place() {
	if s.Target.Space == call.KVM() || s.Target.Space == call.HyperV() || s.Target.Space == call.KVMXen() {
		s.Layout.Data, s.Layout.Unmapped, s.Layout.Fixed = microData, microMemory, microTables
	}
}

// share has QEMU keep the machine's memory in a file that ends with us, and its translator report.
func (s *Session) share(img *machine.Image) (err error) {
	if s.ram, err = coverage.Memory("xtest-machine", img.Memory); err != nil {
		return err
	}
	if s.Target.Plugin != "" {
		if s.Cover, err = coverage.Watch(s.Target.Plugin, s.ram); err != nil {
			s.Cover = coverage.None{}
			return errors.Join(err, s.ram.Close())
		}
		s.Cover.Range(xenLow, xenEnd)
	}
	return nil
}

// args are QEMU's, behind the machine's own.
func (s *Session) args(memory int64) []string {
	return append([]string{
		"-object", fmt.Sprintf("memory-backend-file,id=shared,size=%d,mem-path=%s,share=on", memory, coverage.Path(s.ram)),
		"-machine", "memory-backend=shared",
	}, s.Cover.Args()...)
}

// quieter has Xen limit how often it tells what it thinks of its domains' calls (guest_loglvl, in Xen's
// docs/misc/xen-command-line): each byte of it is sent by a loop, and calls with chosen arguments make much.
func quieter(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		args[i] = strings.Replace(a, "guest_loglvl=all", "guest_loglvl=none/warning", 1)
	}
	return args
}

// umlMemory opens the memory, of at least size bytes, of the User-Mode Linux whose folder is dir: the one file there that
// has no name any more.
func umlMemory(dir string, size int64) (*os.File, error) {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		to, err := os.Readlink(l)
		if err != nil || !strings.HasPrefix(to, dir+"/") || !strings.HasSuffix(to, " (deleted)") {
			continue
		}
		if st, err := os.Stat(l); err != nil || st.Size() < size {
			continue
		}
		if f, err := os.OpenFile(l, os.O_RDWR, 0); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("the machine's memory was not found among the open files below %s", dir)
}

// await waits for the agent's word that the area is there.
func (s *Session) await(ctx context.Context, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case in, ok := <-s.m.Events:
			switch {
			case !ok:
				<-s.m.Ended
				if _, cried := s.m.Console.Crash(); !cried && len(s.Warned) > 0 {
					return fmt.Errorf("%s: %w: %s", s.Target.Name, ErrRefused, strings.Join(s.Warned, "; "))
				}
				return s.died("before it was ready")
			case in.Alien != nil:
			case in.Kind == event.Warned:
				s.Warned = append(s.Warned, in.Reason)
			case in.Kind == event.Booted && in.Machine != nil:
				s.Machine = *in.Machine
				go s.drain()
				return nil
			}
		case <-timer.C:
			return s.died(fmt.Sprintf("it was not ready within %v", limit))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// drain takes what the agent says later, which tells nothing that the area does not.
func (s *Session) drain() {
	for range s.m.Events {
	}
}

func (s *Session) died(why string) error {
	if c, cried := s.m.Console.Crash(); cried {
		return fmt.Errorf("%s: the machine died %s: %s", s.Target.Name, why, c.Signature)
	}
	tail := s.m.Console.Tail()
	if n := len(tail); n > 600 {
		tail = tail[n-600:]
	}
	return fmt.Errorf("%s: the machine ended, %s; %s; its last words:\n%s", s.Target.Name, why, strings.Join(s.Warned, "; "), tail)
}

// ready waits until the executor has taken the area.
func (s *Session) ready(ctx context.Context) error {
	deadline := time.Now().Add(time.Minute)
	for s.Area.State() != area.Ready {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.m.Ended:
			return s.died("before it took the shared memory")
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(deadline) {
			return s.died("it did not take the shared memory")
		}
	}
	return nil
}

// Free gives the next slot that the host may write, and its number; ok is false while there is none.
func (s *Session) Free() (slot area.Slot, n uint64, ok bool) {
	if s.slots >= s.Done()+area.Slots {
		return area.Slot{}, 0, false
	}
	return s.Area.Slot(s.slots), s.slots, true
}

// Publish hands the slot out that [Session.Free] gave.
func (s *Session) Publish() {
	s.Area.Publish(s.slots)
	s.slots++
}

// Published is how many slots were handed out.
func (s *Session) Published() uint64 { return s.slots }

// Done is how many slots the machine has worked through. It never says more than it was given, nor less than before.
func (s *Session) Done() uint64 {
	if n := s.Area.Consumed(); s.Area.Intact(s.slots) {
		s.done = max(s.done, min(n, s.slots))
	}
	return s.done
}

// Overwritten says whether a call wrote over what the machine and we agree by: nothing that it says counts any more.
func (s *Session) Overwritten() bool {
	return !s.Area.Intact(s.slots) || s.Area.Consumed() < s.done
}

// Cry is what the console cried, if it did.
func (s *Session) Cry() (console.Crash, bool) { return s.m.Console.Crash() }

// Tail is the console's end.
func (s *Session) Tail() string { return s.m.Console.Tail() }

// Ended is closed when the machine is gone.
func (s *Session) Ended() <-chan struct{} { return s.m.Ended }

// How says how it went, when it is gone.
func (s *Session) How() string { return s.m.End.How }

// farewell is how long a machine may take to power off that was asked to.
const farewell = 3 * time.Second

// Finish asks the machine to end and ends it.
func (s *Session) Finish() {
	s.Area.Stop()
	select {
	case <-s.m.Ended:
	case <-time.After(farewell):
	}
	s.End()
}

// End ends the machine at once and gives everything back.
func (s *Session) End() {
	s.m.Kill()
	<-s.m.Ended
	s.release()
}

func (s *Session) release() error {
	var err error
	if s.Area != nil {
		err = s.Area.Close()
		s.Area = nil
	}
	if s.ram != nil {
		err = errors.Join(err, s.ram.Close())
		s.ram = nil
	}
	return errors.Join(err, s.Cover.Close())
}
