package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"xtest/runner/guard"
	"xtest/runner/machine"
)

// remote is what the machine says of itself before anything is copied to it.
type remote struct{ system, machine, release string }

const (
	answer = "xtest-machine"
	// question is put so that any login shell, csh and fish included, passes it on to sh.
	question = `exec sh -c 'echo ` + answer + ` $(uname -s) $(uname -m) $(uname -r)'`
	// askLimit bounds what the client's own limits leave open, such as a server that accepts the
	// connection and then falls silent.
	askLimit = 30 * time.Second
	// askBytes is how much of each of the two streams is kept: a talkative login costs nothing.
	askBytes = 64 << 10
)

// ask connects once. Its error is a [machine.Unavailable] with the client's own words.
func (c client) ask(ctx context.Context) (remote, error) {
	if _, err := exec.LookPath(c.command[0]); err != nil {
		return remote{}, noClient(c.command[0])
	}
	limited, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	stdout, stderr, err := capture(limited, append(c.argv(), question))
	switch {
	case ctx.Err() != nil:
		return remote{}, context.Cause(ctx)
	case limited.Err() != nil:
		return remote{}, &machine.Unavailable{
			Reason: fmt.Sprintf("%s did not answer within %v", c.host.destination, askLimit), Fix: c.typed("-v") + " true  # tells where it stops",
		}
	case err != nil:
		return remote{}, c.diagnose(err, stderr)
	}
	for line := range strings.Lines(stdout) {
		if f := strings.Fields(line); len(f) == 4 && f[0] == answer {
			return remote{system: f[1], machine: f[2], release: f[3]}, nil
		}
	}
	return remote{}, &machine.Unavailable{
		Reason: fmt.Sprintf("the login on %s works, but runs no commands: %q", c.host.destination, lastWords(stdout+stderr)),
		Fix:    c.typed() + " uname -a",
	}
}

// capture runs the command under guard, without an input, and keeps the start of what it says.
func capture(ctx context.Context, args []string) (stdout, stderr string, err error) {
	var ends [2]*os.File
	var texts [2]chan string
	for i := range ends {
		r, w, err := os.Pipe()
		if err != nil {
			return "", "", fmt.Errorf("starting %s: %w", args[0], err)
		}
		defer w.Close()
		ends[i], texts[i] = w, make(chan string, 1)
		go func() {
			text, _ := io.ReadAll(io.LimitReader(r, askBytes))
			io.Copy(io.Discard, r)
			r.Close()
			texts[i] <- string(text)
		}()
	}
	p, err := guard.Start(guard.Command{Args: args, Env: os.Environ(), Stdout: ends[0], Stderr: ends[1]})
	if err != nil {
		return "", "", err
	}
	ends[0].Close()
	ends[1].Close()
	stop := context.AfterFunc(ctx, p.Kill)
	defer stop()
	err = p.Wait()
	return <-texts[0], <-texts[1], err
}

// troubles are what the client says when it cannot connect, from the most to the least particular,
// and what the user can do. {login} is the command that logs in, {target} port and destination as the
// client's companions take them, {known} the name under which the host's key is filed.
var troubles = []struct{ words, fix string }{
	{"REMOTE HOST IDENTIFICATION HAS CHANGED", "ssh-keygen -R '{known}'  # once you know why its key changed; then {login} true"},
	{"Host key verification failed", "{login} true  # once by hand: compare the key's fingerprint and accept it"},
	{"Permission denied", "ssh-copy-id {target}  # or load the right key: ssh-add FILE"},
	{"Too many authentication failures", "{login} true  # name one key for this host in ~/.ssh/config: IdentityFile, IdentitiesOnly yes"},
	{"Could not resolve hostname", "{login} true  # is the name right? ~/.ssh/config may give it an address: HostName"},
	{"Connection refused", "{login} true  # is sshd running there, on this port?"},
	{"timed out", "{login} true  # is the machine up, and no firewall in between?"},
	{"Bad configuration option", "{login} true  # mend the ssh client's settings"},
}

func (c client) diagnose(err error, stderr string) error {
	u := &machine.Unavailable{
		Reason: fmt.Sprintf("%s: %s", c.host.destination, lastWords(stderr)),
		Fix:    c.typed("-v") + " true  # tells where it stops",
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() != clientFailed {
		u.Reason = fmt.Sprintf("%s: the login works, but `sh` fails there (%v): %s", c.host.destination, err, lastWords(stderr))
		return u
	}
	if lastWords(stderr) == "" {
		u.Reason = fmt.Sprintf("%s: %v, without a word", c.host.destination, err)
	}
	known, target := c.host.destination[strings.LastIndexByte(c.host.destination, '@')+1:], c.host.destination
	if c.host.port != "" {
		known, target = "["+known+"]:"+c.host.port, "-p "+c.host.port+" "+target
	}
	for _, t := range troubles {
		if strings.Contains(stderr, t.words) {
			u.Fix = strings.NewReplacer("{login}", c.typed(), "{target}", target, "{known}", known).Replace(t.fix)
			break
		}
	}
	return u
}

func noClient(name string) *machine.Unavailable {
	u := &machine.Unavailable{Reason: name + ": not installed", Fix: "apt-get install openssh-client"}
	if name != "ssh" {
		u.Reason, u.Fix = fmt.Sprintf("%s, named by %s, is not there", name, variable), "unset "+variable
	}
	return u
}
