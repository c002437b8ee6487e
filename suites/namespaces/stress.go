package namespaces

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
	"xtest/suites/spec/leak"
)

// deed is one step of a stress worker.
type deed struct {
	Do   string // make, enter, leave, kill, destroy
	Kind int    // of the worker's kinds
	Slot int    // which of the worker's namespaces
}

func (d deed) String() string { return fmt.Sprintf("%s %s %d", d.Do, ns.Kinds[d.Kind].Name, d.Slot) }

// slots are how many namespaces a worker holds at once.
const slots = 4

// deeds gives a worker's steps: of the seed, the worker's number, the kinds and the length alone, so that a
// run's seed replays it.
func deeds(seed uint64, worker, n int, kinds []int) []deed {
	r := rand.New(rand.NewPCG(seed, uint64(worker)))
	verbs := []string{"make", "make", "make", "enter", "enter", "leave", "kill", "destroy"}
	list := make([]deed, n)
	for i := range list {
		list[i] = deed{verbs[r.IntN(len(verbs))], kinds[r.IntN(len(kinds))], r.IntN(slots)}
	}
	return list
}

// stressOrder is what a worker is told, stressEnd what came of it.
type stressOrder struct {
	Seed   uint64
	Worker int
	Steps  int
	Kinds  []int
}

type stressEnd struct {
	Done int    // steps
	Step string // the one that broke an invariant
	Why  string
}

// stressChild works through its steps. Each namespace it makes belongs to a process of its own, which sleeps
// in it.
var stressChild = child.NewFunc("namespaces-stress", func(s *child.Side) error {
	var o stressOrder
	if err := s.Recv(&o); err != nil {
		return err
	}
	runtime.LockOSThread() // setns(2) is a thread's
	w := &stressWorker{own: map[int]string{}, home: map[int]int{}}
	defer w.clear()
	for _, k := range o.Kinds {
		name := ns.Kinds[k].Name
		fd, err := unix.Open("/proc/thread-self/ns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		w.home[k] = fd
		if w.own[k], err = os.Readlink("/proc/thread-self/ns/" + name); err != nil {
			return err
		}
	}
	for i, d := range deeds(o.Seed, o.Worker, o.Steps, o.Kinds) {
		if err := w.do(d); err != nil {
			return s.Send(stressEnd{i, d.String(), err.Error()})
		}
	}
	return s.Send(stressEnd{Done: o.Steps})
})

// stressWorker is a worker's state.
type stressWorker struct {
	own     map[int]string // what its own namespaces are called, by kind
	home    map[int]int    // descriptors of them
	sleeper [slots]sleeper
}

// sleeper is a process in a namespace that is not its worker's.
type sleeper struct {
	process *child.Process
	kind    int
	id      string // of the namespace, "" when it was killed
}

// do does one step and checks that what it says of namespaces is so.
func (w *stressWorker) do(d deed) error {
	at := &w.sleeper[d.Slot]
	switch d.Do {
	case "make":
		return w.make(d, at)
	case "enter":
		return w.enter(at)
	case "leave":
		return w.leave(d.Kind)
	case "kill":
		if at.process != nil {
			at.id = ""                                       // which another namespace may get from now on
			return unix.Kill(at.process.PID(), unix.SIGKILL) // it stays, as a zombie, until it is destroyed
		}
	case "destroy":
		at.clear()
	}
	return nil
}

func (at *sleeper) clear() {
	if at.process != nil {
		at.process.Kill()
		*at = sleeper{}
	}
}

func (w *stressWorker) clear() {
	for i := range w.sleeper {
		w.sleeper[i].clear()
	}
}

// link is the name under which a process finds its new namespace: that of a new time namespace is its
// children's.
func link(k int) string {
	if ns.Kinds[k] == ns.Time || ns.Kinds[k] == ns.PID {
		return ns.Kinds[k].Name + "_for_children"
	}
	return ns.Kinds[k].Name
}

func (w *stressWorker) make(d deed, at *sleeper) error {
	at.clear()
	k := ns.Kinds[d.Kind]
	s := newScript()
	made := s.call("unshare", unix.SYS_UNSHARE, k.Flag)
	s.Must()
	if k == ns.PID || k == ns.Time {
		s.fork(0, func(s *script) { s.call("pause()", unix.SYS_PAUSE) })
	}
	name := s.Buffer(64)
	read := s.call("readlink", unix.SYS_READLINKAT, unix.AT_FDCWD, s.String("/proc/self/ns/"+link(d.Kind)), name, 64)
	ready := event()
	defer unix.Close(ready)
	s.signal(ready)
	s.call("pause()", unix.SYS_PAUSE)
	p, err := s.Start(0)
	if err != nil {
		return err
	}
	if err := await(ready, p); err != nil {
		p.Kill()
		if errors.Is(made.Err(), unix.ENOSPC) {
			return nil // a limit of namespaces(7): others hold as many
		}
		return fmt.Errorf("unshare(%s): %s; %w", k.C, spec.ErrnoName(made.Err()), err)
	}
	*at = sleeper{p, d.Kind, string(name.Bytes[:max(read.Value(), 0)])}
	if read.Err() != nil {
		return fmt.Errorf("readlink(/proc/self/ns/%s): %w", link(d.Kind), read.Err())
	}
	if at.id == w.own[d.Kind] {
		return fmt.Errorf("unshare(%s) left the process in %s", k.C, at.id)
	}
	for i := range w.sleeper {
		if o := &w.sleeper[i]; o != at && o.id == at.id {
			return fmt.Errorf("two namespaces that live at once are both %s", at.id)
		}
	}
	return nil
}

// enter joins a sleeper's namespace and finds itself there; the way back is leave's.
func (w *stressWorker) enter(at *sleeper) error {
	if at.id == "" || ns.Kinds[at.kind] == ns.User || ns.Kinds[at.kind] == ns.Time || ns.Kinds[at.kind] == ns.Mount {
		return nil // a process of several threads may not, setns(2)
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/%s", at.process.PID(), link(at.kind)), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // it was killed
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, int(ns.Kinds[at.kind].Flag)); err != nil {
		return fmt.Errorf("setns(%s): %w", at.id, err)
	}
	if err := w.is(at.kind, at.id); err != nil || ns.Kinds[at.kind] != ns.PID {
		return err
	}
	return w.leave(at.kind) // or its next children would be born there
}

func (w *stressWorker) leave(kind int) error {
	switch ns.Kinds[kind] {
	case ns.User, ns.Time, ns.Mount:
		return nil
	}
	if err := unix.Setns(w.home[kind], int(ns.Kinds[kind].Flag)); err != nil {
		return fmt.Errorf("setns(%s): %w", w.own[kind], err)
	}
	return w.is(kind, w.own[kind])
}

// is checks where the worker's thread is.
func (w *stressWorker) is(kind int, id string) error {
	now, err := os.Readlink("/proc/thread-self/ns/" + link(kind))
	if errors.Is(err, syscall.ENOENT) {
		return nil // a PID namespace whose init is gone has no link any more
	}
	if err != nil {
		return err
	}
	if now != id {
		return fmt.Errorf("setns(%s) succeeded, and the thread is in %s", id, now)
	}
	return nil
}

// stress has workers at work at once and gives what broke.
func stress(t *spec.T, seed uint64, workers, steps int, kinds []int) (end stressEnd, worker int, err error) {
	var peers []*child.Peer
	defer func() {
		for _, p := range peers {
			p.Kill()
		}
	}()
	for i := range workers {
		p, err := stressChild.Start()
		if err != nil {
			return end, i, err
		}
		peers = append(peers, p)
		if err := p.Send(stressOrder{seed, i, steps, kinds}); err != nil {
			return end, i, err
		}
	}
	defer func() {
		reapOrphans() // members of ended namespaces, whose zombies would count as grown memory
		// Names that the kernel remembers are no leak: proc(5) drop_caches.
		os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0)
	}()
	for i, p := range peers {
		if err := p.Recv(&end); err != nil || end.Why != "" {
			return end, i, err
		}
		if err := p.Wait(t); err != nil {
			return end, i, err
		}
	}
	return end, 0, nil
}

