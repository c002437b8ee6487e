package debian

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxControlFile bounds a file of a package's control archive, in bytes.
const maxControlFile = 16 << 20

// Control is what a package says of itself.
type Control struct {
	Fields  Stanza
	Scripts map[string]string // "preinst", "postinst", "prerm", "postrm", "config" and "triggers", where present
}

// ReadControl reads the control archive of the package file deb.
func ReadControl(deb string) (*Control, error) {
	c := &Control{Scripts: map[string]string{}}
	err := walkMember(deb, "control.tar", func(h *tar.Header, r io.Reader) error {
		name := path.Base(h.Name)
		switch name {
		case "control":
			return readStanzas(io.LimitReader(r, maxControlFile), func(s Stanza) error {
				c.Fields = s
				return nil
			})
		case "preinst", "postinst", "prerm", "postrm", "config", "triggers":
			text, err := io.ReadAll(io.LimitReader(r, maxControlFile))
			c.Scripts[name] = string(text)
			return err
		}
		return nil
	})
	if err == nil && c.Fields["Package"] == "" {
		err = fmt.Errorf("reading the package file %s: its control archive names no package", deb)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Walk calls visit for each entry of the package file's data, in order. r holds a regular file's
// content. An error of visit ends it and is returned wrapped.
func Walk(deb string, visit func(h *tar.Header, r io.Reader) error) error {
	return walkMember(deb, "data.tar", visit)
}

func walkMember(deb, member string, visit func(*tar.Header, io.Reader) error) (err error) {
	defer func() {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: %w", errTruncated, err)
		}
		if err != nil {
			err = fmt.Errorf("reading the package file %s: %w", deb, err)
		}
	}()
	f, err := os.Open(deb)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	st, err := f.Stat()
	if err != nil {
		return err
	}
	found := false
	err = arMembers(f, st.Size(), func(name string, body *io.SectionReader) (bool, error) {
		switch {
		case name == "debian-binary":
			return true, checkFormat(body)
		case strings.HasPrefix(name, member):
			found = true
			return false, walkTar(name, body, visit)
		}
		return true, nil
	})
	if err == nil && !found {
		return fmt.Errorf("it has no %s: not a Debian package, or it is truncated", member)
	}
	return err
}

// checkFormat reads the "debian-binary" member; deb(5): a reader must give up on a new major number.
func checkFormat(r io.Reader) error {
	line := make([]byte, 8)
	n, err := io.ReadFull(r, line)
	if err != nil && err != io.ErrUnexpectedEOF {
		return err
	}
	if !strings.HasPrefix(string(line[:n]), "2.") {
		return fmt.Errorf("its format is %.8q; only 2.x is known", line[:n])
	}
	return nil
}

func walkTar(name string, body io.Reader, visit func(*tar.Header, io.Reader) error) error {
	plain, done, err := decompress(name, body)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer done()
	for t := tar.NewReader(plain); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := visit(h, t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// decompress undoes the compression that name's extension tells. done frees what the decoder holds.
func decompress(name string, r io.Reader) (plain io.Reader, done func(), err error) {
	done = func() {}
	r = bufio.NewReaderSize(r, 64<<10)
	switch ext := filepath.Ext(name); ext {
	case ".xz":
		plain, err = xz.NewReader(r)
	case ".gz":
		plain, err = gzip.NewReader(r)
	case ".zst":
		// One decoder goroutine and a bounded window: packages are read on small machines.
		var z *zstd.Decoder
		if z, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20)); err == nil {
			plain, done = z, z.Close
		}
	case ".tar", "":
		plain = r
	default:
		err = fmt.Errorf("compression %q is not known", ext)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return plain, done, err
}
