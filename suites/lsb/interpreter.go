package lsb

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// interpreters are the program interpreters of LSB 5.0's seven architectures.
var interpreters = map[abi]string{
	{elf.ELFCLASS64, elf.EM_X86_64}: "/lib64/ld-lsb-x86-64.so.3",
	{elf.ELFCLASS32, elf.EM_386}:    "/lib/ld-lsb.so.3",
	{elf.ELFCLASS64, elf.EM_IA_64}:  "/lib/ld-lsb-ia64.so.3",
	{elf.ELFCLASS32, elf.EM_PPC}:    "/lib/ld-lsb-ppc32.so.3",
	{elf.ELFCLASS64, elf.EM_PPC64}:  "/lib64/ld-lsb-ppc64.so.3",
	{elf.ELFCLASS32, elf.EM_S390}:   "/lib/ld-lsb-s390.so.3",
	{elf.ELFCLASS64, elf.EM_S390}:   "/lib64/ld-lsb-s390x.so.3",
}

var _ = suite.Describe("elf", func() {
	it(spec.Meta{
		ID:     "elf/program-interpreter",
		Clause: "LSB 5.0 Core 14.2 Program Interpreter (architecture part): it exists under the name ld-lsb*.so.3",
		Level:  spec.Must, Sources: []string{"ELF-001", "ELF-002"}, Needs: []spec.Probe{architecture},
	}, checkInterpreter)
	it(spec.Meta{
		ID:     "elf/program-interpreter-runs",
		Clause: "LSB 5.0 Core 14.2 Program Interpreter: a program that names it as its PT_INTERP executes",
		Level:  spec.Must, Sources: []string{"ELF-003"}, Needs: []spec.Probe{architecture, dynamicTrue},
	}, func(ctx context.Context, m *machine) (finding, error) {
		of, err := native(m)
		if err != nil {
			return finding{}, err
		}
		return runUnder(ctx, m, interpreters[of])
	})
	it(spec.Meta{
		ID:     "elf/abi-tag",
		Clause: "LSB 5.0 Core 10.8 ABI note tag: libc.so.6 is for Linux and for no newer kernel than the running one",
		Level:  spec.Must, Sources: []string{"ELF-009"}, Needs: []spec.Probe{amd64},
	}, func(_ context.Context, m *machine) (finding, error) {
		release, err := kernelRelease()
		if err != nil {
			return finding{}, err
		}
		return checkNote(m, release)
	})
	it(spec.Meta{
		ID:     "elf/symbol-versions",
		Clause: "LSB 5.0 Core 10.7 Symbol Versioning: each version that a Core library defines or needs is defined where it is sought",
		Level:  spec.Must, Sources: []string{"ELF-010"}, Needs: []spec.Probe{amd64},
	}, eachLibrary("version needs of every Core library", "all defined by the libraries named", unmetVersions))
})

func checkInterpreter(_ context.Context, m *machine) (finding, error) {
	of, err := native(m)
	if err != nil {
		return finding{}, err
	}
	name := interpreters[of]
	call := "reading " + name
	l, err := m.library(name)
	switch {
	case errors.Is(err, errNoSections):
		return finding{}, err
	case err != nil:
		f := bad(call, err.Error(), "the dynamic linker, an ET_DYN file for "+of.String())
		if shell, err := interpreterOf(m, "/bin/sh"); err == nil && m.executable(shell) == nil {
			f.notes = append(f.notes, "programs of the distribution use "+shell+", which is there")
		}
		return f, nil
	case l.kind != elf.ET_DYN || l.abi != of:
		return bad(call, fmt.Sprintf("%s for %s", l.kind, l.abi), "ET_DYN for "+of.String()), nil
	}
	return good(3), nil
}

// maxInterp bounds a program interpreter's name, as PATH_MAX does in the kernel.
const maxInterp = 4096

// interpreterOf gives the PT_INTERP of a program of the machine.
func interpreterOf(m *machine, name string) (string, error) {
	f, err := m.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	p, err := interpSegment(contents(f))
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	b := make([]byte, p.Filesz)
	if _, err := p.ReadAt(b, 0); err != nil {
		return "", fmt.Errorf("%s: PT_INTERP: %w", name, err)
	}
	at, _, _ := bytes.Cut(b, []byte{0})
	return string(at), nil
}

func interpSegment(f sized) (*elf.Prog, error) {
	e, err := parse(f)
	if err != nil {
		return nil, err
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz > 0 && p.Filesz <= maxInterp {
			return p, nil
		}
	}
	return nil, errors.New("it has no PT_INTERP")
}

// dynamicTrue probes for a program that can be borrowed for trying an interpreter.
var dynamicTrue = spec.Probe{Name: "dynamically linked true", Check: func() error {
	_, err := interpreterOf(here, "/bin/true")
	return err
}}

// runUnder runs a copy of /bin/true with its interpreter's name exchanged.
func runUnder(ctx context.Context, m *machine, interpreter string) (finding, error) {
	f, err := m.open("/bin/true")
	if err != nil {
		return finding{}, err
	}
	defer f.Close()
	p, err := interpSegment(contents(f))
	if err != nil {
		return finding{}, fmt.Errorf("/bin/true: %w", err)
	}
	program, err := io.ReadAll(io.LimitReader(f, maxELF))
	if err != nil {
		return finding{}, err
	}
	if uint64(len(interpreter)) >= p.Filesz || p.Off > uint64(len(program)) || p.Filesz > uint64(len(program))-p.Off {
		return finding{}, fmt.Errorf("/bin/true's PT_INTERP has no room for %s", interpreter)
	}
	field := program[p.Off : p.Off+p.Filesz]
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
		return bad("execve() of a program whose PT_INTERP is "+interpreter, o.String(), "status 0"), nil
	}
	return good(1), nil
}

// checkNote judges libc's .note.ABI-tag against the running kernel.
func checkNote(m *machine, running [3]uint32) (finding, error) {
	l, f, err := libc(m)
	if l == nil {
		return f, err
	}
	const call, want = ".note.ABI-tag of libc.so.6", "GNU, type 1, Linux, a kernel no newer than the running one"
	// Header of namesz, descsz and type, the name "GNU", then system and three numbers of a version.
	n := l.note
	order := binary.LittleEndian
	if len(n) < 32 || order.Uint32(n) != 4 || order.Uint32(n[4:]) < 16 || order.Uint32(n[8:]) != 1 || string(n[12:16]) != "GNU\x00" {
		return bad(call, fmt.Sprintf("%x", n[:min(len(n), 32)]), want), nil
	}
	var needs [3]uint32
	for i := range needs {
		needs[i] = order.Uint32(n[20+4*i:])
	}
	if system := order.Uint32(n[16:]); system != 0 {
		return bad(call, fmt.Sprintf("system %d", system), want), nil
	}
	for i := range needs {
		if needs[i] > running[i] {
			return bad(call, fmt.Sprintf("needs Linux %v, running %v", needs, running), want), nil
		}
		if needs[i] < running[i] {
			break
		}
	}
	return good(3), nil
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
