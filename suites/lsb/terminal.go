package lsb

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// terminals probes for pseudo-terminals, which commands on terminals and job control are tried with.
var terminals = spec.Probe{Name: "pseudo-terminals", Check: func() error {
	master, slave, err := openTerminal()
	if err != nil {
		return err
	}
	slave.Close()
	return master.Close()
}}

// openTerminal makes a pseudo-terminal: pts(4), by its inode in /dev/pts.
func openTerminal() (master, slave *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("opening /dev/ptmx: %w", err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil {
		var n int
		if n, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); err == nil {
			slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
		}
	}
	if err != nil {
		master.Close()
		return nil, nil, fmt.Errorf("opening a pseudo-terminal: %w", err)
	}
	return master, slave, nil
}

// attach gives a command a new session whose controlling terminal is its standard input, and types
// into it. What the terminal echoes is read and dropped.
func attach(cmd *exec.Cmd, typed string) (hangUp func(), err error) {
	master, slave, err := openTerminal()
	if err != nil {
		return nil, err
	}
	if _, err := master.WriteString(typed); err != nil {
		master.Close()
		slave.Close()
		return nil, fmt.Errorf("typing into a pseudo-terminal: %w", err)
	}
	cmd.Stdin = slave
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = false, true, true
	return func() {
		slave.Close()
		master.Close()
	}, nil
}
