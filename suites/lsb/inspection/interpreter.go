package inspection

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"

	"xtest/internal/linkage"
	"xtest/runner/event"
	"xtest/suites/spec"
)

func elfChecks() []Check {
	return []Check{
		{Meta: spec.Meta{
			ID:     "elf/program-interpreter",
			Clause: "LSB 5.0 Core 14.2 Program Interpreter (architecture part): it exists under the name ld-lsb*.so.3",
			Level:  spec.Must, Sources: []string{"ELF-001", "ELF-002"},
		}, Needs: []Need{Architecture}, judge: judgeInterpreter},
		{Meta: spec.Meta{
			ID:     "elf/abi-tag",
			Clause: "LSB 5.0 Core 10.8 ABI note tag: that of libc.so.6 is GNU's, of type 1, and names Linux",
			Level:  spec.Must, Sources: []string{"ELF-009"},
		}, Needs: []Need{amd64}, Outside: true, judge: judgeNote},
		{Meta: spec.Meta{
			ID:     "elf/symbol-versions",
			Clause: "LSB 5.0 Core 10.7 Symbol Versioning: each version that a Core library defines or needs is defined where it is sought",
			Level:  spec.Must, Sources: []string{"ELF-010"},
		}, Needs: []Need{amd64}, judge: eachLibrary("version needs of every Core library", "all defined by the libraries named",
			func(s *System, l *linkage.Library) []string { return s.Closure(l).Unmet() })},
	}
}

func judgeInterpreter(s *System) (Finding, error) {
	of, err := s.Native()
	if err != nil {
		return Finding{}, err
	}
	name := Interpreters[of]
	call := "reading " + name
	l, err := s.Library(name)
	switch {
	case errors.Is(err, linkage.ErrNoSections):
		return Finding{}, err
	case err != nil:
		f := s.lost(call, name, err, "the dynamic linker, an ET_DYN file for "+of.String())
		f.Notes = nil
		if own, err := s.Interpreter("/bin/sh"); err == nil && s.Executable(own.Name) == nil {
			f.Notes = []string{"programs of the distribution use " + own.Name + ", which is there"}
		}
		return f, nil
	case l.Kind != elf.ET_DYN || l.ABI != of:
		return faulty(call, deviant("other-kind", name, "%s for %s", l.Kind, l.ABI), "ET_DYN for "+of.String()), nil
	}
	f := Good(3)
	f.Answers = []event.Answer{{Call: name, Value: l.Path}}
	return f, nil
}

// ABITag reads libc's .note.ABI-tag: the oldest kernel it is for. What is nil tells that there is no
// libc, why that it is not for Linux.
func (s *System) ABITag() (kernel *[3]uint32, f Finding, err error) {
	l, f, err := s.libc()
	if l == nil {
		return nil, f, err
	}
	const call, want = ".note.ABI-tag of libc.so.6", "GNU, type 1, Linux"
	// Header of namesz, descsz and type, the name "GNU", then system and three numbers of a version.
	n, order := l.ABITag, binary.LittleEndian
	if len(n) < 32 || order.Uint32(n) != 4 || order.Uint32(n[4:]) < 16 || order.Uint32(n[8:]) != 1 || string(n[12:16]) != "GNU\x00" {
		return nil, Bad(call, fmt.Sprintf("%x", n[:min(len(n), 32)]), want), nil
	}
	if system := order.Uint32(n[16:]); system != 0 {
		return nil, Bad(call, fmt.Sprintf("system %d", system), want), nil
	}
	kernel = new([3]uint32)
	for i := range kernel {
		kernel[i] = order.Uint32(n[20+4*i:])
	}
	return kernel, Good(3), nil
}

func judgeNote(s *System) (Finding, error) {
	kernel, f, err := s.ABITag()
	if kernel != nil {
		f.Answers = []event.Answer{{Call: "oldest kernel that libc.so.6 is for", Value: fmt.Sprintf("%d.%d.%d", kernel[0], kernel[1], kernel[2])}}
	}
	return f, err
}
