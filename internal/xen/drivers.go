package xen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Drivers are Linux's ways to share memory with grants and to send and receive events, beside raw
// hypercalls: only a kernel can put its own pages into the grant table, and see that an event came
// (include/uapi/xen/gntalloc.h, gntdev.h, evtchn.h). It is for one goroutine.
type Drivers struct{ alloc, dev, evtchn int }

// Requests of the drivers: _IOC(_IOC_NONE, type, number, size of the structure).
const (
	ioctlAllocRef     = 24<<16 | 'G'<<8 | 5
	ioctlFreeRef      = 16<<16 | 'G'<<8 | 6
	ioctlMapRef       = 24<<16 | 'G'<<8
	ioctlUnmapRef     = 16<<16 | 'G'<<8 | 1
	ioctlInterdomain  = 8<<16 | 'E'<<8 | 1
	ioctlUnboundPort  = 4<<16 | 'E'<<8 | 2
	ioctlUnbindPort   = 4<<16 | 'E'<<8 | 3
	ioctlNotify       = 4<<16 | 'E'<<8 | 4
	allocFlagWritable = 1
)

// OpenDrivers opens the three devices.
func OpenDrivers() (*Drivers, error) {
	d := &Drivers{-1, -1, -1}
	for _, o := range []struct {
		name string
		fd   *int
	}{{"gntalloc", &d.alloc}, {"gntdev", &d.dev}, {"evtchn", &d.evtchn}} {
		fd, err := unix.Open("/dev/xen/"+o.name, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening /dev/xen/%s: %w (xen-%s.ko drives it)", o.name, err, o.name), d.Close())
		}
		*o.fd = fd
	}
	return d, nil
}

// Close gives everything back that was taken through the devices.
func (d *Drivers) Close() (err error) {
	for _, fd := range []int{d.alloc, d.dev, d.evtchn} {
		if fd >= 0 {
			err = errors.Join(err, unix.Close(fd))
		}
	}
	return err
}

func ioctl(fd int, request uintptr, arg []byte) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(unsafe.SliceData(arg))))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// Share grants a fresh page of this domain to a domain, for reading or for writing too, and gives the
// grant reference, the page as it is seen here, and how to end it.
func (d *Drivers) Share(to DomID, writable bool) (ref uint32, page []byte, end func() error, err error) {
	le, b := binary.LittleEndian, make([]byte, 24)
	le.PutUint16(b, uint16(to))
	if writable {
		le.PutUint16(b[2:], allocFlagWritable)
	}
	le.PutUint32(b[4:], 1)
	if _, err := ioctl(d.alloc, ioctlAllocRef, b); err != nil {
		return 0, nil, nil, fmt.Errorf("granting a page: %w", err)
	}
	index := le.Uint64(b[8:])
	page, err = unix.Mmap(d.alloc, int64(index), os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("mapping a granted page: %w", err)
	}
	return le.Uint32(b[16:]), page, func() error {
		f := make([]byte, 16)
		le.PutUint64(f, index)
		le.PutUint32(f[8:], 1)
		_, err := ioctl(d.alloc, ioctlFreeRef, f)
		return errors.Join(unix.Munmap(page), err)
	}, nil
}

// Map maps a page that a domain grants, and says how to unmap it.
func (d *Drivers) Map(of DomID, ref uint32) (page []byte, unmap func() error, err error) {
	le, b := binary.LittleEndian, make([]byte, 24)
	le.PutUint32(b, 1)
	le.PutUint32(b[16:], uint32(of))
	le.PutUint32(b[20:], ref)
	if _, err := ioctl(d.dev, ioctlMapRef, b); err != nil {
		return nil, nil, fmt.Errorf("naming a grant: %w", err)
	}
	index := le.Uint64(b[8:])
	forget := func() error {
		f := make([]byte, 16)
		le.PutUint64(f, index)
		le.PutUint32(f[8:], 1)
		_, err := ioctl(d.dev, ioctlUnmapRef, f)
		return err
	}
	page, err = unix.Mmap(d.dev, int64(index), os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("mapping a grant: %w", err), forget())
	}
	return page, func() error { return errors.Join(unix.Munmap(page), forget()) }, nil
}

// Listen gives a fresh port that a domain may connect to, and Connect one that is connected to it.
func (d *Drivers) Listen(to DomID) (port uint32, err error) {
	b := make([]byte, 4)
	binary.LittleEndian.PutUint32(b, uint32(to))
	n, err := ioctl(d.evtchn, ioctlUnboundPort, b)
	if err != nil {
		return 0, fmt.Errorf("making a port: %w", err)
	}
	return uint32(n), nil
}

// Connect gives a port that is connected to another domain's.
func (d *Drivers) Connect(to DomID, remote uint32) (port uint32, err error) {
	b := make([]byte, 8)
	binary.LittleEndian.PutUint32(b, uint32(to))
	binary.LittleEndian.PutUint32(b[4:], remote)
	n, err := ioctl(d.evtchn, ioctlInterdomain, b)
	if err != nil {
		return 0, fmt.Errorf("connecting a port: %w", err)
	}
	return uint32(n), nil
}

// Notify sends an event over a port, Unbind closes it.
func (d *Drivers) Notify(port uint32) error { return d.onPort(ioctlNotify, port) }

// Unbind closes a port.
func (d *Drivers) Unbind(port uint32) error { return d.onPort(ioctlUnbindPort, port) }

func (d *Drivers) onPort(request uintptr, port uint32) error {
	b := make([]byte, 4)
	binary.LittleEndian.PutUint32(b, port)
	_, err := ioctl(d.evtchn, request, b)
	return err
}

// Pending waits for an event, for milliseconds at most, gives its port and opens the port for the next
// one. Without an event the port is 0.
func (d *Drivers) Pending(milliseconds int) (port uint32, err error) {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(d.evtchn), Events: unix.POLLIN}}, milliseconds)
	if errors.Is(err, unix.EINTR) || err == nil && n == 0 {
		return 0, nil
	}
	b := make([]byte, 4)
	if err == nil {
		_, err = unix.Read(d.evtchn, b)
	}
	if err == nil {
		_, err = unix.Write(d.evtchn, b)
	}
	if err != nil {
		return 0, fmt.Errorf("receiving an event: %w", err)
	}
	return binary.LittleEndian.Uint32(b), nil
}
