// Package disk reads disk images: raw and qcow2, and the partitions on them.
//
// Beware: an image is not trusted. Everything that it tells is checked against what there is before
// it decides how much is read or kept, and no other file is opened but a backing file in the image's
// own folder.
package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Disk is the content of a disk, as a machine would see it. Its reads may run side by side.
type Disk struct {
	io.ReaderAt
	Size   int64  // in bytes
	Format string // "raw" or "qcow2"
	files  []*os.File
}

// Close closes the image's files.
func (d *Disk) Close() error {
	var all error
	for _, f := range d.files {
		all = errors.Join(all, f.Close())
	}
	return all
}

// maxChain is how many backing files may lie behind each other.
const maxChain = 16

// Open opens a disk image. What is no qcow2 image is raw. The error names other formats of disk
// images, and what of a qcow2 image is not understood.
func Open(path string) (*Disk, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	d := &Disk{files: []*os.File{f}}
	if err := d.read(f, dir, "", 0); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// read takes the disk's content from a file, whose format is as told, or "" to look.
func (d *Disk) read(f *os.File, dir, format string, depth int) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	back := func(name, format string) (io.ReaderAt, int64, error) {
		if depth == maxChain {
			return nil, 0, fmt.Errorf("it has more than %d backing files behind each other", maxChain)
		}
		behind, err := openBeside(dir, name)
		if err != nil {
			return nil, 0, err
		}
		d.files = append(d.files, behind)
		b := &Disk{}
		err = b.read(behind, dir, format, depth+1)
		d.files = append(d.files, b.files...)
		if err != nil {
			return nil, 0, fmt.Errorf("backing file %s: %w", name, err)
		}
		return b.ReaderAt, b.Size, nil
	}
	n, err := New(f, st.Size(), format, back)
	if err != nil {
		return err
	}
	d.ReaderAt, d.Size, d.Format = n.ReaderAt, n.Size, n.Format
	return nil
}

// openBeside opens a file of the folder, and no other: whatever the name says, and whatever links
// there are.
func openBeside(dir, name string) (*os.File, error) {
	if name != filepath.Base(name) || strings.ContainsAny(name, ":{") || !filepath.IsLocal(name) {
		return nil, fmt.Errorf("its backing file is %.200q, and xtest reads those alone that lie in the image's own folder and are named without it; "+
			"`qemu-img convert -O qcow2 IMAGE ONE` makes one image of both", name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() // only read
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening its backing file: %w", err)
	}
	return f, nil
}

// Backing opens what lies behind an image, of a format that is told or "", and gives its size.
type Backing func(name, format string) (content io.ReaderAt, size int64, err error)

// others are formats that are told apart to say what to do about them.
var others = []struct{ magic, name string }{
	{"KDMV", "VMDK"}, {"vhdxfile", "VHDX"}, {"conectix", "VHD"}, {"COWD", "VMDK"}, {"QED\x00", "QED"},
	{"<<< Oracle VM VirtualBox", "VDI"}, {"<<< QEMU VM Virtual Disk", "VDI"},
}

// New reads a disk image of that many bytes. Format is "raw", "qcow2" or "", which looks.
func New(r io.ReaderAt, size int64, format string, back Backing) (*Disk, error) {
	head := make([]byte, 64)
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	qcow := strings.HasPrefix(string(head), qcowMagic)
	switch {
	case format == "raw" || format == "" && !qcow:
		for _, o := range others {
			if format == "" && strings.HasPrefix(string(head), o.magic) {
				return nil, fmt.Errorf("it is a %s disk image; xtest reads raw and qcow2: `qemu-img convert -O qcow2 IMAGE IMAGE.qcow2`", o.name)
			}
		}
		return &Disk{ReaderAt: r, Size: size, Format: "raw"}, nil
	case (format == "qcow2" || format == "") && qcow:
		q, err := newQcow(r, size, back)
		if err != nil {
			return nil, err
		}
		return &Disk{ReaderAt: q, Size: q.size, Format: "qcow2"}, nil
	}
	return nil, fmt.Errorf("it is no %.20s image", format)
}
