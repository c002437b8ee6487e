package lsb

import (
	"errors"
	"fmt"
	"io/fs"

	"xtest/suites/spec"
)

// userland probes for the one file that every userland has. A machine that runs only the guest agent
// has none.
var userland = spec.Probe{Name: "userland", Check: func() error { return hasUserland(here) }}

func hasUserland(m *machine) error {
	if _, err := m.stat("/bin/sh"); errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is none, not even /bin/sh")
	}
	return nil
}

// amd64 probes for a userland of the architecture whose symbol tables the suite holds.
var amd64 = spec.Probe{Name: "x86-64 userland", Check: func() error {
	got, err := native(here)
	if err == nil && got != ofLSB {
		err = fmt.Errorf("/bin/sh is for %s", got)
	}
	return err
}}

// architecture probes for one of the seven architectures of LSB 5.0.
var architecture = spec.Probe{Name: "LSB architecture", Check: func() error {
	got, err := native(here)
	if err == nil && interpreters[got] == "" {
		err = fmt.Errorf("LSB 5.0 has no architecture for %s", got)
	}
	return err
}}

// has probes for a utility, for specs on how it behaves: that it is there at all is judged by the
// specs of commands/.
func has(name string) spec.Probe {
	return spec.Probe{Name: "command " + name, Check: func() error {
		_, err := here.find(name)
		return err
	}}
}

// initFunctions probes for the file of init script functions, whose absence is judged by
// init/functions-defined.
var initFunctions = spec.Probe{Name: "init script functions", Check: func() error {
	_, err := here.stat(initFunctionsFile)
	return err
}}

// proc probes for the proc file system, which the LSB does not ask for and by which the common
// implementations of some commands find processes, or change the mode of a special file.
var proc = spec.Probe{Name: "proc file system", Check: func() error {
	if _, err := here.text("/proc/self/stat"); err != nil {
		return fmt.Errorf("it is not mounted: %w", err)
	}
	return nil
}}
