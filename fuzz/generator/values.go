package generator

import (
	fuzz "github.com/google/gofuzz"

	"xtest/fuzz/call"
	"xtest/internal/xen"
)

// The kinds of values as types, so that each has a function of its own by which gofuzz makes it.
type (
	anyValue uint64
	domain   uint64
	port     uint64
	ref      uint64
	handle   uint64
	frame    uint64
	vcpu     uint64
	count    uint64
	flags    uint64
	index    uint64
	irq      uint64
	address  uint64
	moment   uint64
	fd       uint64
	pid      uint64
)

// poolSize is how many values of a kind there are at a time. A call takes one in a few nanoseconds, where
// making it by reflection would cost more than the call itself.
const poolSize = 256

// pools are values of each kind.
type pools struct {
	Any     [poolSize]anyValue
	Domain  [poolSize]domain
	Port    [poolSize]port
	Ref     [poolSize]ref
	Handle  [poolSize]handle
	Frame   [poolSize]frame
	VCPU    [poolSize]vcpu
	Count   [poolSize]count
	Flags   [poolSize]flags
	Index   [poolSize]index
	IRQ     [poolSize]irq
	Address [poolSize]address
	Time    [poolSize]moment
	FD      [poolSize]fd
	PID     [poolSize]pid
}

// boundaries are numbers at which arithmetic turns.
var boundaries = []uint64{
	0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096, 0x7fff, 0x8000, 0xffff, 0x10000,
	0xfffff, 0x100000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 1 << 32, 1<<32 + 1, 1 << 40, 1 << 52, 1<<63 - 1, 1 << 63, ^uint64(1), ^uint64(0),
}

// near gives one of the values, now and then its neighbour, now and then a boundary or anything.
func near(c fuzz.Continue, values ...uint64) uint64 {
	switch n := c.Intn(32); {
	case n < 22:
		return values[c.Intn(len(values))]
	case n < 26:
		return values[c.Intn(len(values))] + uint64(c.Intn(3)) - 1
	case n < 30:
		return boundaries[c.Intn(len(boundaries))]
	}
	return c.RandUint64() >> c.Intn(64)
}

// functions are how gofuzz makes values.
func functions() []any {
	return []any{
		func(v *anyValue, c fuzz.Continue) { *v = anyValue(near(c, boundaries...)) },
		func(v *domain, c fuzz.Continue) {
			*v = domain(near(c, 0, uint64(xen.Self), uint64(xen.Self), uint64(xen.Self), 1, 2, uint64(xen.IO), uint64(xen.XenItself), uint64(xen.COW), uint64(xen.Invalid), uint64(xen.Idle), 0x7fef, 0xffff))
		},
		func(v *port, c fuzz.Continue) {
			*v = port(near(c, 0, 1, 2, 5, 8, 16, 31, 63, 64, 127, 1023, 1024, 4095, 4096, 0x1ffff, 0x20000, 0xffffffff))
		},
		func(v *ref, c fuzz.Continue) {
			*v = ref(near(c, 0, 1, 2, 7, 8, 9, 16, 511, 512, 1023, 16383, 16384, 0xffffffff))
		},
		func(v *handle, c fuzz.Continue) { *v = handle(near(c, 0, 1, 2, 3, 255, 256, 4095, 0xffffffff)) },
		func(v *frame, c fuzz.Continue) {
			*v = frame(near(c, 0, 1, 0xa0, 0xb8, 0xff, 0x100, 0x1000, 0x10000, 0x3ffff, 0x40000, 0xfee00, 0xfffff, 0x100000, 1<<40-1, 1<<40, 1<<52-1, ^uint64(0)))
		},
		func(v *vcpu, c fuzz.Continue) {
			*v = vcpu(near(c, 0, 0, 0, 1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 8191, 8192, 0xffffffff))
		},
		// Calls take as many structures as they are told there are, up to the end of what is mapped: a few of huge
		// numbers cost what thousands of other calls do.
		func(v *count, c fuzz.Continue) {
			switch n := c.Intn(64); {
			case n < 46:
				*v = count([]uint64{0, 1, 1, 1, 2, 2, 3, 4}[c.Intn(8)])
			case n < 62:
				*v = count([]uint64{7, 8, 15, 16, 17, 32}[c.Intn(6)])
			case n < 63:
				*v = count([]uint64{63, 64, 128, 256}[c.Intn(4)])
			default:
				*v = count(near(c, boundaries...))
			}
		},
		func(v *flags, c fuzz.Continue) {
			switch c.Intn(4) {
			case 0:
				*v = 0
			case 1:
				*v = flags(1) << c.Intn(33)
			case 2:
				*v = flags(c.Intn(64))
			default:
				*v = flags(near(c, boundaries...))
			}
		},
		func(v *index, c fuzz.Continue) {
			if *v = index(c.Intn(24)); c.Intn(8) == 0 {
				*v = index(near(c, boundaries...))
			}
		},
		func(v *irq, c fuzz.Continue) {
			*v = irq(near(c, 0, 1, 2, 4, 9, 15, 16, 23, 24, 47, 48, 255, 256, 0xffffffff))
		},
		func(v *address, c fuzz.Continue) {
			*v = address(near(c, 0, 1, 8, 0xfff, 0x1000, 0x100000, 0x7fff_ffff_f000, 0x7fff_ffff_ffff, 0x8000_0000_0000, xen.VirtStart, xen.VirtStart+8, ^uint64(0)-7, ^uint64(0)))
		},
		func(v *moment, c fuzz.Continue) {
			*v = moment(near(c, 0, 1, 1000, 1e6, 1e9, 1<<62, 1<<63-1, ^uint64(0)))
		},
		func(v *fd, c fuzz.Continue) {
			*v = fd(near(c, 0, 1, 2, 100, 101, 102, 103, 0xffffff9c, ^uint64(99), ^uint64(0)))
		},
		func(v *pid, c fuzz.Continue) { *v = pid(near(c, 0, 1, 2, 0x3fffff, 0x400000, ^uint64(0))) },
	}
}

// fill makes the values anew, the same ones for the same seed.
func (p *pools) fill(seed int64) {
	fuzz.NewWithSeed(seed).NilChance(0).Funcs(functions()...).Fuzz(p)
}

// of gives the value of an index below poolSize.
func (p *pools) of(k call.Kind, i uint32) uint64 {
	switch k {
	case call.Domain:
		return uint64(p.Domain[i])
	case call.Port:
		return uint64(p.Port[i])
	case call.Ref:
		return uint64(p.Ref[i])
	case call.Handle:
		return uint64(p.Handle[i])
	case call.Frame:
		return uint64(p.Frame[i])
	case call.VCPU:
		return uint64(p.VCPU[i])
	case call.Count:
		return uint64(p.Count[i])
	case call.Flags:
		return uint64(p.Flags[i])
	case call.Index:
		return uint64(p.Index[i])
	case call.IRQ:
		return uint64(p.IRQ[i])
	case call.Address:
		return uint64(p.Address[i])
	case call.Time:
		return uint64(p.Time[i])
	case call.FD:
		return uint64(p.FD[i])
	case call.PID:
		return uint64(p.PID[i])
	}
	return uint64(p.Any[i])
}
