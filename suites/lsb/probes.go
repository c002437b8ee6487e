package lsb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"

	"golang.org/x/sys/unix"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

// userland probes for the one file that every userland has. A machine that runs only the guest agent
// has none.
var userland = needed(inspection.Userland)

// architecture probes for one of the seven architectures of LSB 5.0.
var architecture = needed(inspection.Architecture)

// has probes for a utility, by name or path, for specs on how it behaves: that it is there at all is
// judged by the specs of commands/.
func has(name string) spec.Probe {
	return spec.Probe{Name: "command " + name, Check: func() error {
		if path.IsAbs(name) {
			return here.Executable(name)
		}
		_, err := here.Command(name)
		return err
	}}
}

// hasBuiltIn probes for a utility that the shell provides, which commands/built-ins judges.
func hasBuiltIn(name string) spec.Probe {
	return spec.Probe{Name: "built-in " + name, Check: func() error {
		o, err := shell(context.Background(), here, command{argv: []string{"/bin/sh", "-c", "PATH=/nonexistent; command -v " + name}})
		if err == nil && o.status != 0 {
			err = errors.New("sh has none")
		}
		return err
	}}
}

// initFunctions probes for the file of init script functions, whose absence is judged by
// init/functions-defined.
var initFunctions = spec.Probe{Name: "init script functions", Check: func() error {
	_, err := here.Stat(inspection.InitFunctions)
	return err
}}

// proc probes for the proc file system, which the LSB does not ask for and by which the common
// implementations of some commands find processes, or change the mode of a special file.
var proc = spec.Probe{Name: "proc file system", Check: func() error {
	if _, err := here.Text("/proc/self/stat"); err != nil {
		return fmt.Errorf("it is not mounted: %w", err)
	}
	return nil
}}

// sysvIPC probes for System V message queues, which a kernel may be built without.
var sysvIPC = spec.Probe{Name: "System V IPC", Check: func() error {
	const ipcPrivate, ipcRemove = 0, 0
	id, _, errno := unix.Syscall(unix.SYS_MSGGET, ipcPrivate, 0o600, 0)
	if errno != 0 {
		return fmt.Errorf("msgget(2): %w", errno)
	}
	unix.Syscall(unix.SYS_MSGCTL, id, ipcRemove, 0)
	return nil
}}

// logSocket probes for a system log that takes messages.
var logSocket = spec.Probe{Name: "system log", Check: func() error {
	c, err := net.Dial("unixgram", "/dev/log")
	if err != nil {
		return err
	}
	return c.Close()
}}

// localeSources probes for the sources of locales, which the LSB does not ask for.
var localeSources = spec.Probe{Name: "locale sources", Check: func() error {
	_, err := here.Stat("/usr/share/i18n/locales/POSIX")
	return err
}}
