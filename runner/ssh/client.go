package ssh

import (
	"os"
	"strings"
)

// variable names the command that is used as the client, split at spaces, as GIT_SSH_COMMAND does
// for git.
const variable = "XTEST_SSH"

func clientCommand() []string {
	if words := strings.Fields(os.Getenv(variable)); len(words) > 0 {
		return words
	}
	return []string{"ssh"}
}

// client is the ssh client as one host is reached by it.
type client struct {
	command []string
	host    host
}

// options follow the client's command. ssh_config(5): the first value that is given for an option
// holds, so that those in XTEST_SSH win over these, and these over ~/.ssh/config.
func (c client) options() []string {
	var args []string
	for _, o := range []string{
		// Nobody is there to answer questions.
		"BatchMode=yes",
		// A dead host is given up in seconds, a dead line before the time limit of a spec.
		"ConnectTimeout=5", "ConnectionAttempts=1", "ServerAliveInterval=3", "ServerAliveCountMax=2",
		// Nothing of this machine is lent to the one under test.
		"ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes",
		// What is configured for people at a terminal would get in the way of the channel. A master
		// connection that is there is used; one made here would end with the machine.
		"RequestTTY=no", "RemoteCommand=none", "PermitLocalCommand=no", "ControlMaster=no",
	} {
		args = append(args, "-o", o)
	}
	if c.host.port != "" {
		args = append(args, "-p", c.host.port)
	}
	return append(args, "--", c.host.destination)
}

// argv is the whole command; what to run there comes behind it.
func (c client) argv() []string {
	return append(append([]string{}, c.command...), c.options()...)
}

// typed is the command as a person would type it to log in.
func (c client) typed(options ...string) string {
	words := append(append([]string{}, c.command...), options...)
	if c.host.port != "" {
		words = append(words, "-p", c.host.port)
	}
	return strings.Join(append(words, c.host.destination), " ")
}
