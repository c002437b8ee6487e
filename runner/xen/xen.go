// Package xen brings up a stock Xen hypervisor with a stock Linux as its dom0, under QEMU. The agent
// is dom0's init.
//
// Beware: two programs share the console. The hypervisor's lines begin with "(XEN)", the rest is
// dom0's; and with "noreboot" a crashed Xen halts without ending QEMU.
package xen

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/qemu"
)

// Backend is the Xen backend. The part behind the colon of a target is a release.
type Backend struct{}

// Name is "xen".
func (Backend) Name() string { return "xen" }

// Targets are the releases.
func (Backend) Targets() []machine.Offer {
	var list []machine.Offer
	for _, r := range depot.Releases {
		list = append(list, machine.Offer{What: r.Name, Title: r.Title + ", its Xen with its kernel as dom0"})
	}
	return list
}

// Takes nothing else.
func (Backend) Takes(string) bool { return false }

// Suites are those about hypervisors.
func (Backend) Suites() []string { return []string{"hypercall"} }

// Check looks for the emulator.
func (Backend) Check(ctx context.Context) []machine.Capability {
	return []machine.Capability{qemu.Check(ctx, "xen (in qemu, TCG)")}
}

const (
	defaultMemory = 1 << 30
	// privcmd gives dom0's user space the hypercalls.
	privcmd = "xen-privcmd"
)

// Prepare obtains the hypervisor and dom0's kernel.
func (Backend) Prepare(ctx context.Context, what string, s *machine.Supplies) (*machine.Image, error) {
	path, err := qemu.Find()
	if err != nil {
		return nil, err
	}
	release, ok := depot.FindRelease(what)
	if !ok {
		return nil, fmt.Errorf("xen: no release %q", what)
	}
	parcel, err := s.Depot.Unpacked(ctx, release.WantXen())
	if err != nil {
		return nil, err
	}
	hypervisor, err := unzipped(ctx, s, parcel)
	if err != nil {
		return nil, err
	}
	kernel, err := qemu.FindKernel(ctx, s, release, release.Linux)
	if err != nil {
		return nil, err
	}
	names := []string{privcmd}
	initrd, err := s.Initrd(ctx, kernel.Modules, names)
	if err != nil {
		return nil, err
	}
	memory := s.Memory
	if memory == 0 {
		memory = defaultMemory
	}
	args := func(token string) []string {
		return append(qemu.Common(path, memory),
			// With SMAP a PV dom0 dies early under TCG, and with five-level paging Xen does not boot.
			"-cpu", "max,-smap,-smep,-la57",
			"-serial", "stdio", "-serial", "chardev:channel",
			"-kernel", hypervisor,
			"-append", "console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all noreboot sync_console dom0_mem="+fmt.Sprint(memory>>21)+"M",
			// Multiboot modules: dom0's kernel with its command line, then its RAM file system.
			"-initrd", escape(kernel.Image)+" console=hvc0 panic=-1 rdinit=/init xtest.channel=/dev/ttyS1 xtest.token="+token+","+escape(initrd),
		)
	}
	return &machine.Image{
		Plan: event.Plan{
			Backend: "xen", Accel: "tcg", Why: qemu.NoKVM, Command: args("TOKEN"),
			Parts: []event.Artefact{parcel.Artefact, kernel.Artefact},
		},
		Modules: names, Scale: qemu.TCGScale, BootLimit: 3 * time.Minute,
		Memory: memory, Cores: 1,
		Launch: func(b machine.Boot) (machine.Launch, error) { return machine.Launch{Args: args(b.Token)}, nil },
	}, nil
}

// escape doubles the commas of a path, which would end a multiboot module.
func escape(path string) string { return strings.ReplaceAll(path, ",", ",,") }

// unzipped gives the hypervisor as QEMU can start it: not compressed.
func unzipped(ctx context.Context, s *machine.Supplies, p depot.Parcel) (string, error) {
	found, err := filepath.Glob(filepath.Join(p.Dir, "boot/xen-*.gz"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("package %s: one boot/xen-*.gz expected, found %d", p.Artefact.Package, len(found))
	}
	key := sha256.Sum256([]byte("xen unzipped 1\n" + p.Artefact.SHA256))
	dir, err := s.Depot.Cache.Tree(ctx, hex.EncodeToString(key[:]), "hypervisor of "+p.Artefact.Package,
		func(_ context.Context, dir string) error { return unzip(found[0], filepath.Join(dir, "xen")) })
	if err != nil {
		return "", fmt.Errorf("unpacking the hypervisor: %w", err)
	}
	return filepath.Join(dir, "xen"), nil
}

func unzip(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, z)
	return err
}
