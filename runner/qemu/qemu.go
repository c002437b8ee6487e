// Package qemu brings up stock Linux kernels under QEMU, and holds what other backends need of it:
// how QEMU is found, asked and started.
//
// Beware: QEMU exits with status 0 for power-off, panic and reboot alike.
package qemu

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/machine"
)

// Program is the emulator's name.
const Program = "qemu-system-x86_64"

// Install is the command that installs the emulator on Debian.
const Install = "apt-get install --no-install-recommends qemu-system-x86"

// Find gives the emulator's path, or a machine.Unavailable.
func Find() (string, error) {
	path, err := exec.LookPath(Program)
	if err != nil {
		return "", &machine.Unavailable{Reason: Program + " is not installed", Fix: Install}
	}
	return path, nil
}

var version = regexp.MustCompile(`version (\d[\w.]*)`)

// Version asks the emulator.
func Version(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", path, err)
	}
	if m := version.FindSubmatch(out); m != nil {
		return string(m[1]), nil
	}
	return "", fmt.Errorf("%s --version says %.80q", path, out)
}

// TCGScale is how many times slower than native a machine under QEMU's emulation may be.
const TCGScale = 10

// Backend is the QEMU backend. The part behind the colon of a target is a release.
type Backend struct{}

// Name is "qemu".
func (Backend) Name() string { return "qemu" }

// Targets are the releases.
func (Backend) Targets() []machine.Offer {
	var list []machine.Offer
	for _, r := range depot.Releases {
		list = append(list, machine.Offer{What: r.Name, Title: r.Title + ", its cloud kernel under QEMU"})
	}
	return list
}

// Takes nothing else.
func (Backend) Takes(string) bool { return false }

// Suites are those about kernels.
func (Backend) Suites() []string { return []string{"namespaces"} }

// Check looks for the emulator.
func (Backend) Check(ctx context.Context) []machine.Capability {
	return []machine.Capability{Check(ctx, "qemu (TCG)")}
}

// Check says whether what can run, as far as the emulator is concerned.
func Check(ctx context.Context, what string) machine.Capability {
	path, err := Find()
	if err != nil {
		return machine.Capability{What: what, Reason: Program + " is not installed", Fix: Install}
	}
	v, err := Version(ctx, path)
	if err != nil {
		return machine.Capability{What: what, Reason: err.Error(), Fix: Install}
	}
	return machine.Capability{What: what, Can: true, Reason: Program + " " + v}
}

const defaultMemory = 512 << 20

// Prepare obtains the release's cloud kernel.
func (Backend) Prepare(ctx context.Context, what string, s *machine.Supplies) (*machine.Image, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	release, ok := depot.FindRelease(what)
	if !ok {
		return nil, fmt.Errorf("qemu: no release %q", what)
	}
	k, err := FindKernel(ctx, s, release, release.Cloud)
	if err != nil {
		return nil, err
	}
	initrd, err := s.Initrd(ctx, k.Modules, s.Modules)
	if err != nil {
		return nil, err
	}
	memory := s.Memory
	if memory == 0 {
		memory = defaultMemory
	}
	args := func(token string) []string {
		return append(Common(path, memory),
			// Not a microvm, which boots half a second sooner: its only clock to measure the TSC with is the PIT.
			// On a busy host that fails, the kernel is left without a timer and hangs before its agent.
			"-M", "pc", "-cpu", "max", "-serial", "stdio", "-serial", "chardev:channel",
			"-kernel", k.Image, "-initrd", initrd,
			"-append", "console=ttyS0 panic=-1 rdinit=/init xtest.channel=/dev/ttyS1 xtest.token="+token,
		)
	}
	return &machine.Image{
		Plan:    event.Plan{Backend: "qemu", Parts: []event.Artefact{k.Artefact}, Accel: "tcg", Why: NoKVM, Command: args("TOKEN")},
		Modules: s.Modules, Scale: TCGScale, BootLimit: 3 * time.Minute,
		Launch: func(b machine.Boot) (machine.Launch, error) { return machine.Launch{Args: args(b.Token)}, nil },
	}, nil
}

// NoKVM is why machines run under TCG.
const NoKVM = "TCG: no accelerator has been proved to work"

// Common are the arguments that all machines share: no default devices, no display, one processor,
// and descriptor 3 as a character device called "channel".
func Common(path string, memory int64) []string {
	return []string{
		path, "-accel", "tcg", "-m", strconv.FormatInt(memory>>20, 10) + "M", "-smp", "1",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-chardev", "socket,id=channel,fd=3",
	}
}

// Kernel is a stock kernel with its modules.
type Kernel struct {
	Image    string // vmlinuz
	Modules  string // the folder of its modules
	Artefact event.Artefact
}

// FindKernel obtains the kernel that the release's metapackage stands for.
func FindKernel(ctx context.Context, s *machine.Supplies, r depot.Release, metapackage string) (Kernel, error) {
	kernel, err := s.Depot.Unpacked(ctx, r.WantLinux(metapackage))
	if err != nil {
		return Kernel{}, err
	}
	image, err := only(kernel, "boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz")
	if err != nil {
		return Kernel{}, err
	}
	tree, err := s.Depot.Unpacked(ctx, r.WantModules(metapackage))
	if err != nil {
		return Kernel{}, err
	}
	modules, err := only(tree, "lib/modules/*", "usr/lib/modules/*")
	return Kernel{image, modules, kernel.Artefact}, err
}

// only gives the one file of the package that matches one of the patterns.
func only(p depot.Parcel, patterns ...string) (string, error) {
	var found []string
	for _, pattern := range patterns {
		more, err := filepath.Glob(filepath.Join(p.Dir, pattern))
		if err != nil {
			return "", err
		}
		found = append(found, more...)
	}
	if len(found) != 1 {
		return "", fmt.Errorf("package %s: one %s expected, found %d", p.Artefact.Package, strings.Join(patterns, " or "), len(found))
	}
	return found[0], nil
}
