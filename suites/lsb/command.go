package lsb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/lsb/inspection"
)

// command is a utility of the machine to be run. argv[0] is a name to be looked up, a path of the
// machine, or a file of the working directory written as "./name".
type command struct {
	argv  []string
	stdin string
	dir   string // a path of this process
	// nobody starts it as the user 65534 in the group 65534, for which this process must be root.
	nobody bool
	// terminal makes stdin a terminal of its own that controls the process; stdin is typed into it.
	terminal bool
}

// outcome is how a command ended.
type outcome struct {
	stdout, stderr string
	status         int    // -1 when it did not exit by itself
	died           string // the signal that killed it, or why the kernel refused to execute it
}

// maxOutput bounds what is kept of each output stream; the rest is read and dropped.
const maxOutput = 64 << 10

// run executes a command in the C locale, with nothing else of our environment, in a process group
// of its own. The whole group is killed when the command or ctx ends. The error tells that it could
// not be run for a reason that is not the machine's, which includes that time ran out.
func (m *machine) run(ctx context.Context, c command) (outcome, error) {
	file, err := m.locate(c)
	if err != nil {
		return outcome{}, err
	}
	cmd := exec.CommandContext(ctx, file)
	cmd.Args = c.argv
	cmd.Dir = c.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC0", "TERM=dumb", "HOME=" + c.dir, "TMPDIR=" + c.dir, "PATH=" + m.path()}
	if c.stdin != "" { // /dev/null costs no pipe
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	var stdout, stderr capture
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	if c.nobody {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobodyID, Gid: nobodyID}
	}
	if c.terminal {
		hangUp, err := attach(cmd, c.stdin)
		if err != nil {
			return outcome{}, err
		}
		defer hangUp()
	}
	cmd.WaitDelay = time.Second // for one that left its group and holds our pipes
	if err := cmd.Start(); err != nil {
		var errno unix.Errno
		if errors.As(err, &errno) && refusal[errno] {
			return outcome{status: -1, died: "not executed: " + errno.Error()}, nil
		}
		return outcome{}, fmt.Errorf("running %s: %w", c, err)
	}
	leftovers(cmd.Process.Pid)
	err = cmd.Wait()
	if ctx.Err() != nil {
		return outcome{}, fmt.Errorf("running %s: no end in time: %w", c, ctx.Err())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) && !errors.Is(err, unix.EPIPE) {
		return outcome{}, fmt.Errorf("running %s: %w", c, err)
	}
	o := outcome{stdout: stdout.kept.String(), stderr: stderr.kept.String(), status: cmd.ProcessState.ExitCode()}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		o.died = "killed by " + unix.SignalName(ws.Signal())
	}
	return o, nil
}

// nobodyID is the user and the group without rights: the kernel's overflowuid, which every
// distribution reserves.
const nobodyID = 65534

// refusal holds the errors of execve(2) that speak of the file, not of us.
var refusal = map[unix.Errno]bool{
	unix.ENOENT: true, unix.ENOEXEC: true, unix.EACCES: true, unix.ELIBBAD: true, unix.EINVAL: true,
	unix.ENOTDIR: true, unix.ELOOP: true, unix.EPERM: true, unix.EISDIR: true,
}

func (m *machine) locate(c command) (string, error) {
	name := c.argv[0]
	switch {
	case strings.HasPrefix(name, "./"):
		var fs unix.Statfs_t
		if err := unix.Statfs(c.dir, &fs); err == nil && fs.Flags&unix.ST_NOEXEC != 0 {
			return "", fmt.Errorf("nothing can be executed in %s, which is mounted noexec: set TMPDIR to another folder", c.dir)
		}
		return path.Join(c.dir, name), nil
	case path.IsAbs(name):
		return m.host(name), nil
	}
	at, err := m.Command(name)
	if err != nil {
		return "", err
	}
	return m.host(at), nil
}

// path is the command's PATH.
func (m *machine) path() string {
	dirs := make([]string, 0, len(inspection.SearchPath))
	for _, d := range inspection.SearchPath {
		dirs = append(dirs, m.host(d))
	}
	return strings.Join(dirs, ":")
}

// leftovers waits for the process to end and kills the rest of its group, before it is reaped and
// its ID can become somebody else's.
func leftovers(pid int) {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	unix.Kill(-pid, unix.SIGKILL)
}

func (c command) String() string { return strings.Join(c.argv, " ") }

func (o outcome) String() string {
	if o.died != "" {
		return o.died
	}
	s := fmt.Sprintf("status %d, stdout %q", o.status, clip(o.stdout))
	if o.stderr != "" {
		s += fmt.Sprintf(", stderr %q", clip(o.stderr))
	}
	return s
}

// clip shortens a piece of text for a verdict.
func clip(s string) string { return inspection.Shorten(s, 300) }

// capture keeps the first [maxOutput] bytes that are written to it. The buffer is not embedded: its
// ReadFrom would be preferred to Write.
type capture struct{ kept bytes.Buffer }

func (c *capture) Write(p []byte) (int, error) {
	c.kept.Write(p[:min(len(p), maxOutput-c.kept.Len())])
	return len(p), nil
}

// private makes a folder for one check, and gives the function that removes it.
func private() (string, func(), error) {
	dir, err := os.MkdirTemp("", "xtest-lsb-")
	if err != nil {
		return "", nil, fmt.Errorf("making a temporary folder: %w", err)
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}
