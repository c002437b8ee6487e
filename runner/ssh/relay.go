package ssh

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/runner/agent"
)

// marker is the name the relay is started under. It is the process that is the machine: it joins the
// event channel to the client's standard input and output.
const marker = "xtest-ssh"

// Exit statuses of the relay. All others are those of the far side.
const (
	clientFailed = 255 // ssh(1): an error of its own, not of the command
	notReached   = 254 // the same, before anything came from the far side
	noRelay      = 253 // the relay itself could not do its work
)

// Main relays and exits, when this process was started to; otherwise it returns at once.
func Main() {
	if filepath.Base(os.Args[0]) != marker || len(os.Args) < 4 {
		return
	}
	code, err := relay(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "xtest: %v\n", err)
		code = noRelay
	}
	os.Exit(code)
}

// relay runs the client in dir: first the program goes to it, then what the runner says; what comes
// back goes to the runner.
func relay(dir, program string, client []string) (code int, err error) {
	const channelFd = 3
	unix.CloseOnExec(channelFd)
	channel := os.NewFile(channelFd, "channel")
	f, err := os.Open(program)
	if err != nil {
		return 0, fmt.Errorf("reading the agent: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("reading the agent: %w", err)
	}
	cmd := exec.Command(client[0], append(client[1:], receive(info.Size()))...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, fmt.Errorf("starting %s: %w", client[0], err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, fmt.Errorf("starting %s: %w", client[0], err)
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting %s: %w", client[0], err)
	}
	go func() {
		// Where either ends early the far side sees the end of its input, and gives up.
		if _, err := io.CopyN(in, f, info.Size()); err == nil {
			io.Copy(in, channel)
		}
		in.Close()
	}()
	n, _ := io.Copy(channel, out)
	io.Copy(io.Discard, out)
	var exit *exec.ExitError
	switch err := cmd.Wait(); {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 0, fmt.Errorf("waiting for %s: %w", client[0], err)
	case exit.ExitCode() != clientFailed && exit.ExitCode() != -1:
		return exit.ExitCode(), nil
	case n == 0:
		return notReached, nil
	}
	return clientFailed, nil
}

// explain says how the relay ended.
func explain(err error, tail string) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	switch exit.ExitCode() {
	case clientFailed:
		return errors.New("connection lost")
	case notReached:
		return fmt.Errorf("no connection: %s", lastWords(tail))
	}
	return fmt.Errorf("%w: %s", err, lastWords(tail))
}

// folders are where the agent's copy may go, as sh writes them, in order. Any may be missing, full,
// or mounted so that nothing in it can be executed.
const folders = `"$TMPDIR" /tmp /var/tmp "$HOME" /dev/shm`

// receive is the command that takes a program of the given size from its standard input and runs it
// as the agent. It cleans up when its input ends early, and after the agent. The whole stands in
// single quotes for the login shell, so there is neither one of them in it nor a line's end, nor what
// csh or fish would still see in there: exclamation marks and backslashes. An empty file is a script
// that does nothing, which is how a folder is tried.
func receive(size int64) string {
	steps := []string{
		`clean() { [ -z "$d" ] || rm -rf "$d"; d=; }`,
		`d=; trap clean EXIT; trap "exit 1" HUP INT TERM`,
		`echo xtest-receives`,
		`for b in ` + folders + `; do ` +
			`[ -d "$b" ] && d=$(mktemp -d "$b/xtest-XXXXXXXX") || continue; ` +
			`a="$d/` + agent.StdioMarker + `"; ` +
			`: >"$a" && chmod 700 "$a" && "$a" </dev/null 2>/dev/null && break; ` +
			`clean; done`,
		`[ -n "$d" ] || { echo "xtest: no folder of "` + folders + `" takes a program that can be executed" >&2; exit 1; }`,
		fmt.Sprintf(`head -c %[1]d >"$a" && [ $(wc -c <"$a") -eq %[1]d ] || { echo "xtest: the agent did not arrive whole in $b" >&2; exit 1; }`, size),
		`"$a"; exit $?`,
	}
	return `exec sh -c '` + strings.Join(steps, "; ") + `'`
}
