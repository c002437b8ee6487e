package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"xtest/runner/event"
)

// TestMemoryDump: a crash leaves the machine's memory behind, as a file that debuggers open.
func TestMemoryDump(t *testing.T) {
	t.Parallel()
	needTool(t, "qemu-system-x86_64")
	needBoots(t)
	dir := t.TempDir()
	out := call{dir: dir, args: []string{"run", "qemu:debian-12", "--accel", "tcg", "--no-rootfs", "--memory", "192M", "--dump",
		"--spec", "selftest/crashes-kernel", "--spec", "selftest/passes"}}.run(t)
	m := theRun(t, dir)
	var crash *event.Crash
	for _, s := range m.Targets[0].Specs {
		switch {
		case s.ID == "selftest/crashes-kernel":
			crash = s.Crash
		case s.Verdict() != event.Pass:
			t.Errorf("%s: %+v", s.ID, s.Result)
		}
	}
	if crash == nil || crash.Kind != "panic" || crash.Memory == "" || !strings.Contains(out.stdout, crash.Memory) {
		t.Fatalf("crash %+v\n%s", crash, out)
	}
	path := filepath.Join(m.Dir, crash.Memory)
	core, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close()
	var memory uint64
	var notes []byte
	for _, p := range core.Progs {
		switch p.Type {
		case elf.PT_LOAD:
			memory += p.Filesz
		case elf.PT_NOTE:
			text, err := io.ReadAll(p.Open())
			if err != nil {
				t.Fatal(err)
			}
			notes = append(notes, text...)
		}
	}
	if core.Type != elf.ET_CORE || core.Machine != elf.EM_X86_64 || memory < 192<<20 {
		t.Errorf("a %v for %v with %d MiB", core.Type, core.Machine, memory>>20)
	}
	if !bytes.Contains(notes, []byte("VMCOREINFO")) || !bytes.Contains(notes, []byte("OSRELEASE=6.1.")) {
		t.Error("crash and drgn would miss the note VMCOREINFO")
	}
	gdb, err := exec.LookPath("gdb")
	if errors.Is(err, exec.ErrNotFound) {
		return
	}
	text, err := exec.Command(gdb, "-nx", "-batch", "-ex", "info files", "-ex", "info registers rip", "-core", path).CombinedOutput()
	if err != nil || !bytes.Contains(text, []byte("is load1")) || !bytes.Contains(text, []byte("rip ")) {
		t.Errorf("gdb: %v\n%s", err, text)
	}
}
