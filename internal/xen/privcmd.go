package xen

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PrivcmdPath is the device through which Linux lets root make hypercalls.
const PrivcmdPath = "/dev/xen/privcmd"

// IoctlHypercall is IOCTL_PRIVCMD_HYPERCALL: _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall)),
// from include/uapi/xen/privcmd.h. Its argument is the call's number and MaxArgs arguments, 8 bytes each.
const IoctlHypercall = 0x00305000

type privcmdHypercall struct {
	op   uint64
	args [MaxArgs]uint64
}

// Privcmd makes hypercalls through the Linux privcmd driver. It may be used by several goroutines.
type Privcmd struct {
	file *os.File
	fd   uintptr // file's
	// bound is the first number that the driver refuses by itself, 0 when it passes all on. Kernels
	// without the XSA-466 patches stop at the end of the hypercall page.
	bound uint64
}

// hypercallPageEntries is how many hypercalls fit in the page through which older kernels call.
const hypercallPageEntries = 128

// OpenPrivcmd opens the driver and makes sure that calls reach Xen, by asking for its version.
func OpenPrivcmd() (*Privcmd, error) {
	f, err := os.OpenFile(PrivcmdPath, os.O_RDWR, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, fmt.Errorf("opening Xen's privcmd: %w (not a Xen domain, or xen-privcmd.ko is not loaded)", err)
	case err != nil:
		return nil, fmt.Errorf("opening Xen's privcmd: %w (it needs root)", err)
	}
	p := &Privcmd{file: f, fd: f.Fd()}
	if err := p.probe(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// probe tells the driver's refusals from Xen's once and for all: no domain is denied its version, and
// a number behind the table is unknown to Xen (ENOSYS), never invalid (EINVAL).
func (p *Privcmd) probe() error {
	ret, err := p.Hypercall(XenVersion, VersionVersion, 0)
	if err != nil {
		return err
	}
	if no := Err(ret); no != nil {
		return fmt.Errorf("asking Xen for its version through privcmd: %w (the driver is restricted, or this is not Xen)", no)
	}
	ret, err = p.Hypercall(hypercallPageEntries)
	if err != nil {
		return err
	}
	if errors.Is(Err(ret), unix.EINVAL) {
		p.bound = hypercallPageEntries
	}
	return nil
}

// Hypercall makes the call. A signal does not interrupt it.
func (p *Privcmd) Hypercall(op uint64, args ...uint64) (int64, error) {
	if len(args) > MaxArgs {
		return 0, fmt.Errorf("hypercall %d with %d arguments: there are at most %d", op, len(args), MaxArgs)
	}
	if p.bound != 0 && op >= p.bound {
		return 0, &Refusal{op, unix.EINVAL, fmt.Sprintf("this kernel passes on only numbers below %d", p.bound)}
	}
	h := privcmdHypercall{op: op}
	copy(h.args[:], args)
	ret, _, errno := unix.Syscall(unix.SYS_IOCTL, p.file.Fd(), IoctlHypercall, uintptr(unsafe.Pointer(&h)))
	switch errno {
	case 0:
		return int64(ret), nil
	case unix.ENOTTY, unix.EBADF:
		return 0, &Refusal{op, errno, "the driver does not make hypercalls"}
	}
	return -int64(errno), nil
}

// Close closes the driver.
func (p *Privcmd) Close() error { return p.file.Close() }

// Record makes the call that lies in memory as the driver takes it: the number and five arguments. It
// gives what [Privcmd.Hypercall] gives for a call that reaches Xen, at the least cost; a number that the
// driver keeps back looks like Xen's EINVAL.
func (p *Privcmd) Record(call *[1 + MaxArgs]uint64) int64 {
	ret, _, errno := unix.RawSyscall(unix.SYS_IOCTL, p.fd, IoctlHypercall, uintptr(unsafe.Pointer(call)))
	if errno != 0 {
		return -int64(errno)
	}
	return int64(ret)
}
