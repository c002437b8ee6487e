// Package agent is xtest inside a machine: the same binary, as init where there is none. It mounts
// what specs rely on, loads kernel modules, judges the specs that the runner asks for, sends events,
// and powers the machine off.
//
// Beware: as process 1 it must never return or exit while the machine is wanted: the kernel panics
// when init ends.
package agent

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/runner/dom0"
	"xtest/runner/dom0/devicemodel"
	"xtest/runner/event"
	"xtest/runner/modules"
	"xtest/runner/wire"
	"xtest/suites/spec"
)

// Marker is the name the binary is started under to be an agent that is not init. Its channel is
// the socket at descriptor 3.
const Marker = "xtest-agent"

// InitPath is where the binary lies in an initial RAM file system.
const InitPath = "/init"

// Installer makes a root file system inside the machine, telling how far it is.
type Installer func(order wire.Install, tell func(what string, done, total int)) error

// Fuzzer makes the calls that the host writes into shared memory, until it says stop. It calls ready when
// the host is to look for the memory.
type Fuzzer func(order wire.Fuzz, ready func() error) error

// Main acts as the agent and does not return, when this process was started as one; otherwise it
// returns at once.
func Main(install Installer, fuzz Fuzzer) {
	switch {
	case os.Getpid() == 1 && os.Args[0] == InitPath:
		// Most machines are done before there is much to collect, and collecting is dear under emulation.
		debug.SetGCPercent(400)
		a := &agent{install: install, fuzz: fuzz, init: true, console: os.Stderr}
		if err := a.boot(); err != nil {
			fmt.Fprintf(os.Stderr, "xtest: the agent gave up: %v\n", err)
		}
		if a.params[dom0.PowerParam] != "" {
			if err := dom0.PowerOff(); err != nil {
				fmt.Fprintf(os.Stderr, "xtest: %v\n", err)
			}
		}
		powerOff()
	case filepath.Base(os.Args[0]) == devicemodel.Name:
		if err := devicemodel.Main(os.Args); err != nil {
			fmt.Fprintf(os.Stderr, "xtest: the device model gave up: %v\n", err)
			os.Exit(1)
		}
		os.Exit(0)
	case filepath.Base(os.Args[0]) == Marker:
		a := &agent{install: install, console: os.Stderr}
		unix.CloseOnExec(3)
		channel := os.NewFile(3, "channel")
		if err := a.serve(channel, channel); err != nil {
			fmt.Fprintf(os.Stderr, "xtest: the agent gave up: %v\n", err)
			os.Exit(1)
		}
		os.Exit(0)
	case filepath.Base(os.Args[0]) == StdioMarker:
		a := &agent{install: install, console: os.Stderr}
		if err := a.stdio(); err != nil {
			fmt.Fprintf(os.Stderr, "xtest: the agent gave up: %v\n", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

type agent struct {
	install Installer
	fuzz    Fuzzer
	init    bool
	console *os.File
	params  map[string]string // from the kernel's command line
	out     *wire.Writer
	channel *os.File             // that out writes to, where it is one; or nil
	ordered func(rest io.Reader) // called with the channel once the order is read; may be nil
}

// boot is the way of process 1.
func (a *agent) boot() error {
	if err := earlyMounts(); err != nil {
		return err
	}
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return fmt.Errorf("reading the kernel's command line: %w", err)
	}
	a.params = parameters(string(line))
	if late := a.params[slackParam]; late != "" {
		if err := slacken(late); err != nil {
			fmt.Fprintf(a.console, "xtest: %v\n", err)
		}
	}
	if err := loadModules(words(a.params["modules"])); err != nil {
		fmt.Fprintf(a.console, "xtest: the event channel's modules: %v\n", err)
	}
	tty, err := openChannel(a.params["channel"])
	if err != nil {
		return fmt.Errorf("opening the event channel xtest.channel=%s: %w", a.params["channel"], err)
	}
	if a.params[dom0.Param] != "" {
		return dom0.Serve(tty, a.console, a.params)
	}
	order, err := os.Open(wire.OrderPath)
	if errors.Is(err, fs.ErrNotExist) {
		return a.serve(tty, tty)
	}
	if err != nil {
		return fmt.Errorf("reading the runner's order: %w", err)
	}
	defer order.Close()
	os.Remove(wire.OrderPath) // it holds the key
	return a.serve(order, tty)
}

// parameters picks xtest.NAME=VALUE out of a kernel command line.
func parameters(line string) map[string]string {
	m := map[string]string{}
	for _, word := range strings.Fields(line) {
		if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "xtest.") {
			m[strings.TrimPrefix(name, "xtest.")] = value
		}
	}
	return m
}

// words takes a parameter apart at its commas.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func (a *agent) serve(in io.Reader, out io.Writer) error {
	if _, err := fmt.Fprintf(out, "\n%s\n", wire.Hello); err != nil {
		return fmt.Errorf("saying hello to the runner: %w", err)
	}
	var order wire.Order
	buffered := bufio.NewReaderSize(in, 64<<10)
	line, err := buffered.ReadBytes('\n')
	if err == nil || errors.Is(err, io.EOF) && len(line) > 0 { // a file ends without a line's end
		err = json.Unmarshal(line, &order)
	}
	if err != nil {
		return fmt.Errorf("reading the runner's order: %w", err)
	}
	if a.ordered != nil {
		a.ordered(buffered)
	}
	a.out = wire.NewWriter(out, order.Key)
	a.channel, _ = out.(*os.File)
	if a.init {
		if err := loadModules(order.Modules); err != nil {
			a.warn("loading kernel modules: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	if order.Install != nil {
		if !a.init {
			return errors.New("a root file system is made only where the agent is init")
		}
		return a.makeRoot(*order.Install)
	}
	if order.Fuzz != nil {
		return a.fuzzing(order)
	}
	if a.init && a.params[dom0.StoreParam] != "" && dom0.NeedStore(order.Specs) {
		// Its program lies in the RAM file system. Specs find out by themselves when there is no store.
		if kept, err = dom0.Store(a.params[dom0.StoreParam], a.console); err != nil {
			a.warn("%v", err)
		}
	}
	if a.init {
		if err := switchRoot(order.Root); err != nil {
			return err
		}
		if err := lateMounts(order.Root != nil); err != nil {
			a.warn("%v", err)
		}
		if kept != 0 {
			if err := dom0.Reach(kept); err != nil {
				a.warn("%v", err)
			}
		}
	}
	return a.judge(order)
}

func loadModules(names []string) error {
	if len(names) == 0 {
		return nil
	}
	tree, err := modules.Open(os.DirFS("/lib/modules"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the kernel came without any
	}
	if err != nil {
		return err
	}
	return tree.Load(names...)
}

func (a *agent) judge(order wire.Order) error {
	m := describe()
	if err := a.out.Send(event.Event{Kind: event.Booted, Machine: &m}); err != nil {
		return err
	}
	silence(a.console)
	// Orphans of specs come to us, where init would otherwise hide them.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming the parent of orphans: %w", err)
	}
	env := spec.Environment{
		Booted:  a.init && order.Token != "" && order.Token == a.params["token"],
		Scale:   order.Scale,
		Suites:  order.Suites,
		Seed:    order.Seed,
		Counted: order.Counted,
		Traced:  order.Trace,
		Emit:    a.emit,
		Sweep:   sweep,
		Drain:   a.drain,
	}
	if l := order.Luggage; l != nil {
		env.Luggage = map[string]spec.Luggage{}
		for i, id := range l.Specs {
			env.Luggage[id] = spec.Luggage{Disk: l.Device, At: int64(i) * l.Size, Size: l.Size, Arrived: l.Arrived}
		}
	}
	slices.Sort(order.Specs)
	spec.Run(env, func(l spec.Listed) bool {
		_, found := slices.BinarySearch(order.Specs, l.ID)
		return found
	})
	return a.out.Send(event.Event{Kind: event.Finished})
}

// drain waits until serial lines have sent what was written, tcdrain(3): they interrupt the machine for
// every few bytes. What is no line refuses.
func (a *agent) drain() {
	for _, f := range []*os.File{a.channel, a.console} {
		if f == nil {
			continue
		}
		if raw, err := f.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) { unix.IoctlSetInt(int(fd), unix.TCSBRK, 1) })
		}
	}
}

