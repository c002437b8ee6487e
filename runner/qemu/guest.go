package qemu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xtest/runner/machine"
	"xtest/runner/modules"
)

// guest is a Linux kernel with the agent on a machine.
type guest struct {
	hardware
	kernel, initrd string
	params         []string // the user's
}

func (g guest) args(b machine.Boot) []string {
	line := append(g.hardware.params(), "xtest.token="+b.Token)
	return append(g.hardware.args(), "-kernel", g.kernel, "-initrd", g.initrd, "-append", strings.Join(slices.Concat(line, g.params, b.Params), " "))
}

func (g guest) launch(b machine.Boot) (machine.Launch, error) {
	var err error
	if g.initrd, err = b.Initrd(g.initrd); err != nil {
		return machine.Launch{}, err
	}
	if g.clock == Icount {
		if err := makePipes(b.Scratch); err != nil {
			return machine.Launch{}, err
		}
	}
	g.luggage = b.Luggage
	m := &monitor{}
	l := machine.Launch{Args: g.args(b), Env: []string{"TMPDIR=" + b.Scratch}, Control: m.control}
	if g.dump {
		m.keep, l.Linger = b.Dump, lingers
		if m.keep == "" {
			m.keep = filepath.Join(b.Scratch, "memory") // there is no run to keep it in
		}
	}
	return l, nil
}

// patience gives how much slower than native the machine may be, and how long it may take to boot.
func patience(h hardware) (scale float64, boot time.Duration) {
	switch {
	case h.accel == KVM:
		return 2, time.Minute
	case h.clock == Icount:
		return TCGScale * IcountScale, 3 * IcountScale * time.Minute
	}
	return TCGScale, 3 * time.Minute
}

// transport is the module that finds virtio devices.
func transport(typ string) string {
	if typ == MicroVM {
		return "virtio_mmio"
	}
	return "virtio_pci"
}

// modules are those that the hardware has a use for; kernels differ in which they have.
func (h hardware) modules() []string {
	var names []string
	if h.typ == Q35 {
		names = append(names, "pvpanic", "pvpanic-mmio") // tells QEMU of a panic
	}
	if h.root != "" {
		names = append(names, "crc32c_generic") // ext4 asks for it by an alias
	}
	if h.dump {
		names = append(names, "qemu_fw_cfg") // tells QEMU where VMCOREINFO is, for the dump
	}
	return names
}

// check looks for the modules that the kernel must have. Of one that came without modules nothing is
// known.
func (v Variant) check(k Kernel) error {
	if len(v.Modules) == 0 || k.Modules == "" {
		return nil
	}
	tree, err := modules.Open(os.DirFS(k.Modules))
	if err == nil {
		_, err = tree.Order(v.Modules...)
	}
	if errors.Is(err, modules.ErrUnknown) {
		return fmt.Errorf("the kernel %s: %w; %s", k.Artefact.Package, err, v.Lacking)
	}
	return err
}

// present are those of the modules that the kernel has.
func present(dir string, names []string) []string {
	tree, err := modules.Open(os.DirFS(dir))
	if err != nil {
		return nil
	}
	var list []string
	for _, name := range names {
		if _, err := tree.Order(name); err == nil {
			list = append(list, name)
		}
	}
	return list
}

// examine looks at a user's kernel before it is booted: what it lacks would show as silence.
func examine(k *Kernel, typ string, root bool, more []Need) error {
	image, err := readKernel(k.Image)
	if err != nil {
		return err
	}
	if k.Artefact.Version == "" {
		k.Artefact.Version = image.version
	}
	if base := filepath.Base(k.Modules); image.version != "" && k.Modules != "" && base != image.version && strings.HasPrefix(base, image.version[:1]) {
		return fmt.Errorf("%s is Linux %s, and the modules in %s are those of %s", k.Image, image.version, k.Modules, base)
	}
	if what := configOf(k.Image, image).lacks(append(needs(typ, root), more...), k.Modules != ""); what != "" {
		if root && strings.Contains(what, "_BLK") || strings.Contains(what, "EXT4") || strings.Contains(what, "VIRTIO") {
			what += "; --no-rootfs boots without it"
		}
		return fmt.Errorf("the kernel %s cannot be judged: %s", k.Image, what)
	}
	return nil
}

// Explain adds QEMU's own words to the status it ended with.
func Explain(err error, tail string) error {
	for line := range strings.SplitSeq(tail, "\n") {
		if words, ok := strings.CutPrefix(strings.TrimSpace(line), Program+": "); ok && !strings.HasPrefix(words, "warning:") {
			return fmt.Errorf("QEMU ended with %w: %s", err, words)
		}
	}
	return fmt.Errorf("QEMU ended with %w", err)
}
