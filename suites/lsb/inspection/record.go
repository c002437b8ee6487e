package inspection

import (
	"context"
	"path"
	"strings"
	"time"

	"xtest/internal/root"
	"xtest/runner/event"
)

// Survey is the judging of one root file system.
type Survey struct {
	// Target is how the root is named on the record.
	Target string
	System *System
	Checks []Check
	// Known gives what is known of a failure, or nil; it may be nil.
	Known func(spec string, r *event.Result) *event.Known
	// Emit puts an event on the record.
	Emit func(event.Event)
}

// Run judges the checks one after the other, each on the record before it is judged and behind. It
// ends early with ctx.
func (s Survey) Run(ctx context.Context, suite string) {
	for _, c := range s.Checks {
		meta := c.Meta.Event(suite, 1)
		for _, n := range c.Needs {
			meta.Needs = append(meta.Needs, n.Name)
		}
		s.Emit(event.Event{Kind: event.SpecListed, Target: s.Target, Suite: suite, Spec: c.Meta.ID, Meta: meta})
	}
	for _, c := range s.Checks {
		if ctx.Err() != nil {
			return
		}
		s.Emit(event.Event{Kind: event.SpecStarted, Target: s.Target, Suite: suite, Spec: c.Meta.ID})
		began := time.Now()
		r := c.Result(s.System)
		r.Duration = time.Since(began)
		if s.Known != nil && r.Verdict == event.Fail {
			r.Known = s.Known(c.Meta.ID, &r)
		}
		s.Emit(event.Event{Kind: event.SpecEnded, Target: s.Target, Suite: suite, Spec: c.Meta.ID, Result: &r})
	}
}

// Bounds on what is kept of an image's files, in bytes.
const (
	keptLibrary = 64 << 20
	keptProgram = 32 << 20
)

// Keep says how many of the first bytes of each file the checks read, for an image that keeps no
// more: its texts, the libraries, and the shell. The root is the image, of which nothing is kept yet.
func Keep(r *root.FS) func(name string, size int64) int64 {
	shell, _ := r.Resolve("/bin/sh")
	return func(name string, size int64) int64 {
		dir, base := path.Split(name)
		switch {
		case name == shell:
			return keptProgram
		case name == "/var/lib/dpkg/status":
			return maxStatus
		case strings.HasPrefix(dir, "/etc/"), strings.HasSuffix(dir, "/lib/lsb/"), base == "os-release":
			return root.MaxText
		case strings.Contains(dir, "/lib") && (strings.HasSuffix(base, ".so") || strings.Contains(base, ".so.") || strings.HasPrefix(base, "ld-")):
			return keptLibrary
		}
		return 0
	}
}
