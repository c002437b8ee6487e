package inspection

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"

	"xtest/internal/linkage"
)

// Userland asks for the one file that every userland has.
var Userland = Need{"userland", func(s *System) error {
	if _, err := s.Stat("/bin/sh"); errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is none, not even /bin/sh")
	}
	return nil
}}

// amd64 asks for the architecture whose symbol tables are held. LSB 5.0 gives each architecture its
// own versions, so those of another say nothing about this one.
var amd64 = Need{"x86-64 userland", func(s *System) error {
	got, err := s.Native()
	if err == nil && got != linkage.AMD64 {
		err = fmt.Errorf("/bin/sh is for %s; the tables of LSB 5.0 that xtest has are for x86-64", got)
	}
	return err
}}

// Architecture asks for one of the seven architectures of LSB 5.0.
var Architecture = Need{"LSB architecture", func(s *System) error {
	got, err := s.Native()
	if err == nil && Interpreters[got] == "" {
		err = fmt.Errorf("LSB 5.0 has no architecture for %s", got)
	}
	return err
}}

// Interpreters are the program interpreters of LSB 5.0's seven architectures: Core 14.2 of each.
var Interpreters = map[linkage.ABI]string{
	linkage.AMD64: "/lib64/ld-lsb-x86-64.so.3",
	{Class: elf.ELFCLASS32, Machine: elf.EM_386, Data: elf.ELFDATA2LSB}:   "/lib/ld-lsb.so.3",
	{Class: elf.ELFCLASS64, Machine: elf.EM_IA_64, Data: elf.ELFDATA2LSB}: "/lib/ld-lsb-ia64.so.3",
	{Class: elf.ELFCLASS32, Machine: elf.EM_PPC, Data: elf.ELFDATA2MSB}:   "/lib/ld-lsb-ppc32.so.3",
	{Class: elf.ELFCLASS64, Machine: elf.EM_PPC64, Data: elf.ELFDATA2MSB}: "/lib64/ld-lsb-ppc64.so.3",
	{Class: elf.ELFCLASS32, Machine: elf.EM_S390, Data: elf.ELFDATA2MSB}:  "/lib/ld-lsb-s390.so.3",
	{Class: elf.ELFCLASS64, Machine: elf.EM_S390, Data: elf.ELFDATA2MSB}:  "/lib64/ld-lsb-s390x.so.3",
}
