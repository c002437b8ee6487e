package main

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers itself
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers itself
)

const about = `judges kernels, hypervisors and distributions by booting them
xtest boots stock kernels, hypervisors and containers, runs conformance suites
inside (namespaces, hypercalls, the Linux Standard Base), fuzzes hypercalls,
compares performance, and says what does not conform, what crashes and what
became slower. It needs no root, no KVM and no prepared machine.`

// packages writes the .deb and the .rpm. xtest depends on nothing; the emulator and the keys that prove
// a distribution's packages are recommended.
func (r *release) packages() error {
	contents, err := r.contents()
	if err != nil {
		return err
	}
	for format, recommended := range map[string][]string{
		"deb": {"qemu-system-x86", "debian-archive-keyring"},
		"rpm": {"qemu-system-x86-core", "debian-keyring"},
	} {
		packager, err := nfpm.Get(format)
		if err != nil {
			return err
		}
		info := nfpm.WithDefaults(&nfpm.Info{
			Name: "xtest", Arch: arch, Platform: "linux",
			Version: r.version, VersionSchema: "semver",
			Section: "devel", Priority: "optional",
			Maintainer: "the xtest developers <xtest@localhost>", Description: about,
			MTime: r.date,
			Overridables: nfpm.Overridables{
				Recommends: recommended,
				Contents:   contents,
				RPM:        nfpm.RPM{BuildHost: "localhost", Compression: "xz"},
				Deb:        nfpm.Deb{Compression: "xz"},
			},
		})
		if err := nfpm.PrepareForPackager(info, format); err != nil {
			return err
		}
		if err := write(r.path(packager.ConventionalFileName(info)), func(f *os.File) error {
			return packager.Package(info, f)
		}); err != nil {
			return err
		}
	}
	return nil
}

// contents are the files that both packages install.
func (r *release) contents() (files.Contents, error) {
	var all files.Contents
	add := func(source, to string, mode fs.FileMode) {
		all = append(all, &files.Content{Source: source, Destination: to,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: r.date}})
	}
	add(r.path("xtest"), "/usr/bin/xtest", 0o755)
	add(r.path("xtest.cdx.json"), "/usr/share/doc/xtest/xtest.cdx.json", 0o644)
	add(filepath.Join(r.source, "README.md"), "/usr/share/doc/xtest/README.md", 0o644)
	pages, err := filepath.Glob(filepath.Join(r.source, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	pipelines, err := filepath.Glob(filepath.Join(r.source, "docs", "ci", "*.yml"))
	if err != nil {
		return nil, err
	}
	for _, page := range append(pages, pipelines...) {
		below, err := filepath.Rel(filepath.Join(r.source, "docs"), page)
		if err != nil {
			return nil, err
		}
		add(page, "/usr/share/doc/xtest/docs/"+filepath.ToSlash(below), 0o644)
	}
	share := r.path("share")
	return all, filepath.WalkDir(share, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		below, err := filepath.Rel(share, path)
		add(path, "/usr/share/"+below, 0o644)
		return err
	})
}

// write makes a file, and leaves none behind when that fails.
func write(path string, fill func(*os.File) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = fill(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}
