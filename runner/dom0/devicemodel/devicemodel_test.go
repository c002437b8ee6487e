package devicemodel

import (
	"strings"
	"testing"

	"xtest/internal/xen"
)

func read(b *bus, device uint16, at, size uint32) uint32 {
	return b.answer(xen.Access{PCI: true, Device: device, Addr: at, Size: size})
}

func write(b *bus, device uint16, at, size, data uint32) {
	b.answer(xen.Access{PCI: true, Device: device, Addr: at, Size: size, Write: true, Data: data})
}

// TestBus: the devices are found, sized and placed as Linux does it.
func TestBus(t *testing.T) {
	b := newBus()
	const bridge, platform = 0, 2 << 3
	for what, c := range map[string]struct {
		device   uint16
		at, size uint32
		want     uint32
	}{
		"the bridge":           {bridge, 0, 4, 0x12378086},
		"its class":            {bridge, 0x0a, 2, 0x0600},
		"the platform device":  {platform, 0, 4, 0x00015853},
		"its vendor":           {platform, 0, 2, 0x5853},
		"its header's type":    {platform, 0x0e, 1, 0},
		"its ports":            {platform, 0x10, 4, 0xc001},
		"its memory":           {platform, 0x14, 4, 0xf2000008},
		"a device that is not": {1 << 3, 0, 4, 0xffffffff},
		"beyond the space":     {platform, 0xfe, 4, 0xffffffff},
	} {
		if got := read(b, c.device, c.at, c.size); got != c.want {
			t.Errorf("%s: %#x, expected %#x", what, got, c.want)
		}
	}
	for at, want := range map[uint32]uint32{0x10: 0xffffff01, 0x14: 0xff000008, 0x18: 0, 0: 0x00015853} {
		write(b, platform, at, 4, ^uint32(0))
		if got := read(b, platform, at, 4); got != want {
			t.Errorf("all ones at %#x read as %#x, expected %#x", at, got, want)
		}
	}
	write(b, platform, 0x14, 4, 0xf3000000)
	if got := read(b, platform, 0x14, 4); got != 0xf3000008 {
		t.Errorf("the memory was moved to %#x", got)
	}
	write(b, platform, 4, 2, 0xffff)
	if got := read(b, platform, 4, 2); got != 7 {
		t.Errorf("the command register is %#x", got)
	}
}

// TestMechanism: the address port holds what was written, which is how Linux finds that there is one.
func TestMechanism(t *testing.T) {
	b := newBus()
	b.answer(xen.Access{Addr: addressPort, Size: 4, Write: true, Data: 0x80000000})
	if got := b.answer(xen.Access{Addr: addressPort, Size: 4}); got != 0x80000000 {
		t.Errorf("the address port reads as %#x", got)
	}
	if got := b.answer(xen.Access{Addr: addressEnd, Size: 1}); got != 0x80 {
		t.Errorf("its last byte is %#x", got)
	}
	if got := b.answer(xen.Access{Addr: addressEnd, Size: 2}); got != ^uint32(0) {
		t.Errorf("an access beyond it gives %#x", got)
	}
	claimed := map[uint32]int{}
	if err := b.claims(func(kind uint32, first, last uint64) error {
		claimed[kind]++
		return nil
	}); err != nil || claimed[xen.RangePort] != 1 || claimed[xen.RangePCI] != 2 {
		t.Errorf("claimed: %v, %v", claimed, err)
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{Name}, {Name, "-d"}, {Name, "-d", "x"}, {Name, "-d", "70000"}} {
		if err := Main(args); err == nil || !strings.Contains(err.Error(), "device model") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestAccessesBeyond: what reaches over an edge, or around the end of all addresses, reads as an empty bus.
func TestAccessesBeyond(t *testing.T) {
	b := newBus()
	for _, a := range []xen.Access{
		{Addr: addressPort - 2, Size: 4}, {Addr: addressEnd, Size: 2}, {Addr: addressPort, Size: 8},
		{PCI: true, Addr: spaceSize - 2, Size: 4}, {PCI: true, Addr: 1<<32 - 2, Size: 4}, {PCI: true, Addr: 0, Size: 8}, {PCI: true, Device: 7, Size: 4},
	} {
		for _, a.Write = range []bool{false, true} {
			if got := b.answer(a); got != ^uint32(0) {
				t.Errorf("%+v: %#x", a, got)
			}
		}
	}
}
