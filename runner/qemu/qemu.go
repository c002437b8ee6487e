// Package qemu brings up stock Linux kernels under QEMU, and holds what other backends need of it:
// how QEMU is found, asked and started.
//
// Beware: QEMU exits with status 0 for power-off, panic and reboot alike.
package qemu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"

	"xtest/internal/late"
	"xtest/runner/cache"
	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/wire"
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

var version = late.Regexp(`version (\d[\w.]*)`)

// Version asks the emulator.
func Version(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", path, err)
	}
	if m := version().FindSubmatch(out); m != nil {
		return string(m[1]), nil
	}
	return "", fmt.Errorf("%s --version says %.80q", path, out)
}

// TCGScale is how many times slower than native a machine under QEMU's emulation may be.
const TCGScale = 10

// Backend is the QEMU backend. The part behind the colon of a target is a release, or a kernel's file.
type Backend struct{}

// Name is "qemu".
func (Backend) Name() string { return "qemu" }

// Targets are the releases.
func (Backend) Targets() []machine.Offer {
	var list []machine.Offer
	for _, r := range depot.Releases {
		list = append(list, machine.Offer{What: r.Name, Title: r.Title + ", its own kernel under QEMU"})
	}
	return list
}

// Takes the path of a kernel or of a kernel's package.
func (Backend) Takes(what string) bool { return machine.IsPath(what) }

// Suites are those about kernels and distributions.
func (Backend) Suites() []string { return []string{"namespaces", "lsb"} }

// Heeds every option there is.
func (Backend) Heeds() map[string][]string {
	return map[string][]string{
		machine.OptionKernel: nil, machine.OptionModules: nil, machine.OptionRootfs: nil, machine.OptionPackages: nil, machine.OptionParams: nil, machine.OptionCores: nil,
		machine.OptionType: {MicroVM, Q35}, machine.OptionAccel: {TCG, KVM, Auto}, machine.OptionClock: {Icount},
		machine.OptionDump: nil,
	}
}

// Check looks for the emulator, and for what is known of KVM. It starts nothing.
func (Backend) Check(ctx context.Context) []machine.Capability {
	list := []machine.Capability{Check(ctx, "qemu (TCG)")}
	path, err := Find()
	if err != nil {
		return list
	}
	p := prober{path: path, device: device, bootID: bootID}
	if c, err := cache.Open(""); err == nil { // else nothing is remembered
		defer c.Close()
		p.cache = c
	}
	return append(list, checkKVM(p))
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

// DefaultRelease is the one whose userland goes with a user's kernel or hypervisor.
const DefaultRelease = "debian-12"

const defaultMemory = 512 << 20

// Prepare obtains the kernel and, where the supplies can make one, the root file system.
func (Backend) Prepare(ctx context.Context, what string, s *machine.Supplies) (*machine.Image, error) {
	return Variant{Backend: "qemu"}.Prepare(ctx, what, s)
}

// Variant is what another backend's machines have that these have not, or need.
type Variant struct {
	Backend string // its name
	Full    bool   // of a release take the full kernel, whatever the machine's type
	// Modules are those that the kernel must have, unless it has them built in; Lacking is what to say
	// to the user when one is missing.
	Modules []string
	Lacking string
	Needs   []Need // of a user's kernel, beside what every machine needs
	// Params are boot parameters, before the user's.
	Params []string
}

// Prepare is the backend's.
func (v Variant) Prepare(ctx context.Context, what string, s *machine.Supplies) (*machine.Image, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	o := s.Options
	accel, err := ChooseAccel(ctx, path, o.Accel, s.Depot.Cache)
	if err != nil {
		return nil, err
	}
	h := hardware{
		path: path, accel: accel.Name, memory: cmp.Or(s.Memory, defaultMemory), cores: max(o.Cores, 1), clock: o.Clock,
		typ: cmp.Or(o.Type, defaultType(accel.Name)), monitor: true, dump: o.Dump,
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	release, kernel, err := v.parts(ctx, s, what, h.typ)
	if err != nil {
		return nil, err
	}
	g := guest{hardware: h, kernel: kernel.Image, params: slices.Concat(v.Params, o.Params)}
	img := &machine.Image{
		Plan:   event.Plan{Backend: v.Backend, Parts: []event.Artefact{kernel.Artefact}, Accel: accel.Name, Clock: o.Clock, Why: accel.Why},
		Memory: h.memory, Cores: h.cores, Repeats: h.clock == Icount, Explain: Explain,
	}
	img.Scale, img.BootLimit = patience(h)
	if kernel.theirs {
		if err := examine(&kernel, h.typ, s.HasUserland(), v.Needs); err != nil {
			return nil, err
		}
		img.Plan.Parts[0] = kernel.Artefact
	}
	names := slices.Clone(s.Modules)
	if s.HasUserland() {
		var part event.Artefact
		if g.root, part, err = s.Userland(ctx, release); err != nil {
			return nil, err
		}
		img.Root, img.Luggage = &wire.Root{Device: "/dev/vda", Type: "ext4"}, "/dev/vdb"
		img.Plan.Parts = append(img.Plan.Parts, part)
		names = append(names, "virtio_blk", transport(h.typ), "ext4")
	}
	if err := v.check(kernel); err != nil {
		return nil, err
	}
	names = append(names, v.Modules...)
	if kernel.Modules != "" {
		names = append(names, present(kernel.Modules, g.modules())...)
		if kernel.theirs {
			if kernel.Modules, err = chosen(ctx, s, kernel.Modules, names); err != nil {
				return nil, err
			}
		}
		img.Modules = names
	}
	if g.initrd, err = s.Initrd(ctx, kernel.Modules, img.Modules); err != nil {
		return nil, err
	}
	img.Launch = g.launch
	img.Plan.Command = g.args(machine.Boot{Token: "TOKEN"})
	return img, nil
}

// parts finds the release and the kernel that what and the options name.
func (v Variant) parts(ctx context.Context, s *machine.Supplies, what, typ string) (depot.Release, Kernel, error) {
	file := s.Options.Kernel
	if machine.IsPath(what) {
		if file != "" {
			return depot.Release{}, Kernel{}, fmt.Errorf("%s:%s names a kernel, and --kernel %s another; name a release there or leave --kernel out", v.Backend, what, file)
		}
		file, what = what, DefaultRelease
	}
	release, ok := depot.FindRelease(what)
	if !ok {
		return release, Kernel{}, fmt.Errorf("%s: no release %q", v.Backend, what)
	}
	if file != "" {
		k, err := FileKernel(ctx, s, file, s.Options.Modules)
		return release, k, err
	}
	if s.Options.Modules != "" {
		return release, Kernel{}, errors.New("--modules goes with --kernel: a release's kernel has its own modules")
	}
	metapackage := release.Cloud
	if typ == Q35 || v.Full {
		metapackage = release.Linux // its drivers are what the machine is for
	}
	k, err := FindKernel(ctx, s, release, metapackage)
	return release, k, err
}
