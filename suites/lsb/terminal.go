package lsb

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

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
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
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

// typing is how long a terminal may take to take what is typed.
const typing = 5 * time.Second

// attach gives a command a new session whose controlling terminal is its standard input, and types
// into it. What the terminal echoes is read and dropped.
func attach(cmd *exec.Cmd, typed string) (hangUp func(), err error) {
	master, slave, err := openTerminal()
	if err != nil {
		return nil, err
	}
	if typed != "" { // a write of no bytes never returns on gVisor, and POSIX leaves it open
		err := master.SetWriteDeadline(time.Now().Add(typing))
		if err == nil {
			_, err = master.WriteString(typed)
		}
		if err != nil {
			master.Close()
			slave.Close()
			return nil, fmt.Errorf("typing into a pseudo-terminal: %w", err)
		}
	}
	cmd.Stdin = slave
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = false, true, true
	return func() {
		slave.Close()
		master.Close()
	}, nil
}
