package machine

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"xtest/runner/wire"
)

// What a killed xtest left is removed by the next one, and nothing that anybody still uses.
func TestStaleScratchFolders(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	for _, name := range []string{"xtest-machine-1-held/root", "xtest-machine-2-held", "xtest-machine-3", "mine"} {
		if err := os.MkdirAll(filepath.Join(tmp, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(tmp, "xtest-machine-1-held/root/file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	used, err := hold(filepath.Join(tmp, "xtest-machine-2-held"), unix.LOCK_NB)
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	dir, held, err := newScratch()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := hold(dir, unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("the new folder can be held twice: %v, %v", again, err)
	}
	held.Close()
	for name, want := range map[string]bool{"xtest-machine-1-held": false, "xtest-machine-2-held": true, "xtest-machine-3": true, "mine": true, filepath.Base(dir): true} {
		if _, err := os.Stat(filepath.Join(tmp, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, expected %v", name, err == nil, want)
		}
	}
}

// A machine's folder stays held when the descriptor is the guard's alone.
func TestScratchFolderOfAMachineIsHeld(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	m, err := guestImage(t, "stays").Start(wire.Order{}, "")
	if err != nil {
		t.Fatal(err)
	}
	other, err := guestImage(t, "silent").Start(wire.Order{}, "")
	if err != nil {
		t.Fatal(err)
	}
	<-other.Ended
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) != 1 {
		t.Errorf("folders while a machine is up: %v, %v", left, err)
	}
	m.Kill()
	<-m.Ended
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
