package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var le = binary.LittleEndian

// kernel is a bzImage taken apart, Documentation/arch/x86/boot.rst.
type kernel struct {
	header  []byte // the set-up header, from headerAt on
	code    []byte // what runs in protected mode
	at      uint64 // where it wants to be loaded
	room    uint64 // what it needs there to unpack itself, in bytes
	lineMax uint32 // of the command line, in bytes
}

// Offsets in a bzImage, which are those in struct boot_params too.
const (
	headerAt       = 0x1f1
	setupSectors   = 0x1f1
	headerLength   = 0x201 // a jump over the header: the byte that says how far
	headerMagic    = 0x202 // "HdrS"
	protocol       = 0x206
	loaderType     = 0x210
	loadFlags      = 0x211
	ramdiskImage   = 0x218
	ramdiskSize    = 0x21c
	commandLine    = 0x228
	commandLineMax = 0x238
	preferred      = 0x258
	initSize       = 0x260
	// Of boot_params alone.
	e820Entries = 0x1e8
	e820Table   = 0x2d0
	paramsSize  = 0x1000
)

const (
	minProtocol   = 0x20a // has init_size
	loadedHigh    = 1     // of loadFlags
	unknownLoader = 0xff
	sector        = 512
)

func parse(b []byte) (k kernel, err error) {
	if len(b) < paramsSize || string(b[headerMagic:headerMagic+4]) != "HdrS" {
		return k, errors.New("it is no bzImage")
	}
	if v := le.Uint16(b[protocol:]); v < minProtocol || b[loadFlags]&loadedHigh == 0 {
		return k, fmt.Errorf("it speaks version %d.%d of the boot protocol, at least %d.%d is needed", v>>8, v&0xff, minProtocol>>8, minProtocol&0xff)
	}
	sectors := max(int(b[setupSectors]), 1)
	if b[setupSectors] == 0 {
		sectors = 4
	}
	start := (sectors + 1) * sector
	end := headerMagic + int(b[headerLength])
	if start >= len(b) || end > e820Table {
		return k, errors.New("it is cut off, or its header is damaged")
	}
	k = kernel{b[headerAt:end], b[start:], le.Uint64(b[preferred:]), uint64(le.Uint32(b[initSize:])), le.Uint32(b[commandLineMax:])}
	if k.at < stubEnd || k.at > highest || k.room < uint64(len(k.code)) {
		return k, fmt.Errorf("it wants to be loaded at %#x with room for %#x bytes, which cannot be", k.at, k.room)
	}
	return k, nil
}

// e820 types, Documentation/arch/x86/zero-page.rst.
const usable = 1

// params makes struct boot_params.
func (k kernel) params(line string, initrdAt, initrdSize, memory uint64) []byte {
	p := make([]byte, paramsSize)
	copy(p[headerAt:], k.header)
	p[loaderType] = unknownLoader
	le.PutUint32(p[commandLine:], lineAt)
	le.PutUint32(p[ramdiskImage:], uint32(initrdAt))
	le.PutUint32(p[ramdiskSize:], uint32(initrdSize))
	ranges := []struct {
		from, to uint64
		kind     uint32
	}{{0, lowMemory, usable}, {base, memory, usable}}
	p[e820Entries] = byte(len(ranges))
	for i, r := range ranges {
		e := p[e820Table+20*i:]
		le.PutUint64(e, r.from)
		le.PutUint64(e[8:], r.to-r.from)
		le.PutUint32(e[16:], r.kind)
	}
	return p
}
