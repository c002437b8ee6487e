package coverage

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"

	"xtest/fuzz/area"
)

// TestPluginIsTaken compiles the plugin and has a QEMU execute a few instructions of a machine's firmware under
// it.
func TestPluginIsTaken(t *testing.T) {
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	so, err := Build(t.Context(), func(ctx context.Context, _, _ string, make func(context.Context, string) error) (string, error) {
		return dir, make(ctx, dir)
	}, qemu)
	if errors.Is(err, ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ram, err := Memory("ram", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer ram.Close()
	s, err := Watch(so, ram)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Range(0, 1<<20)
	var offsets [area.Pages]uint64
	s.Found(offsets[:])
	// The firmware finds nothing to boot and goes on looking; the monitor's end ends it.
	c := exec.CommandContext(t.Context(), qemu, append([]string{"-nodefaults", "-display", "none", "-accel", "tcg", "-monitor", "stdio", "-no-reboot"}, s.Args()...)...)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for n < 100 {
		for _, b := range s.New() {
			if n++; b.Address >= 1<<20 || b.Instructions < 1 || b.Slot != 0 {
				t.Fatalf("%+v", b)
			}
		}
		if t.Context().Err() != nil {
			t.Fatal("no code was seen")
		}
	}
	in.Write([]byte("quit\n"))
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
