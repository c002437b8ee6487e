package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// prepare gives the new root what maintainer scripts rely on before there is a system.
func prepare(hostname string) error {
	err := errors.Join(
		// dpkg's database starts empty.
		os.MkdirAll(target+"/var/lib/dpkg/info", 0o755),
		os.MkdirAll(target+"/var/lib/dpkg/updates", 0o755),
		os.WriteFile(target+"/var/lib/dpkg/status", nil, 0o644),
		os.WriteFile(target+"/var/lib/dpkg/available", nil, 0o644),
		// invoke-rc.d(8): no service is to start.
		os.MkdirAll(target+"/usr/sbin", 0o755),
		os.WriteFile(target+policy, []byte("#!/bin/sh\nexit 101\n"), 0o755),
		os.WriteFile(target+"/etc/hostname", []byte(hostname+"\n"), 0o644),
		os.WriteFile(target+"/etc/hosts", []byte("127.0.0.1\tlocalhost\n127.0.1.1\t"+hostname+"\n"), 0o644),
		os.WriteFile(target+"/etc/fstab", []byte("# <file system> <mount point> <type> <options> <dump> <pass>\n"), 0o644),
		os.MkdirAll(target+"/proc", 0o755),
		os.MkdirAll(target+"/sys", 0o755),
	)
	if err != nil {
		return err
	}
	return errors.Join(
		bind("/dev", target+"/dev"),
		unix.Mount("proc", target+"/proc", "proc", 0, ""),
		unix.Mount("sysfs", target+"/sys", "sysfs", 0, ""),
	)
}

const policy = "/usr/sbin/policy-rc.d"

// first are installed one by one, since the maintainer scripts of all others rely on them; the order
// is debootstrap(8)'s.
var first = []string{"base-passwd", "base-files", "dpkg", "libc6", "perl-base", "mawk", "debconf"}

// configure lets the new root's dpkg install the packages.
func configure(debs []string, p *pace) error {
	for _, name := range first {
		if !slices.Contains(debs, name+".deb") {
			continue
		}
		if err := dpkg(p, "--install", "/"+archive+"/"+name+".deb"); err != nil {
			return err
		}
	}
	var paths []string
	for _, d := range debs {
		paths = append(paths, "/"+archive+"/"+d)
	}
	if err := dpkg(p, append([]string{"--force-overwrite", "--unpack"}, paths...)...); err != nil {
		return err
	}
	if err := dpkg(p, "--configure", "--pending", "--force-configure-any"); err != nil {
		return err
	}
	// Nothing may be left half-configured, and no dependency open: this one is not forced.
	if err := run(target, "/usr/bin/dpkg", "--audit"); err != nil {
		return err
	}
	return run(target, "/usr/bin/dpkg", "--configure", "--pending")
}

// tmpfiles is the program that fills /run at boot, tmpfiles.d(5).
const tmpfiles = "/usr/bin/systemd-tmpfiles"

// finish fills /run as a boot would, since no init of the distribution's will, and takes away what only
// the installation needed.
func finish() error {
	var err error
	if _, e := os.Stat(target + tmpfiles); e == nil {
		err = run(target, tmpfiles, "--create", "--boot", "--exclude-prefix=/dev", "--exclude-prefix=/proc", "--exclude-prefix=/sys")
	}
	err = errors.Join(err,
		os.Remove(target+policy),
		os.RemoveAll(filepath.Join(target, archive)),
		forget(target),
	)
	unix.Sync()
	for _, dir := range []string{"/sys", "/proc", "/dev", ""} {
		if e := unix.Unmount(target+dir, 0); e != nil {
			err = errors.Join(err, fmt.Errorf("unmounting %s: %w", target+dir, e))
		}
	}
	return err
}
