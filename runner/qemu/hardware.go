package qemu

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The machine types that a user can choose.
const (
	MicroVM = "microvm" // least hardware, soonest up
	Q35     = "q35"     // a PC with PCI Express
)

// Icount is the clock that counts executed instructions: a guest's time does not depend on the host's.
const Icount = "icount"

// IcountScale is how many times slower than plain TCG a machine with that clock is.
const IcountScale = 3

// hardware is a machine as QEMU is asked for it.
type hardware struct {
	path    string // of QEMU
	typ     string
	accel   string
	memory  int64 // bytes
	cores   int
	clock   string
	root    string // an image of the root file system, "" for none
	luggage string // a file that becomes a second disk, "" for none
	monitor bool   // descriptor 4 is a QMP socket
	dump    bool   // a guest that reset or switched itself off is kept until the monitor says quit
}

// args are QEMU's, without kernel, initial RAM file system and command line.
func (h hardware) args() []string {
	args := append(Common(h.path, cmp.Or(h.accel, TCG), h.memory, max(h.cores, 1)), "-chardev", h.channel())
	disk, machine := "virtio-blk-pci", h.typ
	serial := []string{"-serial", "stdio", "-serial", "chardev:channel"}
	if h.typ == MicroVM {
		disk, machine = "virtio-blk-device", MicroVM+",isa-serial=on,rtc=on"
		// The machine type has one serial port; the channel's is added where the second one of a PC is.
		serial = []string{"-serial", "stdio", "-device", "isa-serial,chardev=channel,iobase=0x2f8,irq=3"}
	}
	args = append(args, "-M", machine)
	args = append(args, serial...)
	if h.clock == Icount {
		args = append(args, "-cpu", model(h.accel),
			"-icount", "shift=0,sleep=off,align=off", "-rtc", "base=2020-01-01,clock=vm",
			// What the guest draws from RDRAND and from the seed that the loader hands over repeats.
			"-seed", "1")
	} else {
		args = append(args, "-cpu", model(h.accel))
	}
	if h.root != "" {
		// Shared between machines: what a guest writes goes to a file of its own that QEMU has unlinked. No
		// machine writes the image, and QEMU's locks would clash with the one that User-Mode Linux holds.
		args = append(args, "-drive", "if=none,id=root,format=raw,snapshot=on,file.locking=off,file="+escape(h.root), "-device", disk+",drive=root")
	}
	if h.luggage != "" {
		args = append(args, "-drive", "if=none,id=luggage,format=raw,file.locking=off,file="+escape(h.luggage), "-device", disk+",drive=luggage")
	}
	if h.typ == Q35 {
		args = append(args, "-device", "pvpanic", "-action", "panic=none")
	}
	if h.monitor {
		args = append(args, "-chardev", "socket,id=monitor,fd=4", "-mon", "chardev=monitor,mode=control")
	}
	if h.dump {
		args = append(args, "-device", "vmcoreinfo", "-action", "shutdown=pause")
	}
	return args
}

// Channel is descriptor 3 as a character device called "channel".
const Channel = "socket,id=channel,fd=3"

// pipes are what the scratch folder of a machine has whose descriptor 3 is a pipe: QEMU opens two files by
// the name of one, NAME.in and NAME.out.
const pipes = "channel"

func (h hardware) channel() string {
	if h.clock == Icount {
		return "pipe,id=channel,path=" + pipes
	}
	return Channel
}

// makePipes makes them in the machine's working folder. Nothing is ever sent in.
func makePipes(dir string) error {
	err := unix.Mkfifo(filepath.Join(dir, pipes+".in"), 0o600)
	if err == nil {
		err = os.Symlink("/proc/self/fd/3", filepath.Join(dir, pipes+".out"))
	}
	if err != nil {
		return fmt.Errorf("preparing the event channel: %w", err)
	}
	return nil
}

// params are the kernel's boot parameters that follow from the hardware.
func (h hardware) params() []string {
	panics := "panic=-1" // reset at once
	if h.dump {
		panics = "panic=0" // stand still: a reset may take the processor out of 64-bit mode before the dump
	}
	list := []string{"console=ttyS0", panics, "rdinit=/init", "xtest.channel=/dev/ttyS1"}
	if h.accel == KVM {
		return list
	}
	if h.typ == MicroVM {
		// As in any virtual machine, Documentation/admin-guide/kernel-parameters.txt: the check fails where
		// ticks come late.
		list = append(list, "no_timer_check")
	}
	// A microvm has nothing but the PIT to measure the time-stamp counter with. On a busy host that
	// fails, and the kernel is left without a timer and hangs before its agent. So it is told.
	switch mhz := hostMHz(); {
	case h.clock == Icount:
		list = append(list, "tsc_early_khz=1000000") // an instruction is a nanosecond
	case h.typ == MicroVM && mhz > 0:
		list = append(list, "tsc_early_khz="+strconv.FormatInt(mhz*1000, 10))
	}
	return list
}

// escape doubles commas, which would end an option's value.
func escape(path string) string { return strings.ReplaceAll(path, ",", ",,") }

// Common are the arguments that all machines share: no default devices and no display.
func Common(path, accel string, memory int64, cores int) []string {
	return []string{
		path, "-accel", accel, "-m", strconv.FormatInt(memory>>20, 10) + "M", "-smp", strconv.Itoa(cores),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
	}
}

// defaultType is microvm, unless its kernel could not be told the time.
func defaultType(accel string) string {
	if accel == TCG && hostMHz() == 0 {
		return Q35
	}
	return MicroVM
}

// check gives the error of choices that exclude each other.
func (h hardware) check() error {
	switch {
	case h.clock == Icount && h.accel == KVM:
		return fmt.Errorf("clock %s counts the instructions that TCG executes; it does not go with --accel kvm", Icount)
	case h.clock == Icount && h.cores > 1:
		return fmt.Errorf("clock %s needs a machine of one processor, not %d: with more the guest hangs", Icount, h.cores)
	}
	return nil
}
