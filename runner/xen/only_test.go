package xen

import (
	"os"
	"path"
	"strings"
	"testing"

	"xtest/runner/dom0"
	"xtest/runner/machine"
)

// One program comes with what it needs, its libraries' needs included, and with nothing else.
func TestOnlyOneProgram(t *testing.T) {
	const program, libc = "/bin/sh", "libc.so.6"
	needs, err := needed(program)
	if err != nil || len(needs) < 2 {
		t.Skipf("%s is no dynamic program: it needs %v (%v)", program, needs, err)
	}
	all := machine.Extra{"bin/sh": program, "bin/other": program}
	// Any file of the name stands for a library; sh needs nothing that sh does not.
	for _, n := range needs {
		all[path.Join(libraries, n)] = program
	}
	chosen, err := only(all, "sh")
	if err != nil || len(chosen) != len(needs)+1 || chosen["bin/other"] != "" {
		t.Errorf("got %v, %v; expected sh and %v", chosen, err, needs)
	}
	delete(all, path.Join(libraries, libc))
	if _, err := only(all, "sh"); err == nil || !strings.Contains(err.Error(), libc) {
		t.Errorf("without %s: %v", libc, err)
	}
}

// TestStoreBringsItsSettings: oxenstored without its settings would have no quotas; what its version does not have is
// not asked for.
func TestStoreBringsItsSettings(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all := machine.Extra{"bin/oxenstored": self, "bin/xenstored": self, "etc/xen/" + settings: "settings"}
	for program, want := range map[string]int{dom0.OCamlStore: 2, dom0.CStore: 1} {
		chosen, err := only(all, program)
		if err != nil || len(chosen) != want || chosen["bin/"+program] == "" {
			t.Errorf("%s: %v, %v", program, chosen, err)
		}
	}
	all["usr/lib/"+plugin] = self
	if chosen, err := only(all, dom0.OCamlStore); err != nil || chosen["usr/lib/"+plugin] == "" {
		t.Errorf("with its library: %v, %v", chosen, err)
	}
}
