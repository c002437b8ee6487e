package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// layers are tar streams, lowest first, each of which changes what is below it.
type layers struct {
	list []layer
	// whiteouts says that names beginning with .wh. remove files; in a plain tarball they are names.
	whiteouts bool
}

type layer struct {
	open   func() (io.ReadCloser, error) // the tar stream, decompressed
	sha256 string                        // of it, hex; "" when nobody told
}

// scan reads each layer to its end, so that its hash is known to be right.
func (l *layers) scan(ctx context.Context, t *tree) error {
	for i, one := range l.list {
		h := sha256.New()
		err := one.read(ctx, t.stream, h, func(entry int, head *tar.Header, _ io.Reader) error {
			if l.whiteouts {
				if done, err := t.whiteoutOf(i, head); done || err != nil {
					return err
				}
			}
			return t.add(i, entry, head)
		})
		if err == nil && one.sha256 != "" && hex.EncodeToString(h.Sum(nil)) != one.sha256 {
			err = errors.New("its content does not have the hash that the image's configuration tells: it is damaged")
		}
		if err != nil {
			return fmt.Errorf("layer %d of %d: %w", i+1, len(l.list), err)
		}
	}
	return nil
}

func (l *layers) stream(ctx context.Context, t *tree, visit func(*file, io.Reader) error) error {
	type place struct{ layer, entry int }
	wanted := map[place]*file{}
	err := t.walk(func(_ string, n *node) error {
		if n.kind == tar.TypeReg {
			wanted[place{n.file.layer, n.entry}] = n.file
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, one := range l.list {
		err := one.read(ctx, t.stream, io.Discard, func(entry int, head *tar.Header, r io.Reader) error {
			f := wanted[place{i, entry}]
			if f == nil {
				return nil
			}
			delete(wanted, place{i, entry})
			if head.Size != f.size {
				return fmt.Errorf("%s changed while it was read", head.Name)
			}
			return visit(f, r)
		})
		if err != nil {
			return fmt.Errorf("layer %d of %d: %w", i+1, len(l.list), err)
		}
	}
	if len(wanted) > 0 {
		return fmt.Errorf("it changed while it was read: %d files are gone", len(wanted))
	}
	return nil
}

// overhead is how much larger than its files' content a tar stream may be, in bytes.
const overhead = 8 << 30

// read visits the entries of the layer. All of the stream goes to sum too.
func (l layer) read(ctx context.Context, most int64, sum io.Writer, visit func(entry int, h *tar.Header, r io.Reader) error) (err error) {
	stream, err := l.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	bounded := &bound{ctx: ctx, r: stream, left: most}
	all := io.TeeReader(bounded, sum)
	r := tar.NewReader(all)
	for entry := 0; ; entry++ {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("reading its tar stream: %w", err)
		}
		if err := visit(entry, h, r); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, all); err != nil { // what is behind the archive counts for the hash
		return fmt.Errorf("reading its tar stream: %w", err)
	}
	return nil
}

// bound ends a stream that is longer than it may be, or that nobody waits for any more.
type bound struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *bound) Read(p []byte) (int, error) {
	if err := context.Cause(b.ctx); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errors.New("it is longer than the disk has place for")
	}
	return n, err
}
