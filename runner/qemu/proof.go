package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"xtest/runner/guard"
)

// proofGuest is a multiboot kernel (Multiboot Specification 0.6.96) that is loaded at 1 MiB. It goes
// to long mode through page tables of its own, computes what only 64-bit arithmetic gets right, and
// writes a byte of it to port 0xf4, where QEMU's isa-debug-exit ends the machine with status
// byte<<1|1. Firmware, paging and 64-bit code have worked when that number comes back.
var proofGuest = []byte{
	0x02, 0xb0, 0xad, 0x1b, 0x00, 0x00, 0x01, 0x00, 0xfe, 0x4f, 0x51, 0xe4, // magic, flags, checksum
	0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x10, 0x00, // header and load address
	0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0x00, 0x10, 0x00, // load all; no bss; entry
	0xbf, 0x00, 0x00, 0x20, 0x00, // mov edi, 0x200000: the page tables
	0x0f, 0x22, 0xdf, // mov cr3, edi
	0x31, 0xc0, 0xb9, 0x00, 0x0c, 0x00, 0x00, 0xfc, 0xf3, 0xab, // 3 pages of zeroes
	0xc7, 0x05, 0x00, 0x00, 0x20, 0x00, 0x03, 0x10, 0x20, 0x00, // PML4[0]
	0xc7, 0x05, 0x00, 0x10, 0x20, 0x00, 0x03, 0x20, 0x20, 0x00, // PDPT[0]
	0xc7, 0x05, 0x00, 0x20, 0x20, 0x00, 0x83, 0x00, 0x00, 0x00, // PD[0]: 2 MiB as they are
	0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x20, 0x0f, 0x22, 0xe0, // CR4.PAE
	0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32, 0x0d, 0x00, 0x01, 0x00, 0x00, 0x0f, 0x30, // EFER.LME
	0x0f, 0x20, 0xc0, 0x0d, 0x00, 0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0, // CR0.PG
	0x0f, 0x01, 0x15, 0xb0, 0x00, 0x10, 0x00, // lgdt
	0xea, 0x80, 0x00, 0x10, 0x00, 0x08, 0x00, // ljmp to the 64-bit segment
	0xb9, 0x01, 0x00, 0x01, 0x00, 0x31, 0xc0, // mov ecx, 65537; xor eax, eax
	0x48, 0x8d, 0x44, 0x40, 0x07, 0xe2, 0xf9, // rax = 3*rax + 7, so often
	0x48, 0xc1, 0xe8, 0x38, // shr rax, 56
	0x66, 0xba, 0xf4, 0x00, 0xee, // out 0xf4, al
	0xf4, 0xeb, 0xfd, // hlt, for ever
	0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, // padding; GDT: null,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x9a, 0x20, 0x00, // 64-bit code
	0x0f, 0x00, 0xa0, 0x00, 0x10, 0x00, 0x00, 0x00, // its limit and address
}

// proofStatus is what QEMU exits with when the guest ran as it should.
const proofStatus = 44<<1 | 1

// proofLimit is how long the guest may take. Working accelerators need a fraction of a second.
const proofLimit = 5 * time.Second

// prove boots the guest under an accelerator. Its error says in words why the accelerator cannot be
// believed in.
func prove(ctx context.Context, path, accel string) error {
	return proveWithin(ctx, path, accel, proofLimit)
}

func proveWithin(ctx context.Context, path, accel string, limit time.Duration) (err error) {
	dir, err := os.MkdirTemp("", "xtest-proof-")
	if err != nil {
		return fmt.Errorf("a test guest could not be prepared: %w (TMPDIR chooses where)", err)
	}
	defer os.RemoveAll(dir)
	image := filepath.Join(dir, "guest")
	if err := os.WriteFile(image, proofGuest, 0o600); err != nil {
		return fmt.Errorf("a test guest could not be prepared: %w", err)
	}
	p, err := guard.Start(guard.Command{Dir: dir, Scratch: dir, Args: []string{
		path, "-accel", accel, "-M", "pc", "-cpu", model(accel), "-m", "32M", "-nodefaults", "-no-user-config",
		"-display", "none", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-kernel", image,
	}})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err = <-ended:
	case <-timer.C:
		p.Kill()
		// A process that hangs inside the kernel's KVM cannot be waited for.
		return fmt.Errorf("a test guest did not answer in %v", limit)
	case <-ctx.Done():
		p.Kill()
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == proofStatus:
		return nil
	case err == nil:
		return errors.New("a test guest ended without an answer")
	}
	return fmt.Errorf("a test guest did not run: %s ended with %w", Program, err)
}
