package spec

import (
	"context"
	"errors"
	"os"
	"sync"

	"xtest/runner/event"
)

// Probe finds out whether the machine at hand has a capability, by trying it. Versions prove nothing:
// distributions back-port.
type Probe struct {
	// Name is short and the same on every machine: "time namespaces", "root".
	Name string
	// Check tries the capability. The error is the reason that users read behind not-applicable. It
	// leaves nothing behind, and is called once in each boot. [context.DeadlineExceeded] is no answer:
	// it makes specs broken, and the next one asks again.
	Check func() error
}

var probed = struct {
	sync.Mutex
	answers map[string]error
}{answers: map[string]error{}}

// ask gives the probe's answer for this boot, trying it the first time and putting it on the record.
func (p Probe) ask() error {
	probed.Lock()
	defer probed.Unlock()
	if err, known := probed.answers[p.Name]; known {
		return err
	}
	err := p.Check()
	if errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	probed.answers[p.Name] = err
	e := event.Event{Kind: event.Probed, Probe: p.Name}
	if err != nil {
		e.Reason = err.Error()
	}
	environment.Emit(e)
	return err
}

// Root probes for user ID 0.
var Root = Probe{Name: "root", Check: func() error {
	if os.Geteuid() != 0 {
		return errors.New("not running as root")
	}
	return nil
}}