// emit puts an event on the record. A spec's end waits for the next spec's start, which follows at
// once: on a slow serial line the two cost one wait.
func (a *agent) emit(e event.Event) {
	var err error
	switch e.Kind {
	case event.SpecEnded:
		err = a.out.Queue(e)
	case event.SpecStarted:
		fmt.Fprintf(a.console, "xtest: %s\n", e.Spec)
		err = a.out.Send(e)
	default:
		err = a.out.Send(e)
	}
	if err != nil { // the runner is gone, and with it any sense in going on
		fmt.Fprintf(a.console, "xtest: %v\n", err)
	}
}

func (a *agent) warn(format string, args ...any) {
	a.out.Send(event.Event{Kind: event.Warned, Reason: fmt.Sprintf(format, args...)})
}

func (a *agent) makeRoot(in wire.Install) error {
	m := describe()
	a.out.Send(event.Event{Kind: event.Booted, Machine: &m})
	tell := func(what string, done, total int) {
		a.out.Send(event.Event{Kind: event.Advanced, Reason: what, Step: &event.Step{Done: done, Total: total}})
	}
	if err := a.install(in, tell); err != nil {
		a.warn("making the root file system: %v", err)
		return err
	}
	return a.out.Send(event.Event{Kind: event.Finished})
}

// fuzzing makes calls that may end the machine. It is refused anywhere but in a machine that the runner
// booted: nobody else can have put the token on its kernel's command line.
func (a *agent) fuzzing(order wire.Order) error {
	if !a.init || a.fuzz == nil || order.Token == "" || order.Token != a.params["token"] {
		return errors.New("calls of a fuzzer are made only in a machine that xtest booted: the token is missing")
	}
	if err := lateMounts(false); err != nil {
		a.warn("%v", err)
	}
	m := describe()
	err := a.fuzz(*order.Fuzz, func() error { return a.out.Send(event.Event{Kind: event.Booted, Machine: &m}) })
	if err != nil {
		a.warn("%v", err)
		return err
	}
	return a.out.Send(event.Event{Kind: event.Finished})
}

// silence keeps Ginkgo's own report off the console: the events say it all.
func silence(console *os.File) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	if int(console.Fd()) != 1 {
		unix.Dup3(int(null.Fd()), 1, 0)
	}
	null.Close()
}
