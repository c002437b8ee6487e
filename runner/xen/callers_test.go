package xen

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCallers(t *testing.T) {
	for what, want := range map[string]struct {
		hypervisor, caller string
		takes              bool
	}{
		"debian-12":         {"debian-12", "dom0", true},
		"debian-12@dom0":    {"debian-12", "dom0", true},
		"debian-12@pv":      {"debian-12", "pv", true},
		"./xen.gz@pvh":      {"./xen.gz", "pvh", true},
		"./a@pv/xen.gz":     {"./a@pv/xen.gz", "dom0", true},
		"./a@b/xen.gz@pv":   {"./a@b/xen.gz", "pv", true},
		"debian-12@hvm":     {"debian-12", "hvm", true},
		"debian-12@pvm":     {"debian-12", "pvm", false},
		"debian-99@pv":      {"debian-99", "pv", false},
		"debian-12@":        {"debian-12", "", false},
		"@pv":               {"", "pv", false},
		"/xen@hvm-of-a-kin": {"/xen", "hvm-of-a-kin", false},
	} {
		hypervisor, caller := split(what)
		if hypervisor != want.hypervisor || caller != want.caller || (Backend{}).Takes(what) != want.takes {
			t.Errorf("%s: %s by %s, taken: %v", what, hypervisor, caller, (Backend{}).Takes(what))
		}
	}
	offered := map[string]bool{}
	for _, o := range (Backend{}).Targets() {
		offered[o.What] = true
	}
	if !offered["debian-12"] || !offered["debian-12@pv"] || !offered["debian-12@pvh"] || !offered["debian-12@hvm"] {
		t.Errorf("offered: %v", offered)
	}
}

// TestGather: what is laid into dom0 is whole, and what is missing is named.
func TestGather(t *testing.T) {
	all, dir := t.TempDir(), t.TempDir()
	err := gather(all, dir)
	if err == nil || !strings.Contains(err.Error(), "the packages hold no oxenstored.conf, which Xenstore needs") {
		t.Errorf("of nothing: %v", err)
	}
	bin := filepath.Join(all, "usr/lib/xen-4.17/bin")
	lib := filepath.Join(all, "usr/lib/x86_64-linux-gnu")
	etc := filepath.Join(all, "etc/xen")
	for _, d := range []string{bin, lib, etc} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(etc, settings), []byte("quota-activate = true\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := gather(all, t.TempDir()); err == nil || !strings.Contains(err.Error(), "which the toolstack needs") {
		t.Errorf("of settings alone: %v", err)
	}
	// This test's own program needs no library.
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if err := os.WriteFile(filepath.Join(bin, p), self, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(lib, "libgcc_s.so.1.0"), self, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("libgcc_s.so.1.0", filepath.Join(lib, cancellation)); err != nil {
		t.Fatal(err)
	}
	if err := gather(all, dir); err != nil {
		t.Skip("this test is dynamically linked: ", err)
	}
	extra, err := below(dir)
	if err != nil || len(extra) != len(programs)+2 || extra["etc/xen/oxenstored.conf"] == "" || extra["usr/lib/xen-4.17/bin/xl"] == "" || extra["lib/x86_64-linux-gnu/libgcc_s.so.1"] == "" {
		t.Errorf("laid out: %v, %v", extra, err)
	}
	loop := filepath.Join(all, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if _, err := resolve(all, loop); err == nil {
		t.Error("a link to itself was followed")
	}
	if got := dom0Modules([]string{privcmd}, dom0Caller); len(got) != 1 {
		t.Errorf("dom0 alone has %v", got)
	}
	if got := dom0Modules([]string{privcmd}, "pv"); len(got) < 4 {
		t.Errorf("dom0 of a guest has %v", got)
	}
}
