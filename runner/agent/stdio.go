package agent

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// StdioMarker is the name the binary is started under to be an agent on a machine that xtest did not
// boot. Its channel is its standard input and output, and its own file is a copy made for this run
// in a folder of its own: it removes both first thing, so that nothing can stay behind.
const StdioMarker = "xtest-agent-stdio"

// farewell is how long a spec may take to clean up once the runner is gone.
const farewell = 5 * time.Second

// stdio is the way of an agent whose runner can vanish.
func (a *agent) stdio() error {
	// The running program and what it re-executes need no name any more.
	os.Remove(os.Args[0])
	os.Remove(filepath.Dir(os.Args[0]))
	// A write to a standard error whose reader is gone would end the program before its clean-up.
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE)
	in, out, err := takeStdio()
	if err != nil {
		return fmt.Errorf("taking the event channel: %w", err)
	}
	a.ordered = func(rest io.Reader) { go a.outlived(rest) }
	err = a.serve(in, out)
	sweep()
	return err
}

// takeStdio moves the channel out of the reach of specs and of Ginkgo's own report.
func takeStdio() (in, out *os.File, err error) {
	var files [2]*os.File
	for i, name := range []string{"channel in", "channel out"} {
		fd, err := unix.FcntlInt(uintptr(i), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return nil, nil, err
		}
		files[i] = os.NewFile(uintptr(fd), name)
	}
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	defer unix.Close(null)
	for i := range files {
		if err := unix.Dup3(null, i, 0); err != nil {
			return nil, nil, err
		}
	}
	return files[0], files[1], nil
}

// outlived waits for the end of what the runner sends, which is the runner's end, and then ends the
// running spec as Ctrl-C would: Ginkgo runs its clean-ups and skips the rest.
func (a *agent) outlived(runner io.Reader) {
	io.Copy(io.Discard, runner)
	deadline := time.NewTimer(farewell)
	unix.Kill(os.Getpid(), unix.SIGINT)
	<-deadline.C
	child.KillAll()
	sweep()
	os.Exit(1)
}
