package devicemodel

import (
	"encoding/binary"

	"xtest/internal/xen"
)

var le = binary.LittleEndian

// The ports of configuration mechanism 1: PCI Local Bus Specification 3.0, 3.2.2.3.2. Xen turns accesses to the
// data port into those to a device.
const (
	addressPort = 0xcf8
	addressEnd  = 0xcfb
)

// Registers of a configuration space of type 0, PCI 6.1 and 6.2.5.1.
const (
	vendorReg  = 0x00
	deviceReg  = 0x02
	commandReg = 0x04
	classReg   = 0x0a
	barReg     = 0x10
	subVendor  = 0x2c
	subDevice  = 0x2e
	spaceSize  = 0x100
)

const (
	barIO       = 1
	barPrefetch = 8
)

// device is a device's configuration space, and which of its bits a guest may change.
type device struct{ space, mask [spaceSize]byte }

// bar adds a base address register: what kind of address it holds, the address to begin with and the size, a
// power of 2.
func (d *device) bar(n int, flags, at, size uint32) {
	le.PutUint32(d.space[barReg+4*n:], at|flags)
	le.PutUint32(d.mask[barReg+4*n:], ^(size - 1))
}

// bus is PCI bus 0.
type bus struct {
	address [4]byte // of the port of that name
	devices map[uint16]*device
}

func newBus() *bus {
	// Linux looks for a host bridge before it believes that there is a bus: arch/x86/pci/direct.c.
	bridge := &device{}
	le.PutUint16(bridge.space[vendorReg:], 0x8086) // Intel's 82441FX, as QEMU has it
	le.PutUint16(bridge.space[deviceReg:], 0x1237)
	le.PutUint16(bridge.space[classReg:], 0x0600)
	// docs/misc/hvm-emulated-unplug, drivers/xen/platform-pci.c: ports that it is unplugged by, and memory for
	// the guest's grant table.
	platform := &device{}
	for at, v := range map[int]uint16{vendorReg: 0x5853, deviceReg: 1, classReg: 0xff80, subVendor: 0x5853, subDevice: 1, commandReg: 3} {
		le.PutUint16(platform.space[at:], v)
	}
	le.PutUint16(platform.mask[commandReg:], 7)
	platform.bar(0, barIO, 0xc000, 0x100)
	platform.bar(1, barPrefetch, 0xf2000000, 16<<20)
	return &bus{devices: map[uint16]*device{0: bridge, 2 << 3: platform}}
}

// claims names what the bus answers for.
func (b *bus) claims(claim func(kind uint32, first, last uint64) error) error {
	if err := claim(xen.RangePort, addressPort, addressEnd); err != nil {
		return err
	}
	for n := range b.devices {
		if err := claim(xen.RangePCI, uint64(n), uint64(n)); err != nil {
			return err
		}
	}
	return nil
}

// answer does an access and gives what is read.
func (b *bus) answer(a xen.Access) uint32 {
	if !a.PCI {
		if within(a, addressPort, uint64(len(b.address))) {
			return access(b.address[a.Addr-addressPort:][:a.Size], nil, a)
		}
		return ^uint32(0)
	}
	d := b.devices[a.Device]
	if d == nil || !within(a, 0, spaceSize) {
		return ^uint32(0)
	}
	return access(d.space[a.Addr:][:a.Size], d.mask[a.Addr:][:a.Size], a)
}

// within says whether an access keeps to the size bytes from first on, and to those that an access can have.
func within(a xen.Access, first, size uint64) bool {
	at := uint64(a.Addr)
	return a.Size <= 4 && at >= first && at+uint64(a.Size) <= first+size
}

// access reads or writes registers, of which a mask says what may be changed; without one all may.
func access(register, mask []byte, a xen.Access) uint32 {
	var word [4]byte
	if a.Write {
		le.PutUint32(word[:], a.Data)
		for i := range register {
			m := byte(0xff)
			if mask != nil {
				m = mask[i]
			}
			register[i] = register[i]&^m | word[i]&m
		}
	}
	copy(word[:], register)
	return le.Uint32(word[:])
}
