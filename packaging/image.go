package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// image writes a container image that holds the binary and a folder for temporary files, and nothing
// else: `docker load` and `podman load` take it, and so does xtest.
func (r *release) image() error {
	program, err := os.ReadFile(r.path("xtest"))
	if err != nil {
		return err
	}
	layer, err := r.layer(program)
	if err != nil {
		return err
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		Architecture: arch, OS: "linux", Created: v1.Time{Time: r.date},
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Entrypoint: []string{"/usr/bin/xtest"}, Cmd: []string{"--help"}, WorkingDir: "/work",
			Env: []string{"PATH=/usr/bin", "HOME=/work"},
			Labels: map[string]string{
				"org.opencontainers.image.title":   "xtest",
				"org.opencontainers.image.version": r.version,
			},
		},
	})
	if err != nil {
		return err
	}
	image, err = mutate.Append(image, mutate.Addendum{
		Layer: layer, History: v1.History{Created: v1.Time{Time: r.date}, CreatedBy: "xtest " + r.version},
	})
	if err != nil {
		return err
	}
	tag, err := name.NewTag("xtest:latest")
	if err != nil {
		return err
	}
	return write(r.path("xtest-image.tar"), func(f *os.File) error { return tarball.Write(tag, image, f) })
}

// layer is the image's one file system.
func (r *release) layer(program []byte) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, e := range []tar.Header{
		{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
		{Name: "work/", Typeflag: tar.TypeDir, Mode: 0o1777},
		{Name: "usr/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "usr/bin/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "usr/bin/xtest", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))},
	} {
		e.ModTime = r.date
		if err := w.WriteHeader(&e); err != nil {
			return nil, err
		}
		if e.Typeflag == tar.TypeReg {
			if _, err := w.Write(program); err != nil {
				return nil, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(packed.Bytes())), nil
	})
}
