// Package ssh judges a machine that is already up and that the user's own ssh client reaches: a real
// board, a cloud instance, a Xen host. One connection carries the agent there, its events back and
// its console; when it ends, however it ends, the far side cleans up after itself.
//
// The system's client does the work, not a library, because what people have set up for it must hold:
// ~/.ssh/config with its aliases and jump hosts, agents and hardware keys, known hosts.
//
// Beware: a program that uses it must call [Main] first thing; and what runs there runs as the user
// who logs in, on a machine that may matter, so only specs graded safe are judged.
package ssh

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"xtest/runner/event"
	"xtest/runner/machine"
)

// Backend is the ssh backend. Behind the colon of its targets stands [USER@]HOST[:PORT], where HOST is
// whatever the user's ssh client knows by that name; an IPv6 address is put in brackets.
type Backend struct{}

// Name is "ssh".
func (Backend) Name() string { return "ssh" }

// Targets are none: which machines there are, the user knows.
func (Backend) Targets() []machine.Offer { return nil }

// Takes looks for the form of a host.
func (Backend) Takes(what string) bool {
	_, ok := parseHost(what)
	return ok
}

// Suites are those with safe specs.
func (Backend) Suites() []string { return []string{"namespaces", "lsb"} }

// Check looks for the client and asks its version.
func (Backend) Check(ctx context.Context) []machine.Capability {
	c := machine.Capability{What: "ssh"}
	command := clientCommand()
	program, err := exec.LookPath(command[0])
	if err != nil {
		u := noClient(command[0])
		c.Reason, c.Fix = u.Reason, u.Fix
		return []machine.Capability{c}
	}
	c.Can, c.Reason = true, program+"; only specs graded safe are judged"
	if len(command) > 1 || filepath.Base(program) != "ssh" {
		return []machine.Capability{c} // a command of the user's may do anything when it is tried
	}
	if out, err := exec.CommandContext(ctx, program, "-V").CombinedOutput(); err == nil {
		version, _, _ := strings.Cut(lastWords(string(out)), ",")
		c.Reason = version + "; only specs graded safe are judged"
	}
	return []machine.Capability{c}
}

// bootLimit leaves time to upload the agent over a slow line. A host that cannot be reached, or is
// lost meanwhile, is the client's to notice, within seconds.
const bootLimit = 5 * time.Minute

// Prepare asks the machine what it is, so that one that cannot be judged is known before anything is
// copied.
func (Backend) Prepare(ctx context.Context, what string, _ *machine.Supplies) (*machine.Image, error) {
	h, ok := parseHost(what)
	if !ok {
		return nil, fmt.Errorf("%q is not of the form [USER@]HOST[:PORT]", what)
	}
	c := client{command: clientCommand(), host: h}
	remote, err := c.ask(ctx)
	if err != nil {
		return nil, err
	}
	program, err := agentFor(remote, what)
	if err != nil {
		return nil, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the working directory: %w", err)
	}
	return &machine.Image{
		Plan: event.Plan{
			Backend: "ssh", Why: "a machine that is already up: only specs graded safe are judged",
			// Arguments in XTEST_SSH may be secrets, and the record is passed on.
			Command: append([]string{c.command[0]}, c.options()...),
			Parts:   []event.Artefact{{Role: "kernel", Version: remote.release + " " + remote.machine}},
		},
		Scale: 1, BootLimit: bootLimit, Explain: explain,
		Launch: func(b machine.Boot) (machine.Launch, error) {
			// The relay knows itself by the name it is started under.
			name := filepath.Join(b.Scratch, marker)
			if err := os.Symlink(machine.Self, name); err != nil {
				return machine.Launch{}, fmt.Errorf("preparing the connection: %w", err)
			}
			return machine.Launch{Args: append([]string{name, dir, program}, c.argv()...), Env: os.Environ()}, nil
		},
	}, nil
}
