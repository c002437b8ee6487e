// Package oracle judges what a call answered, and how a machine ended: what no call may answer whatever
// its arguments, and whose death a crash is.
//
// Beware: whether an answer is the right one for these arguments nobody knows here. Judged is what holds
// for all: the kinds of values that are documented, and what a caller without privileges never gets.
package oracle

import (
	"fmt"
	"strings"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/runner/console"
)

// Breach is an answer that breaks the contract.
type Breach struct {
	Signature string // the same for the same breach
	Story     string // one sentence
}

// Judge looks at what a call came back with. Nil: nothing is wrong.
func Judge(s *call.Space, unprivileged bool, op *call.Op, state uint64, result int64) *Breach {
	switch state {
	case area.Hung:
		return &Breach{"hang of a guest: " + op.Name, fmt.Sprintf("KVM did not come back from %s and had to be told to", op.Name)}
	case area.Returned:
	default:
		return nil
	}
	if _, ok := s.Errno(result); !ok {
		return &Breach{
			fmt.Sprintf("contract: %s answers %d", op.Name, result),
			fmt.Sprintf("%s answers %d (%#x), which is neither a value nor a documented error", op.Name, result, uint64(result)),
		}
	}
	if result < 0 {
		return nil
	}
	if result > 0 && !op.Values {
		return &Breach{
			fmt.Sprintf("contract: %s answers a value", op.Name),
			fmt.Sprintf("%s answers %d, and documented are 0 and errors alone", op.Name, result),
		}
	}
	if unprivileged && op.Privileged {
		return &Breach{
			fmt.Sprintf("privilege: %s succeeds", op.Name),
			fmt.Sprintf("%s succeeds for a domain that controls no other", op.Name),
		}
	}
	return nil
}

// Death is whose end a crash is.
type Death int

// The deaths.
const (
	Hypervisors Death = iota // the hypervisor's, or the kernel's under test
	Callers                  // the caller's, which some calls are to end
)

// Classify says whose death a cry tells of: Xen ends a domain that asks for the impossible, and says so; and what the
// kernel of the calling domain cries of is its own, since its memory, ports and timers are what the calls get to work
// with.
func Classify(s *call.Space, c console.Crash) Death {
	switch {
	case c.Kind == "domain-crash" || c.Kind == "dom0-crash":
		return Callers
	case s == call.Xen() && !strings.HasPrefix(c.Kind, "xen-") && c.Kind != "double-fault":
		return Callers
	case c.Kind == "panic" && strings.Contains(c.Signature, "Attempted to kill init"):
		// The executor is its machine's init: a call that had its memory written over ends it.
		return Callers
	}
	return Hypervisors
}

// Waits says whether the cry is of a kernel that waits for what never comes, which tells nothing of the call under way.
func Waits(c console.Crash) bool {
	return c.Kind == "hung-task" || c.Kind == "lockup" || c.Kind == "rcu-stall"
}
