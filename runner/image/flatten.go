package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
)

// writer is where a flattened image goes. Folders come first, each before what is in it; links to a
// file come right behind it. Nothing is told twice.
type writer interface {
	folder(name string, f *file) error
	special(name string, f *file) error // symbolic links, devices and FIFOs
	regular(name string, f *file, r io.Reader) error
	link(name, target string) error
}

// write sends the image's files to w.
func (s *Source) write(ctx context.Context, w writer) error {
	t, err := s.flat(ctx)
	if err != nil {
		return err
	}
	err = t.walk(func(name string, n *node) error {
		if n.kind == tar.TypeReg {
			n.names = nil
		}
		return context.Cause(ctx)
	})
	if err == nil {
		err = t.walk(func(name string, n *node) error {
			switch n.kind {
			case tar.TypeDir:
				return w.folder(name, n.file)
			case tar.TypeReg:
				n.names = append(n.names, name)
			}
			return nil
		})
	}
	if err == nil {
		err = t.walk(func(name string, n *node) error {
			if n.kind == tar.TypeReg || n.kind == tar.TypeDir {
				return nil
			}
			return w.special(name, n.file)
		})
	}
	if err == nil {
		err = s.origin.stream(ctx, t, func(f *file, r io.Reader) error {
			if err := w.regular(f.names[0], f, r); err != nil {
				return err
			}
			for _, name := range f.names[1:] {
				if err := w.link(name, f.names[0]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}

// Tar writes the image as one tar stream, with owners and devices, for making a file system of it.
func (s *Source) Tar(ctx context.Context, w io.Writer) error {
	t := tarWriter{tar.NewWriter(w)}
	if err := errors.Join(s.write(ctx, t), t.w.Close()); err != nil {
		return fmt.Errorf("writing image %s as a tar stream: %w", s.Ref, err)
	}
	return nil
}

type tarWriter struct{ w *tar.Writer }

func (t tarWriter) header(name string, f *file) *tar.Header {
	return &tar.Header{
		Name: name, Typeflag: f.kind, Mode: f.mode, Uid: f.uid, Gid: f.gid, Size: f.size,
		ModTime: f.time, Linkname: f.link, Devmajor: f.major, Devminor: f.minor, PAXRecords: paxOf(f.xattrs),
	}
}

func (t tarWriter) folder(name string, f *file) error {
	return t.w.WriteHeader(t.header(name+"/", f))
}

func (t tarWriter) special(name string, f *file) error { return t.w.WriteHeader(t.header(name, f)) }

func (t tarWriter) regular(name string, f *file, r io.Reader) error {
	if err := t.w.WriteHeader(t.header(name, f)); err != nil {
		return err
	}
	n, err := io.Copy(t.w, r)
	if err == nil && n != f.size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (t tarWriter) link(name, target string) error {
	return t.w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target})
}
