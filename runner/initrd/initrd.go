// Package initrd writes initial RAM file systems in the "newc" cpio format
// (Documentation/driver-api/early-userspace/buffer-format.rst), deterministically: the same input
// gives the same bytes.
//
// Beware: the kernel makes no missing parent folders; add them first.
package initrd

import (
	"fmt"
	"io"
	"os"
)

// Writer writes an archive.
type Writer struct {
	w     io.Writer
	inode uint32
	err   error
}

// NewWriter starts an archive on w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// File types of st_mode, inode(7).
const (
	modeDir  = 0o040000
	modeFile = 0o100000
	modeChar = 0o020000
)

// Dir adds a folder.
func (w *Writer) Dir(name string) { w.entry(name, modeDir|0o755, 0, 0, 0, nil) }

// CharDevice adds a character device node.
func (w *Writer) CharDevice(name string, major, minor uint32) {
	w.entry(name, modeChar|0o600, 0, major, minor, nil)
}

// File adds a file of size bytes taken from r.
func (w *Writer) File(name string, perm uint32, size int64, r io.Reader) {
	w.entry(name, modeFile|perm, size, 0, 0, r)
}

// Copy adds a file of the host.
func (w *Writer) Copy(name string, perm uint32, path string) {
	if w.err != nil {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		w.err = err
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		w.err = err
		return
	}
	w.File(name, perm, st.Size(), f)
}

// Close ends the archive and gives the first error of all that was written.
func (w *Writer) Close() error {
	w.entry("TRAILER!!!", 0, 0, 0, 0, nil)
	if w.err != nil {
		return fmt.Errorf("writing the initial RAM file system: %w", w.err)
	}
	return nil
}

func (w *Writer) entry(name string, mode uint32, size int64, major, minor uint32, r io.Reader) {
	if w.err != nil {
		return
	}
	if size > 1<<32-1 {
		w.err = fmt.Errorf("%s: %d bytes are more than the format can hold", name, size)
		return
	}
	w.inode++
	// Magic, inode, mode, uid, gid, links, mtime, size, device, rdevice, name's length, checksum.
	header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		w.inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, len(name)+1, 0, name)
	w.padded(int64(len(header)), func() (int64, error) {
		n, err := io.WriteString(w.w, header)
		return int64(n), err
	})
	if size > 0 {
		w.padded(size, func() (int64, error) {
			n, err := io.CopyN(w.w, r, size)
			if err != nil {
				err = fmt.Errorf("%s: after %d of %d bytes: %w", name, n, size, err)
			}
			return n, err
		})
	}
}

// padded writes size bytes and fills up to a multiple of 4.
func (w *Writer) padded(size int64, write func() (int64, error)) {
	if w.err != nil {
		return
	}
	if _, w.err = write(); w.err == nil {
		_, w.err = w.w.Write(make([]byte, -size&3))
	}
}
