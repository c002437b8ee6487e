package ssh

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"xtest/internal/late"
	"xtest/runner/machine"
)

// agentVariable names another build of xtest, for machines of another architecture.
const agentVariable = "XTEST_SSH_AGENT"

// architectures are what uname(2) calls the machines that Go builds Linux programs for. The byte order
// is part of what Go calls them.
var architectures = []struct {
	goarch  string
	machine elf.Machine
	class   elf.Class
	data    elf.Data
	uname   func() *regexp.Regexp
}{
	{"amd64", elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB, late.Regexp(`^(x86_64|amd64)$`)},
	{"386", elf.EM_386, elf.ELFCLASS32, elf.ELFDATA2LSB, late.Regexp(`^(i[3-6]86|x86_64)$`)},
	{"arm64", elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB, late.Regexp(`^(aarch64|arm64)$`)},
	{"arm", elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB, late.Regexp(`^arm(v[5-7].*|v8l)$`)},
	{"riscv64", elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB, late.Regexp(`^riscv64$`)},
	{"ppc64le", elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB, late.Regexp(`^ppc64le$`)},
	{"s390x", elf.EM_S390, elf.ELFCLASS64, elf.ELFDATA2MSB, late.Regexp(`^s390x$`)},
	{"loong64", elf.EM_LOONGARCH, elf.ELFCLASS64, elf.ELFDATA2LSB, late.Regexp(`^loongarch64$`)},
}

// agentFor gives the program to copy to the machine: this one, or the one that the user named.
func agentFor(r remote, target string) (path string, err error) {
	path, name := machine.Self, "this xtest"
	if given := os.Getenv(agentVariable); given != "" {
		if path, err = filepath.Abs(given); err != nil {
			return "", fmt.Errorf("finding %s=%s: %w", agentVariable, given, err)
		}
		name = given
	}
	if r.system != "Linux" {
		return "", &machine.Unavailable{Reason: fmt.Sprintf("%s runs %s; xtest judges Linux", target, r.system)}
	}
	program, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading the agent, %s: %w", name, err)
	}
	defer program.Close()
	if err := suits(program, r, name, target); err != nil {
		return "", err
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return "", &machine.Unavailable{
				Reason: name + " is dynamically linked and may not start on other machines",
				Fix:    "CGO_ENABLED=0 go build ./cmd/xtest",
			}
		}
	}
	return path, nil
}

// suits checks that the program is built for the machine's architecture.
func suits(program *elf.File, r remote, name, target string) error {
	built, wanted := program.Machine.String(), ""
	for _, a := range architectures {
		if a.uname().MatchString(r.machine) && wanted == "" {
			wanted = a.goarch
		}
		if a.machine == program.Machine && a.class == program.Class && a.data == program.Data {
			if a.uname().MatchString(r.machine) {
				return nil
			}
			built = a.goarch
		}
	}
	u := &machine.Unavailable{Reason: fmt.Sprintf("%s is a machine of architecture %s; %s is built for %s", target, r.machine, name, built)}
	if wanted != "" {
		u.Fix = fmt.Sprintf("CGO_ENABLED=0 GOARCH=%[1]s go build -o xtest-%[1]s ./cmd/xtest && export %[2]s=$PWD/xtest-%[1]s", wanted, agentVariable)
	}
	return u
}
