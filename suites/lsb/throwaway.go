package lsb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// maxCopied bounds how many bytes of a machine's files are copied into memory.
const maxCopied = 64 << 20

// Folders that a throw-away view of the machine has of its own, in memory: copies, and empty ones.
var (
	copiedFolders = []string{"/etc", "/var/spool"}
	emptyFolders  = []string{"/home", "/var/mail"}
)

// verdict is a finding on its way between processes.
type verdict struct {
	Call, Got, Expected, Inapplicable string
	Notes                             []string
}

// order asks the throw-away process for a behaviour by its ID; "" asks for nothing but the view.
type order struct {
	ID       string
	Root     string // the machine's, as a path of the process
	Deadline time.Time
}

// throwaway judges a behaviour in a mount namespace of its own, where the folders that utilities for
// administrators change are in memory: nothing that they write remains.
var throwaway = child.NewFunc("lsb-throwaway", func(s *child.Side) error {
	var o order
	if err := s.Recv(&o); err != nil {
		return err
	}
	if err := coverFolders(); err != nil {
		return err
	}
	if o.ID == "" {
		return s.Send(verdict{})
	}
	ctx, cancel := context.WithDeadline(context.Background(), o.Deadline)
	defer cancel()
	list := accountUtilities()
	at := slices.IndexFunc(list, func(b behaviour) bool { return b.id == o.ID })
	if at < 0 {
		return fmt.Errorf("there is no behaviour %s", o.ID)
	}
	f, err := try(list[at].steps...)(ctx, newMachine(o.Root))
	if err != nil {
		return err
	}
	return s.Send(verdict{f.call, f.got, f.expected, f.inapplicable, f.notes})
})

func askThrowaway(ctx context.Context, o order) (verdict, error) {
	p, err := throwaway.Start(child.In(unix.CLONE_NEWNS))
	if err != nil {
		return verdict{}, err
	}
	defer p.Kill()
	defer context.AfterFunc(ctx, p.Kill)()
	var v verdict
	if err := p.Send(o); err != nil {
		return v, err
	}
	return v, p.Recv(&v)
}

// throwawayView probes for a view of the machine's files that changes can be made to and thrown away.
var throwawayView = spec.Probe{Name: "throw-away files", Check: func() error {
	_, err := askThrowaway(context.Background(), order{})
	return err
}}

// away judges an account behaviour in a throw-away view.
func away(id string) check {
	return func(ctx context.Context, m *machine) (finding, error) {
		deadline, ok := ctx.Deadline()
		if !ok {
			deadline = time.Now().Add(spec.DefaultLimit)
		}
		v, err := askThrowaway(ctx, order{id, m.root, deadline})
		return finding{call: v.Call, got: v.Got, expected: v.Expected, inapplicable: v.Inapplicable, notes: v.Notes}, err
	}
}

// coverFolders mounts the folders in memory, in a mount namespace that nobody else sees.
func coverFolders() error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	left := int64(maxCopied)
	for _, dir := range copiedFolders {
		if err := cover(dir, func(to string) error { return copyTree(dir, to, &left) }); err != nil {
			return err
		}
	}
	for _, dir := range emptyFolders {
		if err := cover(dir, func(string) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// cover fills a file system in memory and puts it over dir. It is filled elsewhere, since it hides
// what it covers.
func cover(dir string, fill func(to string) error) error {
	at, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	const staging = "/tmp"
	if err := unix.Mount("xtest", staging, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mounting memory: %w", err)
	}
	if err := fill(staging); err != nil {
		return fmt.Errorf("copying %s: %w", dir, err)
	}
	if err := unix.Mount(staging, at, "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("covering %s: %w", dir, err)
	}
	return nil
}

// copyTree copies folders, regular files and symbolic links with their owners and modes. Anything
// else is left out.
func copyTree(from, to string, left *int64) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		at := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			err = os.MkdirAll(at, 0o700)
		case d.Type()&fs.ModeSymlink != 0:
			var target string
			if target, err = os.Readlink(name); err == nil {
				err = os.Symlink(target, at)
			}
		case d.Type().IsRegular():
			if *left -= info.Size(); *left < 0 {
				return fmt.Errorf("more than %d bytes", maxCopied)
			}
			err = copyFile(name, at)
		default:
			return nil
		}
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
		if err := unix.Lchown(at, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			return nil
		}
		return unix.Chmod(at, st.Mode&0o7777)
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
