package lsb

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// fixture is a root that a test fills.
type fixture struct {
	*testing.T
	*machine
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	return fixture{t, newMachine(t.TempDir())}
}

// put writes a file of the root, executable when it is a script or an ELF file.
func (f fixture) put(name, content string) {
	f.Helper()
	mode := os.FileMode(0o644)
	if len(content) > 1 && (content[:2] == "#!" || content[0] == 0x7f) {
		mode = 0o755
	}
	at := filepath.Join(f.root, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(content), mode); err != nil {
		f.Fatal(err)
	}
}

// passes and fails judge a check; fails wants each word in what was got or in its call.
func (f fixture) passes(c check) finding {
	f.Helper()
	got, err := c(f.Context(), f.machine)
	if err != nil || !got.Holds() {
		f.Errorf("want a pass, got %+v, %v", got, err)
	}
	return got
}

func (f fixture) fails(c check, words ...string) finding {
	f.Helper()
	got, err := c(f.Context(), f.machine)
	if err != nil || got.Call == "" {
		f.Errorf("want a fail, got %+v, %v", got, err)
	}
	for _, w := range words {
		if !bytes.Contains([]byte(got.Call+"\n"+got.Got), []byte(w)) {
			f.Errorf("want %q in %+v", w, got)
		}
	}
	return got
}

// skips wants the check to find nothing that it speaks of.
func (f fixture) skips(c check) {
	f.Helper()
	got, err := c(f.Context(), f.machine)
	if err != nil || got.Inapplicable == "" {
		f.Errorf("want nothing to judge, got %+v, %v", got, err)
	}
}
