// Package local judges the machine that xtest runs on, with specs graded safe and no others.
//
// Beware: what runs here runs as the user who started xtest, without any machine around it.
package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"xtest/runner/agent"
	"xtest/runner/event"
	"xtest/runner/machine"
)

// Backend is the local backend. Its targets have no part behind the colon.
type Backend struct{}

// Name is "local".
func (Backend) Name() string { return "local" }

// Targets is this machine.
func (Backend) Targets() []machine.Offer {
	return []machine.Offer{{Title: "this machine; only specs graded safe"}}
}

// Takes nothing else.
func (Backend) Takes(string) bool { return false }

// Suites are those with safe specs.
func (Backend) Suites() []string { return []string{"namespaces", "lsb"} }

// unseen is what to do when the system does not tell a program where it is.
const unseen = "mount -t proc proc /proc"

// Check asks for /proc alone.
func (Backend) Check(context.Context) []machine.Capability {
	if _, err := os.Executable(); err != nil {
		return []machine.Capability{{What: "local", Reason: "/proc is not mounted: " + err.Error(), Fix: unseen}}
	}
	return []machine.Capability{{What: "local", Can: true, Reason: "only specs graded safe are judged"}}
}

// Prepare needs nothing.
func (Backend) Prepare(_ context.Context, what string, _ *machine.Supplies) (*machine.Image, error) {
	if what != "" {
		return nil, fmt.Errorf("local is this machine; it has no %q", what)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w; is /proc mounted? %s", err, unseen)
	}
	return &machine.Image{
		Plan: event.Plan{Backend: "local", Why: "this machine: only specs graded safe are judged"}, Scale: 1, BootLimit: 10 * time.Second,
		Launch: func(b machine.Boot) (machine.Launch, error) {
			// The agent knows itself by the name it is started under.
			name := filepath.Join(b.Scratch, agent.Marker)
			if err := os.Symlink(self, name); err != nil {
				return machine.Launch{}, fmt.Errorf("preparing the agent: %w", err)
			}
			// Folders that specs make go with the scratch folder, however the run ends; users without
			// rights come into them.
			if err := os.Chmod(b.Scratch, 0o711); err != nil {
				return machine.Launch{}, fmt.Errorf("preparing the agent: %w", err)
			}
			return machine.Launch{Args: []string{name}, Env: append(os.Environ(), "TMPDIR="+b.Scratch)}, nil
		},
	}, nil
}
