package ns

import "encoding/binary"

// CapabilityHeader is struct __user_cap_header_struct (linux/capability.h), version 3, for the
// calling process.
func CapabilityHeader() []byte {
	b := binary.NativeEndian.AppendUint32(nil, 0x20080522)
	return binary.NativeEndian.AppendUint32(b, 0)
}

// CapabilitySets is the pair of struct __user_cap_data_struct that version 3 takes, in bytes.
const CapabilitySets = 24

// Effective reads the effective set out of what capget(2) wrote.
func Effective(data []byte) uint64 {
	return uint64(binary.NativeEndian.Uint32(data)) | uint64(binary.NativeEndian.Uint32(data[12:]))<<32
}

// Capabilities gives the sets that capset(2) reads: one set as effective, permitted and inheritable.
func Capabilities(set uint64) []byte {
	var b []byte
	for _, half := range []uint32{uint32(set), uint32(set >> 32)} {
		for range 3 {
			b = binary.NativeEndian.AppendUint32(b, half)
		}
	}
	return b
}
