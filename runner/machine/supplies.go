package machine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xtest/runner/cache"
	"xtest/runner/depot"
	"xtest/runner/initrd"
	"xtest/runner/modules"
	"xtest/runner/schedule"
	"xtest/runner/wire"
)

// Supplies is what backends draw on when they prepare a target.
type Supplies struct {
	Depot   *depot.Depot
	Memory  int64    // of a machine, bytes; 0 leaves it to the backend
	Modules []string // kernel modules that the chosen suites can use
	Options Options  // what the user asks of the target's machine
	// Gate admits machines to this host, those that make something included; nil admits all.
	Gate *schedule.Gate
	// Root gives the image of a release's root file system with the named packages beside the base system,
	// or an error. It is a function because making one boots a machine.
	Root func(ctx context.Context, r depot.Release, packages []string) (path string, err error)
}

const initrdName = "initrd"

// Self is the path of the running binary, which is also the guest agent.
const Self = "/proc/self/exe"

// Initrd gives the path of an initial RAM file system that holds the agent and the named modules of
// the tree at modulesDir, with all that they need. It is made once and cached.
func (s *Supplies) Initrd(ctx context.Context, modulesDir string, names []string) (string, error) {
	return s.InitrdWith(ctx, modulesDir, names, nil)
}

// Extra are files of the cache for an initial RAM file system: their paths by their names in it.
type Extra map[string]string

// InitrdWith is [Supplies.Initrd] with extra files, which keep their permissions.
func (s *Supplies) InitrdWith(ctx context.Context, modulesDir string, names []string, extra Extra) (string, error) {
	hash, err := identify(Self)
	if err != nil {
		return "", err
	}
	recipe := []string{"initrd 3", hash, modulesDir, strings.Join(names, ",")}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		recipe = append(recipe, name, extra[name])
	}
	key := sha256.Sum256([]byte(strings.Join(recipe, "\n")))
	dir, err := s.Depot.Cache.Tree(ctx, hex.EncodeToString(key[:]), initrdName, func(ctx context.Context, dir string) error {
		// Each build of this program has its own; nobody asks for the old ones again.
		s.Depot.Cache.Prune(cache.PruneOptions{Name: initrdName, OlderThan: 72 * time.Hour})
		return writeInitrd(filepath.Join(dir, initrdName), modulesDir, names, extra)
	})
	if err != nil {
		return "", fmt.Errorf("making the initial RAM file system: %w", err)
	}
	return filepath.Join(dir, initrdName), nil
}

// Initrd gives the initial RAM file system for this boot: base itself, or where the order comes with the
// machine, a copy with the order behind it. The kernel unpacks archives that stand one behind the other
// (Documentation/driver-api/early-userspace/buffer-format.rst).
func (b Boot) Initrd(base string) (file string, err error) {
	if b.Order == nil {
		return base, nil
	}
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("laying the order into the initial RAM file system: %w", err)
	}
	in, err := os.Open(base)
	if err != nil {
		return fail(err)
	}
	defer in.Close()
	file = filepath.Join(b.Scratch, initrdName)
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // the order holds the key
	if err != nil {
		return fail(err)
	}
	_, err = io.Copy(out, in)
	w := initrd.NewWriter(out)
	w.File(strings.TrimPrefix(wire.OrderPath, "/"), 0o600, int64(len(b.Order)), bytes.NewReader(b.Order))
	if err = errors.Join(err, w.Close(), out.Close()); err != nil {
		return fail(err)
	}
	return file, nil
}

func writeInitrd(file, modulesDir string, names []string, extra Extra) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := initrd.NewWriter(f)
	for _, dir := range []string{"dev", "lib", "lib/modules"} {
		w.Dir(dir)
	}
	w.CharDevice("dev/console", 5, 1)
	if modulesDir != "" {
		tree, err := modules.Open(os.DirFS(modulesDir))
		if err != nil {
			return err
		}
		// A module that this kernel lacks is for the agent to warn of.
		files, err := tree.Order(names...)
		if err != nil && !errors.Is(err, modules.ErrUnknown) {
			return err
		}
		for _, file := range files {
			w.Copy("lib/modules/"+filepath.Base(file), 0o644, filepath.Join(modulesDir, file))
		}
		if _, err := os.Stat(filepath.Join(modulesDir, "modules.builtin")); err == nil {
			w.Copy("lib/modules/modules.builtin", 0o644, filepath.Join(modulesDir, "modules.builtin"))
		}
	}
	w.Copy("init", 0o755, Self)
	if err := addExtra(w, extra); err != nil {
		return err
	}
	return w.Close()
}

// addExtra adds the files behind the folders that they lie in.
func addExtra(w *initrd.Writer, extra Extra) error {
	made := map[string]bool{".": true, "dev": true, "lib": true, "lib/modules": true}
	var folder func(dir string)
	folder = func(dir string) {
		if !made[dir] {
			made[dir] = true
			folder(path.Dir(dir))
			w.Dir(dir)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		st, err := os.Stat(extra[name])
		if err != nil {
			return err
		}
		folder(path.Dir(name))
		w.Copy(name, uint32(st.Mode().Perm()), extra[name])
	}
	return nil
}

// identify gives what tells the program from every other one: its build ID, which the linker makes of all
// that it writes (cmd/internal/buildid), or its hash, which takes far longer, where it was built without.
// It checks that the program runs where there is nothing but a kernel.
func identify(path string) (string, error) {
	program, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading this program: %w", err)
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return "", errors.New("this xtest is dynamically linked and cannot be a guest's init; build it with CGO_ENABLED=0")
		}
	}
	if note := program.Section(".note.go.buildid"); note != nil {
		// A head of 16 bytes, elf(5), then "action/content", or four such parts in a linked program.
		if text, err := note.Data(); err == nil && len(text) > 16 && strings.Count(string(text[16:]), "/") == 3 {
			return string(text[16:]), nil
		}
	}
	hash, err := FileHash(path)
	if err != nil {
		return "", fmt.Errorf("reading this program: %w", err)
	}
	return hash, nil
}

// FileHash is the hex SHA-256 of a file's content.
func FileHash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
