package campaign

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"xtest/fuzz/planted"
	"xtest/fuzz/symbols"
	"xtest/internal/xen"
)

// imageOf is a release's hypervisor, not compressed.
func imageOf(t *testing.T, release string) []byte {
	t.Helper()
	command := xenTarget(t, release).Image.Plan.Command
	image, err := os.ReadFile(command[slices.Index(command, "-kernel")+1])
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// TestStockSymbols: each stock Xen names its functions, and an address in one of them is found.
func TestStockSymbols(t *testing.T) {
	for _, release := range []string{"debian-11", "debian-12", "debian-13"} {
		image := imageOf(t, release)
		table, err := symbols.Read(image)
		if err != nil {
			t.Errorf("%s: %v", release, err)
			continue
		}
		if len(table.Symbols) < 5000 {
			t.Errorf("%s: %d symbols", release, len(table.Symbols))
		}
		for _, name := range []string{"do_xen_version", "do_event_channel_op", "do_grant_table_op", "do_memory_op", "dump_timerq"} {
			s, size, ok := table.Lookup(name)
			if !ok || size == 0 {
				t.Errorf("%s: no %s", release, name)
				continue
			}
			if got, off := table.Name(s.Address + size - 1); got != s.Name || off != size-1 {
				t.Errorf("%s: %s ends in %s+%#x", release, name, got, off)
			}
			if at := table.Offset(s.Address); table.Address(at) != s.Address || at <= 0 || at >= len(image) {
				t.Errorf("%s: %s lies at %d", release, name, at)
			}
		}
	}
	if _, err := symbols.Read(bytes.Repeat([]byte("\x7fELF"), 4096)); err == nil {
		t.Error("an image of nothing has symbols")
	}
}

// TestPlantChangesLittle: a planted image differs in the fault and in who calls it.
func TestPlantChangesLittle(t *testing.T) {
	for _, release := range []string{"debian-11", "debian-12", "debian-13"} {
		image := imageOf(t, release)
		for name, f := range faults {
			broken, err := planted.Plant(image, f.fault)
			if err != nil {
				t.Errorf("%s, %s: %v", release, name, err)
				continue
			}
			changed := 0
			for i := range image {
				if image[i] != broken[i] {
					changed++
				}
			}
			if changed == 0 || changed > 100 || !bytes.Contains(broken, f.fault.Then) {
				t.Errorf("%s, %s: %d bytes changed", release, name, changed)
			}
		}
	}
	if _, err := planted.Plant(imageOf(t, "debian-12"), planted.Fault{Function: "do_nothing", When: []planted.Condition{when(planted.First, xen.VCPUIsUp)}, Then: planted.Trap}); err == nil {
		t.Error("a fault was planted into no function")
	}
}
