package lsb

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

var _ = suite.Describe("elf", func() {
	inspect("elf")
	it(spec.Meta{
		ID:     "elf/program-interpreter-runs",
		Clause: "LSB 5.0 Core 14.2 Program Interpreter: a program that names it as its PT_INTERP executes",
		Level:  spec.Must, Sources: []string{"ELF-003"}, Needs: []spec.Probe{architecture, dynamicTrue},
	}, func(ctx context.Context, m *machine) (finding, error) {
		of, err := m.Native()
		if err != nil {
			return finding{}, err
		}
		return runUnder(ctx, m, inspection.Interpreters[of])
	})
	it(spec.Meta{
		ID:     "elf/abi-tag",
		Clause: "LSB 5.0 Core 10.8 ABI note tag: libc.so.6 is for Linux and for no newer kernel than the running one",
		Level:  spec.Must, Sources: []string{"ELF-009"}, Needs: []spec.Probe{architecture},
	}, func(_ context.Context, m *machine) (finding, error) {
		release, err := kernelRelease()
		if err != nil {
			return finding{}, err
		}
		return checkNote(m, release)
	})
})

// dynamicTrue probes for a program that can be borrowed for trying an interpreter.
var dynamicTrue = spec.Probe{Name: "dynamically linked true", Check: func() error {
	_, err := here.Interpreter("/bin/true")
	return err
}}

// maxProgram bounds the program that is borrowed, in bytes.
const maxProgram = 64 << 20

// runUnder runs a copy of /bin/true with its interpreter's name exchanged.
func runUnder(ctx context.Context, m *machine, interpreter string) (finding, error) {
	borrowed, err := m.Interpreter("/bin/true")
	if err != nil {
		return finding{}, err
	}
	f, err := m.Open("/bin/true")
	if err != nil {
		return finding{}, err
	}
	defer f.Close()
	program, err := io.ReadAll(io.NewSectionReader(f, 0, maxProgram))
	if err != nil {
		return finding{}, err
	}
	all := uint64(len(program))
	if uint64(len(interpreter)) >= borrowed.Length || borrowed.Offset > all || borrowed.Length > all-borrowed.Offset {
		return finding{}, fmt.Errorf("/bin/true's PT_INTERP has no room for %s", interpreter)
	}
	field := program[borrowed.Offset : borrowed.Offset+borrowed.Length]
	clear(field[copy(field, interpreter):])
	dir, remove, err := private()
	if err != nil {
		return finding{}, err
	}
	defer remove()
	if err := os.WriteFile(path.Join(dir, "true"), program, 0o755); err != nil {
		return finding{}, fmt.Errorf("making a program: %w", err)
	}
	o, err := m.run(ctx, command{argv: []string{"./true"}, dir: dir})
	if err != nil {
		return finding{}, err
	}
	if o.status != 0 {
		return inspection.Bad("execve() of a program whose PT_INTERP is "+interpreter, o.String(), "status 0"), nil
	}
	return inspection.Good(1), nil
}

// checkNote judges libc's .note.ABI-tag against the running kernel.
func checkNote(m *machine, running [3]uint32) (finding, error) {
	needs, f, err := m.ABITag()
	if needs == nil {
		return f, err
	}
	if slices.Compare(needs[:], running[:]) > 0 {
		return inspection.Bad(".note.ABI-tag of libc.so.6", fmt.Sprintf("needs Linux %v, running %v", *needs, running), "a kernel no newer than the running one"), nil
	}
	return inspection.Good(3), nil
}

func kernelRelease() (v [3]uint32, err error) {
	var u unix.Utsname
	if err = unix.Uname(&u); err != nil {
		return v, fmt.Errorf("uname(2): %w", err)
	}
	release := unix.ByteSliceToString(u.Release[:])
	if n, err := fmt.Sscanf(release, "%d.%d.%d", &v[0], &v[1], &v[2]); n < 2 {
		return v, fmt.Errorf("uname(2): release %q: %w", release, err)
	}
	return v, nil
}
