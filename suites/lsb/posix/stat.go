package posix

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// statOf reads a struct stat as this architecture lays it out.
func statOf(b child.Buffer) unix.Stat_t {
	return *(*unix.Stat_t)(unsafe.Pointer(unsafe.SliceData(b.Bytes)))
}

// addresses is a list of pointers that ends with a null one, as execve(2) takes.
func (s *script) addresses(list ...child.Buffer) child.Buffer {
	words := make([]uint64, 0, len(list)+1)
	for _, b := range list {
		words = append(words, uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b.Bytes)))))
	}
	return s.longs(append(words, 0)...)
}

// executable says why files of the temporary folder cannot be executed.
func executable() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &fs); err != nil {
		return err
	}
	if fs.Flags&unix.ST_NOEXEC != 0 {
		return errors.New(os.TempDir() + " is mounted noexec")
	}
	return nil
}
