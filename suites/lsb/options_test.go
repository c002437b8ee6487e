package lsb

import (
	"os"
	"testing"
)

// A utility that takes -- for an operand is found out.
func TestEndOfOptions(t *testing.T) {
	f := newFixture(t)
	f.skips(checkEndOfOptions)
	f.put("/bin/cat", "#!/bin/sh\nshift; while read x; do echo $x; done <./$1\n")
	f.passes(checkEndOfOptions)
	f.put("/bin/rm", "#!/bin/sh\nfor a; do [ -e ./$a ] || exit 1; done\n")
	f.fails(checkEndOfOptions, "1 of 2 not: rm -- -f")
}

func TestInstallable(t *testing.T) {
	f := newFixture(t)
	f.passes(checkInstallable)
	if err := os.WriteFile(f.host("/opt"), nil, 0o644); err != nil { // no folder, even for root
		t.Fatal(err)
	}
	f.fails(checkInstallable, "/opt")
}

// A setuid program that is none is found out as inapplicable, never as good.
func TestSetuid(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("becoming nobody needs root")
	}
	if err := nativeInterpreter.Check(); err != nil {
		t.Skip(err)
	}
	got, err := checkSetuid(t.Context(), here)
	if err != nil || got.Call != "" {
		t.Errorf("%+v, %v", got, err)
	}
}
