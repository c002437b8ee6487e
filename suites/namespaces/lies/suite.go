// Package lies tests the specs on system calls, of namespaces and POSIX: they run in a child whose kernel
// lies. A supervisor holds chosen system calls of the child (seccomp(2), SECCOMP_RET_USER_NOTIF) and answers
// in the kernel's place: success without effect, another errno, another value. A lie passes when a spec
// catches it, by failing or by finding that its control makes it void.
//
// Beware: under a lie the specs may do anything to the machine that they run on: what should have become a
// namespace of their own may be the machine's. The suite runs only inside machines that xtest booted, and
// there in fresh namespaces.
package lies

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
	"xtest/suites/spec"
)

var suite = spec.NewSuite("lies")

// What the namespaces suite wants.
var _ = suite.WantsModules("veth")

// seccompListener probes for the supervisor's interface, since Linux 5.0 (flag CONTINUE: 5.5).
var seccompListener = spec.Probe{Name: "seccomp notification", Check: func() error {
	_, told, err := lieTo(lie{name: "probe", nr: unix.SYS_GETPRIORITY, suite: "namespaces", specs: []string{"uts/sethostname-length"}})
	if err == nil && told != 0 {
		err = fmt.Errorf("a call that was not made was answered %d times", told)
	}
	return err
}}

var _ = suite.Describe("lies", func() {
	for _, l := range slices.Concat(lies(), posixLies()) {
		suite.It(spec.Meta{
			ID: "lies/" + l.id, Level: spec.Must, Grade: spec.Guest, Limit: time.Minute,
			Clause: "docs/verdicts.md: a check that cannot fail is a defect; a kernel on which " + l.name + " must not pass",
			Needs:  []spec.Probe{seccompListener},
		}, func(t *spec.T) {
			seen, told, err := lieTo(l)
			t.Setup("running the specs under a lie", err)
			if told == 0 {
				t.Broken("no spec of %d made the call: nothing was lied about", len(seen))
			}
			caught := seen.caught()
			t.Note("told %d times to %d specs, caught by %d: %s", told, len(seen), len(caught), strings.Join(caught, " "))
			t.True(l.name, len(caught) > 0, fmt.Sprintf("believed by %d specs", len(seen)), "a spec that fails, or is void")
		})
	}
})

// caught are the specs that did not believe the lie, sorted.
func (v verdicts) caught() (ids []string) {
	for id, r := range v {
		if r.Verdict == event.Fail || r.Verdict == event.Broken {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
