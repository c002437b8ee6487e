// Package uml brings up User-Mode Linux: a kernel that runs as an ordinary process of the host,
// without root, hardware virtualisation or an emulator.
//
// Beware: a guest's root is one kernel bug away from the host user that started it. xtest runs the
// machine in an empty environment and confines the kernel's hostfs to an empty folder, no more.
package uml

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/wire"
)

// Backend is the User-Mode Linux backend. The part behind the colon of a target is a release.
type Backend struct{}

// Name is "uml".
func (Backend) Name() string { return "uml" }

// Targets are the releases.
func (Backend) Targets() []machine.Offer {
	var list []machine.Offer
	for _, r := range depot.Releases {
		list = append(list, machine.Offer{What: r.Name, Title: r.Title + ", its User-Mode Linux kernel"})
	}
	return list
}

// Takes nothing else.
func (Backend) Takes(string) bool { return false }

// Suites are those about kernels and distributions.
func (Backend) Suites() []string { return []string{"namespaces", "lsb"} }

// Heeds boot parameters, images and packages.
func (Backend) Heeds() map[string][]string {
	return map[string][]string{machine.OptionRootfs: nil, machine.OptionPackages: nil, machine.OptionParams: nil}
}

// Check always succeeds on the right processor.
func (Backend) Check(context.Context) []machine.Capability {
	if runtime.GOARCH != depot.Arch {
		return []machine.Capability{{What: "uml", Reason: "the kernels are for " + depot.Arch + " and this machine is " + runtime.GOARCH}}
	}
	return []machine.Capability{{What: "uml", Can: true, Reason: "User-Mode Linux needs nothing"}}
}

const defaultMemory = 512 << 20

// Prepare obtains the release's kernel and, where the supplies can make one, its root file system.
func (Backend) Prepare(ctx context.Context, what string, s *machine.Supplies) (*machine.Image, error) {
	release, ok := depot.FindRelease(what)
	if !ok {
		return nil, fmt.Errorf("uml: no release %q", what)
	}
	kernel, err := s.Depot.Unpacked(ctx, release.WantUML())
	if err != nil {
		return nil, err
	}
	libc, err := s.Depot.Unpacked(ctx, release.WantLibc())
	if err != nil {
		return nil, err
	}
	program, err := bundle(ctx, s, kernel, libc)
	if err != nil {
		return nil, err
	}
	versions, err := filepath.Glob(filepath.Join(kernel.Dir, "usr/lib/uml/modules/*"))
	if err != nil || len(versions) != 1 {
		return nil, fmt.Errorf("package %s: one folder of modules expected, found %d", kernel.Artefact.Package, len(versions))
	}
	initrd, err := s.Initrd(ctx, versions[0], s.Modules)
	if err != nil {
		return nil, err
	}
	g := guest{
		program: program, initrd: initrd, memory: s.Memory, params: s.Options.Params,
	}
	if g.memory == 0 {
		g.memory = defaultMemory
	}
	img := &machine.Image{
		Plan:    event.Plan{Backend: "uml", Parts: []event.Artefact{kernel.Artefact, libc.Artefact}},
		Modules: s.Modules, Scale: 2, BootLimit: 60 * time.Second,
		Memory: g.memory, Cores: 1, Folder: g.folder(), Luggage: "/dev/ubdb",
	}
	if s.HasUserland() {
		var part event.Artefact
		if g.root, part, err = s.Userland(ctx, release); err != nil {
			return nil, err
		}
		img.Root = &wire.Root{Device: "/dev/ubda", Type: "ext4"}
		img.Plan.Parts = append(img.Plan.Parts, part)
	}
	img.Launch = g.launch
	img.Plan.Command = g.args(machine.Boot{Scratch: "SCRATCH", Token: "TOKEN"})
	return img, nil
}

// Scratch is an image without a release's root file system, with files as its block devices ubda,
// ubdb and so on, written in place: for making file systems.
func Scratch(ctx context.Context, release depot.Release, s *machine.Supplies, disks ...string) (*machine.Image, error) {
	bare := *s
	bare.Root, bare.Options.Rootfs, bare.Modules = nil, "", nil
	img, err := Backend{}.Prepare(ctx, release.Name, &bare)
	if err != nil {
		return nil, err
	}
	launch := img.Launch
	img.Launch = func(b machine.Boot) (machine.Launch, error) {
		l, err := launch(b)
		for i, d := range disks {
			l.Args = append(l.Args, fmt.Sprintf("ubd%c=%s", 'a'+i, d))
		}
		return l, err
	}
	return img, nil
}

type guest struct {
	program      string // the folder that bundle made
	initrd, root string
	memory       int64    // bytes
	params       []string // the user's
}

// args is the kernel's command line; see Documentation/virt/uml/user_mode_linux_howto_v2.rst.
func (g guest) args(b machine.Boot) []string {
	args := []string{
		filepath.Join(g.program, kernelName),
		"mem=" + strconv.FormatInt(g.memory>>20, 10) + "M",
		"initrd=" + g.initrd, "root=/dev/ram0", "rdinit=/init",
		"con=null", "con0=fd:0,fd:1", "ssl=null", "ssl0=fd:3",
		"uml_dir=" + b.Scratch + "/", "umid=machine",
		"hostfs=" + filepath.Join(b.Scratch, "nothing"),
		"panic=-1", "xtest.channel=/dev/ttyS0", "xtest.token=" + b.Token,
	}
	args = append(append(args, g.params...), b.Params...)
	if g.root != "" {
		// Copy-on-write: the image is shared and stays as it is.
		args = append(args, "ubda="+filepath.Join(b.Scratch, "root.cow")+","+g.root)
	}
	if b.Luggage != "" {
		args = append(args, "ubdb="+b.Luggage)
	}
	return args
}

func (g guest) launch(b machine.Boot) (machine.Launch, error) {
	if err := os.Mkdir(filepath.Join(b.Scratch, "nothing"), 0o700); err != nil {
		return machine.Launch{}, fmt.Errorf("preparing the machine: %w", err)
	}
	memory := g.folder()
	if memory != shm {
		memory = b.Scratch
	}
	return machine.Launch{
		Args: g.args(b), Dir: g.program, OneProcessor: true,
		Env: []string{"TMPDIR=" + memory, "LD_LIBRARY_PATH=" + filepath.Join(g.program, libName)},
	}, nil
}

const shm = "/dev/shm"

// folder is where the kernel keeps its memory, in an unlinked file: in shm, which is fastest, where
// that is large enough.
func (g guest) folder() string {
	var st unix.Statfs_t
	if unix.Statfs(shm, &st) == nil && int64(st.Bavail)*st.Bsize > g.memory {
		return shm
	}
	return os.TempDir()
}
