// Package machine is what a runner does with a booted target whatever its backend: start it under
// guard, join its console and its event channel, and see it end.
//
// Every backend comes down to the same shape: a host process whose standard output is the console
// and whose descriptor 3 is a socket that carries the event channel.
//
// Beware: a machine's end and its agent's "finished" are two things. QEMU exits with 0 for power-off,
// panic and reboot alike; only the done marker says that all was judged.
package machine

import (
	"context"
	"io"
	"time"

	"xtest/runner/event"
	"xtest/runner/wire"
)

// Backend brings targets of one kind up.
type Backend interface {
	// Name is what stands before the colon of a target's name.
	Name() string
	// Targets are those that need no file of the user's, best known first.
	Targets() []Offer
	// Takes says whether what, which is none of Targets, can name a target: a file of the user's, a
	// host. It looks at the form alone.
	Takes(what string) bool
	// Suites are judged on its targets when the user names none.
	Suites() []string
	// Check finds out what of it this machine can run.
	Check(ctx context.Context) []Capability
	// Prepare obtains all that the target is made of. It may fetch and build for minutes. The error
	// is an [Unavailable] when this machine lacks something that the user can install.
	Prepare(ctx context.Context, what string, s *Supplies) (*Image, error)
}

// Offer is a target that a backend can bring up.
type Offer struct {
	What  string // behind the colon
	Title string // for people
}

// Capability is something that this machine can run, or cannot.
type Capability struct {
	What   string
	Can    bool
	Reason string
	Fix    string // a command that mends what is missing
}

// Image is a target that is ready to boot, any number of times.
type Image struct {
	Plan    event.Plan
	Modules []string   // to load in the machine, by name
	Root    *wire.Root // nil: an empty tmpfs
	// Scale is how much slower than native the machine may be: it multiplies time limits.
	Scale float64
	// BootLimit is how long the machine may take until its agent says hello.
	BootLimit time.Duration
	// Memory is the machine's, in bytes, and Cores its processors (0 counts as 1): what it takes of
	// this host while it is up. Folder is where it keeps its memory in a file, or "".
	Memory int64
	Cores  int
	Folder string
	// Nests is set where the machine's agent brings up guests of its own to judge specs in: destructive
	// ones need no boot of the machine then.
	Nests bool
	// Luggage is the device in the machine that [Boot.Luggage] is, or "" where it can be none.
	Luggage string
	// Launch says how to start the machine, writing what this boot alone needs into Boot.Scratch.
	Launch func(b Boot) (Launch, error)
	// Repeats has equal orders boot alike, to the instruction where the machine's clock counts them: the
	// token is made of the seed, and the order comes with the machine, in [Boot.Initrd], so that nothing
	// reaches it at a time that is the host's. Its descriptor 3 is a pipe that it writes to.
	Repeats bool
	// Params are boot parameters of the next boot, behind those that Launch knows of. Where there is no
	// kernel to boot they have no effect.
	Params []string
	// Explain says in words what the error means with which the machine's process ended, given the
	// console's last lines; nil leaves the error as it is.
	Explain func(err error, tail string) error
}

// Boot is what one boot is given.
type Boot struct {
	Scratch string   // a folder of this boot's own
	Token   string   // for the kernel's command line, as xtest.token
	Order   []byte   // that goes into the initial RAM file system, or nil: it goes over the channel
	Params  []string // boot parameters of this boot alone, the last ones
	// Luggage is a file that is to be a disk of the machine, written in place, or "".
	Luggage string
	// Dump is where the machine's memory may be kept when it crashes, an absolute path, or "" when it
	// may be kept nowhere.
	Dump string
}

// Launch is a host process that is a machine. Its standard output and error are the console, its
// descriptor 3 is the event channel.
type Launch struct {
	Args []string
	Env  []string
	Dir  string // its working folder; "" means the boot's scratch folder
	// OneProcessor says that the machine is many processes of which one runs at a time. On one processor
	// of the host they hand over to each other several times as fast as across two.
	OneProcessor bool
	// Control, where it is set, converses with the process over a socket whose other end is the
	// process's descriptor 4. Last is closed when the machine cried and is to end. It returns when the
	// socket ends, or after last, with what it learned; then the process is killed.
	Control func(socket io.ReadWriteCloser, last <-chan struct{}) End
	// Linger is how long Control may take after last. With 0 last is never closed.
	Linger time.Duration
}

// End is how a guest ended, by the word of the process that runs it.
type End struct {
	How  string // "powered off", "reset itself", ...; "" when nothing is known
	Dump string // the file that keeps its memory, or ""
}

// Unavailable is the error of a target that cannot be brought up because this machine lacks
// something.
type Unavailable struct {
	Reason string
	Fix    string // a command that mends it
}

func (u *Unavailable) Error() string {
	if u.Fix == "" {
		return u.Reason
	}
	return u.Reason + "; to mend it: " + u.Fix
}