func stressed(id string, workers, steps int, m spec.Meta) {
	m.ID, m.Level, m.Grade, m.Sources = id, spec.Must, spec.Guest, []string{"TDN-028"}
	m.Needs = []spec.Probe{spec.Root, utsNS}
	m.Clause = "namespaces(7), setns(2), unshare(2): namespaces of all kinds that many processes make, enter, leave, kill and destroy at once stay apart, and leave no memory behind"
	suite.It(m, func(t *spec.T) {
		var kinds []int
		for i, k := range ns.Kinds {
			if t.Has(canMake(k)) {
				kinds = append(kinds, i)
			}
		}
		seed := t.Rand().Uint64()
		var broke stressEnd
		var who int
		quietLog(t, func() {
			before, err := machineState()
			t.Setup("looking at the machine", err)
			r, err := leak.Watch(t, workers*steps,
				func() error { _, _, err := stress(t, seed, workers, 1, kinds); return err },
				func() (err error) {
					if broke.Why == "" {
						broke, who, err = stress(t, seed, workers, steps, kinds)
					}
					return err
				})
			if broke.Why != "" {
				list := deeds(seed, who, broke.Done+1, kinds)
				tail := list[max(0, len(list)-20):]
				t.Note("worker %d's last steps: %s; `xtest run TARGET --spec %s` with the run's --seed does the same ones again", who, strings.Trim(fmt.Sprint(tail), "[]"), id)
			}
			t.True(fmt.Sprintf("worker %d: %s", who, broke.Step), broke.Why == "", broke.Why, "the namespace that was asked for")
			t.Setup("stressing", err)
			t.Sample("step", float64(r.Cycle.Nanoseconds()), "ns/op")
			t.True(fmt.Sprintf("%d workers, %d steps each, twice", workers, steps), r.Grown == "", "grown: "+r.Grown, "memory as before")
			var after []string
			left := leaves(t, func() (bool, error) {
				after, err = machineState()
				return len(differences(before, after)) == 0, err
			})
			t.True("what is on the machine", left == nil, strings.Join(differences(before, after), "; "), "as before")
		})
	})
}

var _ = suite.Describe("stress", func() {
	stressed("stress/random", 4, 60, spec.Meta{Limit: time.Minute})
	stressed("stress/random-soak", 8, 2000, spec.Meta{Labels: []string{"soak"}, Limit: 15 * time.Minute})
})
