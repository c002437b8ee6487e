package lsb

import (
	"path/filepath"

	"xtest/internal/root"
	"xtest/suites/lsb/inspection"
)

// machine is a root file system under test, whose commands can be run: "/" inside the machine, a
// folder in a test.
type machine struct {
	*inspection.System
	root string
}

// newMachine makes one of a folder, which is opened when it is first asked for something.
func newMachine(dir string) *machine {
	return &machine{System: inspection.NewSystem(root.New(root.At(dir))), root: dir}
}

// host gives a path of the machine as a path of this process.
func (m *machine) host(name string) string { return filepath.Join(m.root, name) }
