// Package symbols names the functions of a stock Xen: the hypervisor carries a compressed table of its own
// symbols, for the traces that it prints when it dies (xen/tools/symbols.c).
//
// Beware: nothing says where the table is. It is found by its shape, and a build without it has none.
package symbols

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Symbol is a function or an object.
type Symbol struct {
	Address uint64
	Name    string
}

// Table is what an image tells, sorted by address.
type Table struct {
	Symbols []Symbol
	base    uint64 // added to an offset in the file to give an address
}

// ErrNone says that an image has no table.
var ErrNone = errors.New("the image holds no table of symbols")

// starts are where Xen's addresses begin: since 4.20, 4.15 and before (XEN_VIRT_START).
var starts = []uint64{0xffff82d040000000, 0xffff82d080000000}

// Read finds the table of an image that is not compressed.
func Read(image []byte) (*Table, error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, fmt.Errorf("reading the hypervisor: %w", err)
	}
	if len(f.Progs) == 0 {
		return nil, ErrNone
	}
	load := f.Progs[0].ProgHeader
	tokens, end, err := tokenTable(image)
	if err != nil {
		return nil, err
	}
	offsets, names, err := namesBefore(image, end)
	if err != nil {
		return nil, err
	}
	start := startOf(image)
	t := &Table{base: start + load.Vaddr - load.Off}
	for i, off := range offsets {
		name := ""
		for _, c := range names[i] {
			name += tokens[c]
		}
		if len(name) > 1 {
			t.Symbols = append(t.Symbols, Symbol{start + uint64(off), name[1:]}) // the first letter is nm's type
		}
	}
	return t, nil
}

// startOf tells which of the starts an image was linked for: by far the most pointers are to it.
func startOf(image []byte) uint64 {
	best, most := starts[0], 0
	for _, s := range starts {
		high := binary.LittleEndian.AppendUint32(nil, uint32(s>>32))
		n := 0
		for at := 0; at+8 <= len(image); at += 8 {
			if v := binary.LittleEndian.Uint64(image[at:]); bytes.Equal(image[at+4:at+8], high) && v >= s && v < s+(64<<20) {
				n++
			}
		}
		if n > most {
			best, most = s, n
		}
	}
	return best
}

const digits = "0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00"

// tokenTable finds the 256 texts that names are made of, and where they begin: those of digits stand for
// themselves.
func tokenTable(image []byte) (tokens [256]string, start int, err error) {
	for from := 0; ; {
		i := bytes.Index(image[from:], []byte(digits))
		if i < 0 {
			return tokens, 0, ErrNone
		}
		zero := from + i
		from = zero + 1
		start = zero
		for n := 0; n < '0'+1 && start > 0; {
			if start--; image[start] == 0 {
				n++
			}
		}
		start++
		at := start
		for c := range tokens {
			end := bytes.IndexByte(image[at:], 0)
			if end < 0 {
				break
			}
			tokens[c] = string(image[at : at+end])
			at += end + 1
		}
		index := (at + 3) &^ 3
		for ; index < at+64 && index+512 <= len(image); index += 4 {
			if binary.LittleEndian.Uint16(image[index+2*'0':]) == uint16(zero-start) && binary.LittleEndian.Uint16(image[index:]) == 0 {
				return tokens, start, nil
			}
		}
	}
}

// every is of how many names each one has a marker.
const every = 256

// namesBefore reads the names, compressed, and their offsets, which stand in front of the tokens.
func namesBefore(image []byte, tokens int) (offsets []uint32, names [][]byte, err error) {
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(image[at:]) }
	// The markers go up from 0.
	last := tokens &^ 3
	for last -= 4; last > 0 && word(last) == 0; last -= 4 {
	}
	first := last
	for ; first > 4 && word(first) != 0 && word(first-4) < word(first); first -= 4 {
	}
	if word(first) != 0 {
		return nil, nil, ErrNone
	}
	count := (last-first)/4 + 1
	for at := (first - int(word(last))) &^ 3; at > max(8, first-int(word(last))-1<<16); at -= 4 {
		for _, gap := range []int{4, 8} {
			n := int(word(at - gap))
			if n <= (count-1)*every || n > count*every {
				continue
			}
			if names, ok := walk(image[at:first], n, image[first:last+4]); ok {
				for _, pad := range []int{0, 4} {
					begin := at - gap - pad - 4*n
					if begin < 0 {
						continue
					}
					if offsets, ok := ascending(image[begin : begin+4*n]); ok {
						return offsets, names, nil
					}
				}
			}
		}
	}
	return nil, nil, ErrNone
}

// walk takes n names apart and compares their places with the markers.
func walk(mem []byte, n int, markers []byte) (names [][]byte, ok bool) {
	at := 0
	for i := range n {
		if i%every == 0 && int(binary.LittleEndian.Uint32(markers[4*(i/every):])) != at {
			return nil, false
		}
		if at >= len(mem) || at+1+int(mem[at]) > len(mem) {
			return nil, false
		}
		names = append(names, mem[at+1:at+1+int(mem[at])])
		at += 1 + int(mem[at])
	}
	return names, true
}

func ascending(mem []byte) (list []uint32, ok bool) {
	last := uint32(0)
	for at := 0; at < len(mem); at += 4 {
		v := binary.LittleEndian.Uint32(mem[at:])
		if v < last {
			return nil, false
		}
		last = v
		list = append(list, v)
	}
	return list, true
}

// Name is the function that an address lies in and how far, "" behind the last and before the first.
func (t *Table) Name(address uint64) (name string, offset uint64) {
	i := sort.Search(len(t.Symbols), func(i int) bool { return t.Symbols[i].Address > address })
	if i == 0 || i == len(t.Symbols) {
		return "", 0
	}
	s := t.Symbols[i-1]
	return s.Name, address - s.Address
}

// Lookup finds a symbol, and how many bytes there are until the next one. Those that only their source file
// knows have its name in front, which may be left out.
func (t *Table) Lookup(name string) (s Symbol, size uint64, ok bool) {
	for i, s := range t.Symbols {
		if s.Name != name && !strings.HasSuffix(s.Name, "#"+name) {
			continue
		}
		for _, next := range t.Symbols[i+1:] {
			if next.Address > s.Address {
				return s, next.Address - s.Address, true
			}
		}
	}
	return Symbol{}, 0, false
}

// Offset is where an address is in the image.
func (t *Table) Offset(address uint64) int { return int(address - t.base) }

// Address is what lies at an offset of the image.
func (t *Table) Address(offset int) uint64 { return uint64(offset) + t.base }
