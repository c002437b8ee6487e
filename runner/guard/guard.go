// Package guard keeps guests from outliving xtest. A machine's processes are started by a guard, a
// copy of this binary that watches a pipe held by xtest: when xtest ends in any way, kill -9
// included, the pipe closes, and the guard ends everything that came from it and removes the
// machine's scratch folder.
//
// Beware: a program that uses it must call [Main] first thing.
package guard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// marker is the name a guard is started under, so that [Main] knows it.
const marker = "xtest-guard"

// leash is the pipe's descriptor inside the guard; the guarded command's own files come behind it.
const leash = 3

// Command says what to run under guard.
type Command struct {
	Args    []string // the program and its arguments
	Env     []string // its whole environment; nil gives an empty one
	Dir     string
	Scratch string // a folder to remove when it is over, or ""
	Stdin   *os.File
	Stdout  *os.File
	Stderr  *os.File
	Files   []*os.File // descriptors 3 and up
	Hold    *os.File   // what the guard keeps open while the command runs, or nil
}

// Process is a guarded command.
type Process struct {
	cmd   *exec.Cmd
	leash *os.File
}

// Start starts the command. Its descriptors may be closed when Start has returned.
func Start(c Command) (*Process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Args[0], err)
	}
	defer r.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{marker, c.Scratch, strconv.Itoa(len(c.Files))}, c.Args...)
	cmd.Env, cmd.Dir = append([]string{}, c.Env...), c.Dir
	cmd.ExtraFiles = append([]*os.File{r}, c.Files...)
	if c.Hold != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, c.Hold)
	}
	if c.Stdin != nil { // a nil *os.File in an interface would not be nil
		cmd.Stdin = c.Stdin
	}
	if c.Stdout != nil {
		cmd.Stdout = c.Stdout
	}
	if c.Stderr != nil {
		cmd.Stderr = c.Stderr
	}
	// A group of its own, so that Ctrl-C on the terminal reaches xtest alone, which ends its guests
	// in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w; is /proc mounted? mount -t proc proc /proc", err)
		}
		return nil, fmt.Errorf("starting %s: %w", c.Args[0], err)
	}
	return &Process{cmd: cmd, leash: w}, nil
}

// Wait waits until nothing of the command is left. The error says how it ended when its exit status
// was not 0.
func (p *Process) Wait() error {
	err := p.cmd.Wait()
	p.leash.Close()
	return err
}

// Kill ends the command and all its descendants; Wait still has to be called.
func (p *Process) Kill() { p.leash.Close() }

// Main guards and exits, when this process was started as a guard; otherwise it returns at once.
func Main() {
	if len(os.Args) < 4 || os.Args[0] != marker {
		return
	}
	os.Exit(watch(os.Args[1], os.Args[2], os.Args[3:]))
}

func watch(scratch, files string, args []string) int {
	if scratch != "" {
		defer os.RemoveAll(scratch)
	}
	// Orphans of the command come to us instead of to init.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintf(os.Stderr, "xtest: guarding %s: %v\n", args[0], err)
		return 125
	}
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGPIPE)
	unix.CloseOnExec(leash)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if n, err := strconv.Atoi(files); err == nil {
		unix.CloseOnExec(leash + 1 + n) // what is only held, if anything
		for i := range n {
			// The command gets its copies one lower; a second one would hold a channel open that the
			// command has closed.
			unix.CloseOnExec(leash + 1 + i)
			cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(leash+1+i), "file"))
		}
	}
	// The parent-death signal is tied to this thread.
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "xtest: starting %s: %v\n", args[0], err)
		return 127
	}
	for _, f := range cmd.ExtraFiles {
		f.Close()
	}
	go func() {
		io.Copy(io.Discard, os.NewFile(leash, "leash"))
		// Not its group, which it may have left, and whose number may be another's by now.
		cmd.Process.Kill()
	}()
	err := cmd.Wait()
	endDescendants()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if s := exit.Sys().(syscall.WaitStatus); s.Signaled() {
			return 128 + int(s.Signal())
		}
		return exit.ExitCode()
	}
	return 0
}

// endDescendants kills and reaps until this process has no children left.
func endDescendants() {
	for {
		// Most commands leave none, and looking through all processes of a host takes milliseconds.
		if err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); errors.Is(err, unix.ECHILD) {
			return
		}
		for _, pid := range Children(os.Getpid()) {
			unix.Kill(pid, unix.SIGKILL)
		}
		_, err := unix.Wait4(-1, nil, 0, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// Children lists the processes whose parent is pid, zombies included.
func Children(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var list []int
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		// proc(5): the command's name is in parentheses and may hold any character.
		_, rest, ok := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
		fields := strings.Fields(rest)
		if ok && len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			list = append(list, child)
		}
	}
	return list
}
