package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// What a machine's memory is kept as: an ELF core with the state of its processors while QEMU still has the machine,
// and the bytes of its memory alone when that is gone.
const (
	CoreSuffix = ".core"
	RawSuffix  = ".raw"
)

// Keep writes the machine's memory to a file whose name begins with path, and says which. Pages of nothing but zeros take
// no room in it. The machine does nothing any more afterwards.
func (s *Session) Keep(path string) (file string, err error) {
	if s.keeper != nil {
		file = path + CoreSuffix
		if err = s.keeper.Keep(file); err == nil {
			return file, hollow(file)
		}
	}
	file = path + RawSuffix
	to, e := os.Create(file)
	if e == nil {
		e = errors.Join(copySparse(to, s.ram), to.Close())
	}
	if e != nil {
		return "", errors.Join(err, fmt.Errorf("keeping the machine's memory: %w", e), os.Remove(file))
	}
	return file, nil
}

// grain is how large holes in files are made, in bytes: a multiple of what file systems allocate.
const grain = 64 << 10

var nothing [grain]byte

// hollow takes the room from a file's zeros, where its file system can.
func hollow(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, grain)
	for at := int64(0); ; at += grain {
		n, err := f.ReadAt(buf, at)
		if n == grain && bytes.Equal(buf, nothing[:]) {
			if unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, grain) != nil {
				return nil // it has no holes: the file is whole all the same
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// copySparse copies what is not zero.
func copySparse(to, from *os.File) error {
	st, err := from.Stat()
	if err != nil {
		return err
	}
	buf := make([]byte, grain)
	for at := int64(0); at < st.Size(); at += grain {
		// Reading a hole of the machine's memory would fill it.
		data, err := unix.Seek(int(from.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil {
			return err
		}
		at = data &^ (grain - 1)
		n, err := from.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if bytes.Equal(buf[:n], nothing[:n]) {
			continue
		}
		if _, err := to.WriteAt(buf[:n], at); err != nil {
			return err
		}
	}
	return to.Truncate(st.Size())
}
