package lsb

import (
	"fmt"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

// userland probes for the one file that every userland has. A machine that runs only the guest agent
// has none.
var userland = needed(inspection.Userland)

// architecture probes for one of the seven architectures of LSB 5.0.
var architecture = needed(inspection.Architecture)

// has probes for a utility, for specs on how it behaves: that it is there at all is judged by the
// specs of commands/.
func has(name string) spec.Probe {
	return spec.Probe{Name: "command " + name, Check: func() error {
		_, err := here.Command(name)
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
