// Package dom0 is what the agent does as init of a Xen domain 0 whose guests are the callers: it starts
// the packaged toolstack, has it create guests that boot the same kernel and the same agent, gives them
// the runner's order, and passes on what they send. Each destructive spec gets a guest of its own.
//
// Beware: a guest's agent has a key of its own. What comes out of a guest is checked here and sealed
// anew for the runner, so a guest that garbles its console costs its own verdicts alone.
package dom0

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"xtest/runner/event"
	"xtest/runner/wire"
)

// The types of guests, as xl.cfg(5) names them.
const (
	PV  = "pv"
	PVH = "pvh"
	HVM = "hvm"
)

// Kernel is where the guests' kernel lies in dom0's initial RAM file system.
const Kernel = "guest/vmlinuz"

// Param is the kernel parameter that makes the agent a dom0 of guests, of the type that it has as value.
const Param = "caller"

// Serve does the work over the channel to the runner and returns when all is judged. Console is
// dom0's, which takes the guests' consoles too; params are those of dom0's kernel command line.
func Serve(channel io.ReadWriter, console io.Writer, params map[string]string) error {
	if _, err := fmt.Fprintf(channel, "\n%s\n", wire.Hello); err != nil {
		return fmt.Errorf("saying hello to the runner: %w", err)
	}
	var order wire.Order
	line, err := bufio.NewReaderSize(channel, 64<<10).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &order)
	}
	if err != nil {
		return fmt.Errorf("reading the runner's order: %w", err)
	}
	if order.Token == "" || order.Token != params["token"] {
		return errors.New("the order is not for this machine: its token differs")
	}
	r := &relay{order: order, channel: channel, out: wire.NewWriter(channel, order.Key), console: console, keeper: cmp.Or(params[StoreParam], CStore)}
	serve := r.serve
	if order.Fuzz != nil {
		serve = r.fuzz
	}
	if err := serve(params[Param]); err != nil {
		r.out.Send(event.Event{Kind: event.Warned, Reason: err.Error()})
		return err
	}
	return r.out.Send(event.Event{Kind: event.Finished})
}

// relay stands between the runner and the guests.
type relay struct {
	order   wire.Order
	channel io.Writer
	out     *wire.Writer
	console io.Writer
	keeper  string // the program that is Xenstore
	host    *host
	booted  bool // the runner knows what the guests are
}

func (r *relay) serve(kind string) error {
	h, err := start(kind, r.keeper, r.console)
	if err != nil {
		return err
	}
	defer h.stop()
	r.host = h
	return r.work(r.session)
}

// errNotMade is of guests that the toolstack could not make. It has time limits of its own, which count the host's time: on a
// busy one they are over before a guest is.
var errNotMade = errors.New("the toolstack made no guest")

// work has sessions judge all specs.
func (r *relay) work(session func(specs []string) (how string, err error)) error {
	for idle := 0; len(r.order.Specs) > 0; {
		before := len(r.order.Specs)
		s, err := session(r.batch())
		if errors.Is(err, errNotMade) && idle == 0 {
			fmt.Fprintf(r.console, "xtest: %v; it is asked once more\n", err)
			idle = 1
			continue
		}
		if err != nil {
			return err
		}
		if len(r.order.Specs) == before {
			if idle++; idle == 2 {
				return fmt.Errorf("twice a guest ended before it judged anything: it was %s", s)
			}
			continue
		}
		idle = 0
	}
	return nil
}

// batch is what the next guest judges: all that may share one, else one spec alone.
func (r *relay) batch() []string {
	var shared []string
	for _, id := range r.order.Specs {
		if !r.order.Tasks[id].Alone {
			shared = append(shared, id)
		}
	}
	if len(shared) > 0 {
		return shared
	}
	return r.order.Specs[:1]
}

// done takes a spec off the list.
func (r *relay) done(id string) {
	r.order.Specs = slices.DeleteFunc(slices.Clone(r.order.Specs), func(s string) bool { return s == id })
}
