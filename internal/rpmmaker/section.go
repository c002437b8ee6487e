package rpmmaker

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// Types of a header's entries: LSB 5.0 Core 24.2.2.2.
const (
	int16s     = 3
	int32s     = 4
	text       = 6
	bin        = 7
	texts      = 8
	translated = 9
)

// Entries that stand first, over all others, and name where they end.
const (
	regionSignature = 62
	regionHeader    = 63
)

// section is a header structure, of which a package has two: 24.2.2.
type section struct{ entries []entry }

type entry struct {
	tag, kind, count uint32
	align            int // of its data
	data             []byte
}

var be = binary.BigEndian

func (s *section) add(tag, kind, count, align int, data []byte) {
	s.entries = append(s.entries, entry{uint32(tag), uint32(kind), uint32(count), align, data})
}

func (s *section) text(tag int, v string)       { s.add(tag, text, 1, 1, append([]byte(v), 0)) }
func (s *section) translated(tag int, v string) { s.add(tag, translated, 1, 1, append([]byte(v), 0)) }

func (s *section) list(tag int, list ...string) {
	s.add(tag, texts, len(list), 1, []byte(strings.Join(list, "\x00")+"\x00"))
}

func (s *section) ints(tag int, list ...uint32) {
	var b []byte
	for _, v := range list {
		b = be.AppendUint32(b, v)
	}
	s.add(tag, int32s, len(list), 4, b)
}

func (s *section) shorts(tag int, list []uint16) {
	var b []byte
	for _, v := range list {
		b = be.AppendUint16(b, v)
	}
	s.add(tag, int16s, len(list), 2, b)
}

// bytes lays the section out: record, index in order of the tags, data. The region's data is an entry of the index
// once more, which tells by a negative offset how long the index is.
func (s *section) bytes(region uint32) []byte {
	slices.SortFunc(s.entries, func(a, b entry) int { return cmp.Compare(a.tag, b.tag) })
	var index, data []byte
	record := func(b []byte, tag, kind, at, count uint32) []byte {
		return be.AppendUint32(be.AppendUint32(be.AppendUint32(be.AppendUint32(b, tag), kind), at), count)
	}
	for _, e := range s.entries {
		data = append(data, make([]byte, -len(data)&(e.align-1))...)
		index = record(index, e.tag, e.kind, uint32(len(data)), e.count)
		data = append(data, e.data...)
	}
	n := uint32(len(s.entries) + 1)
	index = append(record(nil, region, bin, uint32(len(data)), 16), index...)
	data = record(data, region, bin, -(16 * n), 16)
	b := []byte{0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0}
	b = be.AppendUint32(be.AppendUint32(b, n), uint32(len(data)))
	return append(append(b, index...), data...)
}
