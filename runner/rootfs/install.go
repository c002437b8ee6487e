package rootfs

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/runner/debian"
	"xtest/runner/wire"
)

// The places of the guest: stage is a file system in memory with just enough of the distribution to
// run its mkfs, target is the new root.
const (
	stage   = "/stage"
	target  = "/target"
	archive = "var/cache/xtest" // below target: where the packages lie meanwhile
)

// Install runs inside the guest: it makes a file system on order.Device, unpacks the early
// packages there, and lets their dpkg install everything.
func Install(order wire.Install, tell func(what string, done, total int)) error {
	if err := setClock(order.Epoch); err != nil {
		return fmt.Errorf("setting the clock: %w", err)
	}
	total, err := count(order.Packages)
	if err != nil {
		return fmt.Errorf("reading the packages: %w", err)
	}
	p := &pace{tell: tell, total: total}
	if err := format(order); err != nil {
		return fmt.Errorf("making the file system: %w", err)
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(order.Device, target, "ext4", unix.MS_NOATIME, "nobarrier"); err != nil {
		return fmt.Errorf("mounting the new root: %w", err)
	}
	debs, err := unpack(order.Packages, p)
	if err != nil {
		return fmt.Errorf("unpacking the packages: %w", err)
	}
	if err := prepare(order.Hostname); err != nil {
		return fmt.Errorf("preparing the new root: %w", err)
	}
	if err := configure(debs, p); err != nil {
		return err
	}
	if err := finish(); err != nil {
		return fmt.Errorf("finishing the new root: %w", err)
	}
	return nil
}

// pace counts the steps of an installation: each package is copied, unpacked and configured.
type pace struct {
	tell        func(what string, done, total int)
	done, total int
}

func (p *pace) step(what string) {
	p.done = min(p.done+1, p.total)
	p.tell(what, p.done, p.total)
}

func count(device string) (steps int, err error) {
	err = eachDeb(device, func(*tar.Header, io.Reader) error {
		steps += 3
		return nil
	})
	return steps, err
}

// format unpacks mkfs.ext4 and its libraries into memory and runs it.
func format(order wire.Install) error {
	if err := os.MkdirAll(stage, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", stage, "tmpfs", 0, "size=75%"); err != nil {
		return err
	}
	if err := mergeUsr(stage); err != nil {
		return err
	}
	err := eachDeb(order.Packages, func(h *tar.Header, r io.Reader) error {
		name := strings.TrimSuffix(h.Name, ".deb")
		if !slices.Contains(toolPackages, name) {
			return nil
		}
		return unpackDeb(r, filepath.Join(stage, h.Name), stage)
	})
	if err != nil {
		return err
	}
	if err := bind("/dev", stage+"/dev"); err != nil {
		return err
	}
	defer unix.Unmount(stage+"/dev", unix.MNT_DETACH)
	// No journal: the file system is made once and then only read or copied on write.
	return run(stage, "/sbin/mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-L", "root", order.Device)
}

// toolPackages hold mkfs.ext4 and what it is linked with.
var toolPackages = []string{"e2fsprogs", "libext2fs2", "libext2fs2t64", "libcom-err2", "libss2", "libblkid1", "libuuid1", "libc6"}

// eachDeb reads the archive of packages off its device.
func eachDeb(device string, visit func(h *tar.Header, r io.Reader) error) error {
	f, err := os.Open(device)
	if err != nil {
		return err
	}
	defer f.Close()
	t := tar.NewReader(f)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(h, t); err != nil {
			return err
		}
	}
}

// unpack copies all packages to the new root, and unpacks the early ones there, as the first
// stage of debootstrap(8) does. It returns the names of the package files.
func unpack(device string, p *pace) ([]string, error) {
	if err := mergeUsr(target); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(target, archive), 0o755); err != nil {
		return nil, err
	}
	var names []string
	err := eachDeb(device, func(h *tar.Header, r io.Reader) error {
		names = append(names, h.Name)
		p.step("unpacking " + h.Name)
		file := filepath.Join(target, archive, h.Name)
		if h.PAXRecords[early] != "" {
			return unpackDeb(r, file, target)
		}
		return copyTo(file, r)
	})
	return names, err
}

func copyTo(file string, r io.Reader) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r)
	return errors.Join(err, out.Close())
}

func unpackDeb(r io.Reader, file, root string) error {
	if err := copyTo(file, r); err != nil {
		return err
	}
	if err := debian.Extract(file, root, nil); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return nil
}

// mergeUsr makes /bin, /lib and the like links into /usr, as Debian requires since release 12
// (DEP 17).
func mergeUsr(root string) error {
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.MkdirAll(filepath.Join(root, "usr", dir), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("usr/"+dir, filepath.Join(root, dir)); err != nil {
			return err
		}
	}
	return nil
}

func bind(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return unix.Mount(from, to, "", unix.MS_BIND, "")
}
