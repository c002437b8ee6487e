package rootfs

import (
	"archive/tar"
	"errors"
	"io"
	"os"

	"xtest/runner/debian"
)

// early marks in the archive the packages that the guest unpacks itself, to have a dpkg that works.
const early = "xtest.early"

// pack writes the packages into a tar archive, which the guest reads off a block device.
func pack(path string, pkgs []*debian.Package, unpackEarly map[string]bool, debs []string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := tar.NewWriter(f)
	for i, p := range pkgs {
		if err := packOne(w, p, unpackEarly[p.Name], debs[i]); err != nil {
			return err
		}
	}
	return w.Close()
}

func packOne(w *tar.Writer, p *debian.Package, unpackEarly bool, deb string) error {
	f, err := os.Open(deb)
	if err != nil {
		return err
	}
	defer f.Close()
	h := &tar.Header{Name: p.Name + ".deb", Size: p.Size, Mode: 0o644}
	if unpackEarly {
		h.PAXRecords = map[string]string{early: "yes"}
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
