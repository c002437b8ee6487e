package area

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrNotFound says that the memory of a machine has no area of the key.
var ErrNotFound = errors.New("the machine's memory does not hold the marked pages")

// Found is an area as the host sees it.
type Found struct {
	*Area
	// Offsets are where the area's pages lie in the file of the machine's memory.
	Offsets [Pages]uint64
}

// Find looks for the area in the file that holds a machine's memory and maps its pages one behind the
// other. The guest must have made it, and waits for [Found.Tell].
func Find(file *os.File, key []byte) (*Found, error) {
	pages := map[uint64]int{}
	for p := range Pages {
		pages[binary.LittleEndian.Uint64(mark(key, p))] = p
	}
	f := &Found{}
	missing := Pages
	var seen [Pages]bool
	err := eachPage(file, func(offset int64, page []byte) bool {
		p, known := pages[binary.LittleEndian.Uint64(page)]
		if known && !seen[p] && bytes.Equal(page[:32], mark(key, p)) {
			seen[p], f.Offsets[p] = true, uint64(offset)
			missing--
		}
		return missing > 0
	})
	if err != nil {
		return nil, fmt.Errorf("reading the machine's memory: %w", err)
	}
	if missing > 0 {
		return nil, fmt.Errorf("%w: %d of %d are missing", ErrNotFound, missing, Pages)
	}
	// Room for all of them, then each in its place.
	at, err := unix.MmapPtr(-1, 0, nil, uintptr(Size), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("mapping the machine's memory: %w", err)
	}
	for p, offset := range f.Offsets {
		if _, err := unix.MmapPtr(int(file.Fd()), int64(offset), unsafe.Add(at, p*Page), Page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_FIXED); err != nil {
			return nil, errors.Join(fmt.Errorf("mapping the machine's memory: %w", err), unix.MunmapPtr(at, uintptr(Size)))
		}
	}
	f.Area = &Area{mem: unsafe.Slice((*byte)(at), Size), file: -1}
	return f, nil
}

// Tell lets the guest go on.
func (f *Found) Tell() { f.word(wordFound).Store(1) }

// Close unmaps the area.
func (f *Found) Close() error { return unix.MunmapPtr(unsafe.Pointer(&f.mem[0]), uintptr(Size)) }

// eachPage calls see with the beginning of each page of the file that is not a hole, until it is false.
func eachPage(file *os.File, see func(offset int64, page []byte) bool) error {
	const window = 64 << 20
	st, err := file.Stat()
	if err != nil {
		return err
	}
	fd := int(file.Fd())
	for at := int64(0); at < st.Size(); {
		data, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // the rest is a hole
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(fd, data, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		data &^= Page - 1
		for at = data; at < end; at += window {
			n := int(min(window, end-at))
			if n < Page {
				break
			}
			mem, err := unix.Mmap(fd, at, n, unix.PROT_READ, unix.MAP_SHARED)
			if err != nil {
				return err
			}
			more := true
			for p := 0; p+Page <= n && more; p += Page {
				more = see(at+int64(p), mem[p:p+32])
			}
			if err := unix.Munmap(mem); err != nil || !more {
				return err
			}
		}
		at = end
	}
	return nil
}
