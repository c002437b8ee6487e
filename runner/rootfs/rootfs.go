// Package rootfs makes root file systems that are configured as a real installation is: the
// distribution's own dpkg installs the distribution's own packages, inside a User-Mode Linux guest.
//
// Why so: configuring packages means running their maintainer scripts as root, which xtest may not do
// on the host and need not be allowed to; a guest has a root of its own. A guest also gives the files
// their owners, which an unprivileged host cannot, and makes the file system with the distribution's
// own mkfs, so that no tool of the host's is needed.
//
// Beware: half of this package runs on the host, the other half ([Install]) inside the guest.
package rootfs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xtest/runner/cache"
	"xtest/runner/debian"
	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/image"
	"xtest/runner/machine"
	"xtest/runner/schedule"
	"xtest/runner/uml"
	"xtest/runner/wire"
)

// size is how large the file system is, in bytes. The file that holds it is sparse.
const size = 4 << 30

// memory is what the guest that makes it gets, in bytes.
const memory = 1 << 30

// limit is how long the making may take.
const limit = 20 * time.Minute

// Maker makes root file systems and keeps them in the depot's cache.
type Maker struct {
	Supplies *machine.Supplies
	// Say tells what is going on, one line at a time; Step how far the making of a release's is.
	Say  func(string)
	Step func(of, what string, done, total int)
}

// Root gives the path of an ext4 image of the release's base system: all packages of priority
// required and important, and apt. The packages named in more are installed, too, each with what it
// depends on.
func (m *Maker) Root(ctx context.Context, r depot.Release, more []string) (string, error) {
	d := m.Supplies.Depot
	title, pin := "root of "+r.Title, version
	if len(more) > 0 {
		more = slices.Compact(slices.Sorted(slices.Values(more)))
		with := " with " + strings.Join(more, " ")
		title, pin = title+with, pin+with
	}
	if key := d.Remembered(r.Codename, pin); key != "" {
		if path, err := d.Cache.Tree(ctx, key, title, notThere); err == nil {
			return filepath.Join(path, imageName), nil
		}
	}
	ix, err := d.Index(ctx, r.Codename)
	if err != nil {
		return "", err
	}
	pkgs, early, err := base(ix, more)
	if err != nil {
		return "", fmt.Errorf("choosing the packages of %s: %w", r.Title, err)
	}
	key := recipe(pkgs)
	path, err := d.Cache.Tree(ctx, key, title, func(ctx context.Context, dir string) error {
		return m.make(ctx, r, pkgs, early, dir)
	})
	if err != nil {
		return "", fmt.Errorf("making the root file system of %s: %w", r.Title, err)
	}
	return filepath.Join(path, imageName), d.Remember(r.Codename, pin, key)
}

const imageName = "root.ext4"

var errNotThere = errors.New("it is not in the cache")

func notThere(context.Context, string) error { return errNotThere }

// base is what debootstrap(8) installs by default and the packages named in more, and which of it must be
// unpacked for a dpkg to work with: the required packages with all that they depend on.
func base(ix *debian.Index, more []string) (pkgs []*debian.Package, early map[string]bool, err error) {
	required, err := ix.Closure(namesOf(ix.Base("required")), nil)
	if err != nil {
		return nil, nil, err
	}
	early = map[string]bool{}
	for _, p := range required {
		early[p.Name] = true
	}
	names := append(namesOf(ix.Base("required", "important")), "apt")
	pkgs, err = ix.Closure(append(names, more...), nil)
	return pkgs, early, err
}

func namesOf(pkgs []*debian.Package) []string {
	var names []string
	for _, p := range pkgs {
		names = append(names, p.Name)
	}
	return names
}

// version is the recipe's: another one makes another root file system of the same packages.
const version = "rootfs 3"

func recipe(pkgs []*debian.Package) string {
	h := sha256.New()
	fmt.Fprintln(h, version, size)
	for _, p := range pkgs {
		fmt.Fprintln(h, p.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (m *Maker) make(ctx context.Context, r depot.Release, pkgs []*debian.Package, early map[string]bool, dir string) error {
	debs, err := debian.FetchAll(ctx, m.Supplies.Depot.Cache, pkgs, m.Supplies.Depot.Progress)
	if err != nil {
		return err
	}
	since, err := epoch(debs)
	if err != nil {
		return err
	}
	archive := filepath.Join(dir, "packages.tar")
	if err := pack(archive, pkgs, early, debs); err != nil {
		return fmt.Errorf("collecting the packages: %w", err)
	}
	defer os.Remove(archive)
	installed := filepath.Join(dir, "installed.ext4")
	if err := sparse(installed, size); err != nil {
		return err
	}
	defer os.Remove(installed)
	supplies := *m.Supplies
	supplies.Memory = memory
	img, err := uml.Scratch(ctx, r, &supplies, installed, archive)
	if err != nil {
		return err
	}
	leave, err := m.Supplies.Gate.Enter(ctx, schedule.Need{Cores: img.Cores, Memory: img.Memory, Folder: img.Folder})
	if err != nil {
		return err
	}
	defer leave()
	m.Say(fmt.Sprintf("%s: installing %d packages inside a guest (once; it is cached)", r.Title, len(pkgs)))
	start := time.Now()
	err = m.install(ctx, img, wire.Install{Device: "/dev/ubda", Packages: "/dev/ubdb", Hostname: r.Name, Epoch: since.Unix()})
	m.Step(r.Name, "", 1, 1) // however it ended
	if err != nil {
		return err
	}
	if err := level(ctx, m.Supplies.Depot.Cache, installed, filepath.Join(dir, imageName), since); err != nil {
		return err
	}
	m.Say(fmt.Sprintf("%s: installed in %v", r.Title, time.Since(start).Round(time.Second)))
	return nil
}

// level writes the files of the installed file system into another one. Where the guest's kernel put
// them, when it wrote them and what numbers it drew depends on how the guest was scheduled; what is
// made here depends on the files alone.
func level(ctx context.Context, c *cache.Cache, installed, path string, latest time.Time) error {
	source, err := image.Open(ctx, installed, image.Options{Cache: c, Arch: depot.Arch})
	if err != nil {
		return err
	}
	return source.Ext4(ctx, path, image.FileSystem{Size: size, Latest: latest})
}

func sparse(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Close())
}

// install boots the guest that does the work and waits for its done marker.
func (m *Maker) install(ctx context.Context, img *machine.Image, in wire.Install) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the guest did not finish within %v", limit))
	defer cancel()
	guest, err := img.Start(wire.Order{Install: &in}, "")
	if err != nil {
		return err
	}
	defer func() { guest.Kill(); <-guest.Ended }()
	finished, why := false, ""
	for {
		select {
		case e, ok := <-guest.Events:
			switch {
			case ok && e.Kind == event.Finished:
				finished = true
			case ok && e.Kind == event.Warned:
				why = e.Reason
			case ok && e.Kind == event.Advanced && e.Step != nil:
				m.Step(in.Hostname, e.Reason, e.Step.Done, e.Step.Total)
			}
			if !ok && finished {
				return nil
			}
			if !ok {
				select { // for its last words
				case <-guest.Ended:
				case <-ctx.Done():
				}
				return fmt.Errorf("the guest gave up: %s\n%s", why, indent(guest.Console.Tail()))
			}
		case <-ctx.Done():
			return fmt.Errorf("%w\n%s", context.Cause(ctx), indent(guest.Console.Tail()))
		}
	}
}

func indent(text string) string {
	return "    " + strings.Join(slices.Collect(strings.SplitSeq(text, "\n")), "\n    ")
}
