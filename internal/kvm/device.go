package kvm

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Path is the device's.
const Path = "/dev/kvm"

// Device is an open KVM.
type Device struct {
	fd      int
	runSize int // of struct kvm_run and what follows it, in bytes
}

// Open opens the device. Its error wraps fs.ErrNotExist where the kernel has no KVM for its processor.
func Open(path string) (*Device, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "opening", Path: path, Err: err}
	}
	d := &Device{fd: fd}
	version, err := ioctl(fd, getAPIVersion, 0)
	if err == nil && version != apiVersion {
		err = fmt.Errorf("%s speaks version %d of KVM's interface, not %d", path, version, apiVersion)
	}
	if err == nil {
		d.runSize, err = ioctl(fd, getVCPUMmapSize, 0)
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return d, nil
}

// Close closes the device; guests that were made stay.
func (d *Device) Close() error { return unix.Close(d.fd) }

// SupportedCPUID gives what guests can be shown of the processor.
func (d *Device) SupportedCPUID() ([]CPUIDEntry, error) { return cpuid(d.fd, getSupportedCPUID) }

// Native is the hypercall instruction of the processor's own vendor.
func (d *Device) Native() (Opcode, error) {
	entries, err := d.SupportedCPUID()
	if err != nil {
		return Opcode{}, err
	}
	const intel = 0x756e6547 // "Genu", as AMD64 Architecture Programmer's Manual 3, appendix E.3.1 has "Auth"
	for _, e := range entries {
		if e.Function == 0 && e.EBX == intel {
			return VMCALL, nil
		}
	}
	return VMMCALL, nil
}

func cpuid(fd int, request uintptr) ([]CPUIDEntry, error) {
	c := &cpuid2{N: maxCPUID}
	if _, err := ioctlPtr(fd, request, c); err != nil {
		return nil, err
	}
	return c.Entries[:min(c.N, maxCPUID)], nil
}

// ioctlNames are those that errors name.
var ioctlNames = map[uintptr]string{
	getAPIVersion: "KVM_GET_API_VERSION", createVM: "KVM_CREATE_VM",
	getVCPUMmapSize: "KVM_GET_VCPU_MMAP_SIZE", getSupportedCPUID: "KVM_GET_SUPPORTED_CPUID", createVCPU: "KVM_CREATE_VCPU",
	setUserMemoryRegion: "KVM_SET_USER_MEMORY_REGION", createIRQChip: "KVM_CREATE_IRQCHIP", xenHVMConfig: "KVM_XEN_HVM_CONFIG",
	runVCPU: "KVM_RUN", getRegs: "KVM_GET_REGS", setRegs: "KVM_SET_REGS", getSregs: "KVM_GET_SREGS", setSregs: "KVM_SET_SREGS",
	setMSRs: "KVM_SET_MSRS", getLAPIC: "KVM_GET_LAPIC", setLAPIC: "KVM_SET_LAPIC", setCPUID2: "KVM_SET_CPUID2",
	enableCap: "KVM_ENABLE_CAP", getSupportedHVCPUID: "KVM_GET_SUPPORTED_HV_CPUID", xenHVMSetAttr: "KVM_XEN_HVM_SET_ATTR",
	xenVCPUSetAttr: "KVM_XEN_VCPU_SET_ATTR",
}

// IoctlError is an ioctl that the kernel refused.
type IoctlError struct {
	Name string // KVM_CREATE_VM
	Err  error
}

func (e *IoctlError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap gives the error number.
func (e *IoctlError) Unwrap() error { return e.Err }

// ioctl makes one that is not KVM_RUN: signals, which Go's runtime sends itself, only delay it.
func ioctl(fd int, request, arg uintptr) (int, error) {
	for {
		r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, arg)
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
			continue
		}
		return 0, &IoctlError{ioctlNames[request], errno}
	}
}

// ioctlPtr makes one with a structure, which lives on through the call.
func ioctlPtr[T any](fd int, request uintptr, arg *T) (int, error) {
	for {
		r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(arg)))
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
			continue
		}
		return 0, &IoctlError{ioctlNames[request], errno}
	}
}

// enable enables a capability of a virtual machine or a virtual processor.
func enable(fd, what int, arg uint64) error {
	c := capability{Cap: uint32(what)}
	c.Args[0] = arg
	if _, err := ioctlPtr(fd, enableCap, &c); err != nil {
		return fmt.Errorf("capability %d: %w", what, err)
	}
	return nil
}
