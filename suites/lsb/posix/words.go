package posix

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

var le = binary.LittleEndian

// word reads 32 bits of a buffer, long 64.
func word(b child.Buffer, at int) uint32 { return le.Uint32(b.Bytes[at:]) }
func long(b child.Buffer, at int) uint64 { return le.Uint64(b.Bytes[at:]) }

// longs is a buffer of 64-bit words.
func (s *script) longs(values ...uint64) child.Buffer {
	b := s.Buffer(8 * len(values))
	for i, v := range values {
		le.PutUint64(b.Bytes[8*i:], v)
	}
	return b
}

// words is a buffer of 32-bit words.
func (s *script) words(values ...uint32) child.Buffer {
	b := s.Buffer(4 * len(values))
	for i, v := range values {
		le.PutUint32(b.Bytes[4*i:], v)
	}
	return b
}

// stat adds an fstatat(2) and gives what it wrote.
func (s *script) stat(name string, flags int) func() unix.Stat_t {
	b := s.Buffer(256)
	s.ok("fstatat("+name+")", unix.SYS_NEWFSTATAT, unix.AT_FDCWD, s.path(name), b, flags)
	return func() unix.Stat_t { return statOf(b) }
}

// mode judges the permission bits of a file.
func (s *script) mode(text, name string, want uint32) {
	st := s.stat(name, 0)
	s.then(func() { s.t.Equal(text, st().Mode&0o7777, want) })
}

// size judges the length of a file.
func (s *script) size(text, name string, want int64) {
	st := s.stat(name, 0)
	s.then(func() { s.t.Equal(text, st().Size, want) })
}

// content judges what a read of up to 64 bytes from the descriptor gives.
func (s *script) content(text string, fd child.Arg, want string) {
	b := s.Buffer(64)
	r := s.ok(text, unix.SYS_READ, fd, b, 64)
	s.then(func() { s.t.Equal(text, string(b.Bytes[:max(0, min(64, r.Value()))]), want) })
}
