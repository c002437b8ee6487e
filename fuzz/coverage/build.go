package coverage

import (
	"context"
	"crypto/sha256"
	_ "embed" // plugin.c
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed plugin.c
var source []byte

// ErrNoCompiler says that there is nothing to compile the plugin with.
var ErrNoCompiler = errors.New("no C compiler was found")

// Cache keeps what was made, by a key; see runner/cache.
type Cache func(ctx context.Context, key, name string, make func(ctx context.Context, dir string) error) (dir string, err error)

// versions of the plugin interface that are tried: QEMU refuses plugins of versions that it does not
// speak. 7.2 speaks 1, 10.0 does not.
var versions = []int{1, 2, 3, 4, 5, 6}

// Build compiles the plugin for a QEMU, and proves that it takes it. It is done once and cached.
func Build(ctx context.Context, cache Cache, qemu string) (program string, err error) {
	compiler := ""
	for _, c := range []string{os.Getenv("CC"), "cc", "gcc", "clang"} {
		if path, err := exec.LookPath(c); c != "" && err == nil {
			compiler = path
			break
		}
	}
	if compiler == "" {
		return "", ErrNoCompiler
	}
	version, err := exec.CommandContext(ctx, qemu, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("asking QEMU for its version: %w", err)
	}
	sum := sha256.Sum256(append(append([]byte("coverage plugin 1\n"+compiler+"\n"), version...), source...))
	dir, err := cache(ctx, hex.EncodeToString(sum[:]), "coverage plugin", func(ctx context.Context, dir string) error {
		return compile(ctx, compiler, qemu, dir)
	})
	return filepath.Join(dir, plug), err
}

const plug = "coverage.so"

func compile(ctx context.Context, compiler, qemu, dir string) error {
	file := filepath.Join(dir, "plugin.c")
	if err := os.WriteFile(file, source, 0o644); err != nil {
		return err
	}
	var errs []error
	for _, v := range versions {
		so := filepath.Join(dir, plug)
		out, err := exec.CommandContext(ctx, compiler, "-O2", "-fPIC", "-shared", fmt.Sprintf("-DAPI=%d", v), "-o", so, file).CombinedOutput()
		if err != nil {
			return fmt.Errorf("compiling the coverage plugin: %w: %s", err, out)
		}
		if err := taken(ctx, qemu, so); err != nil {
			errs = append(errs, fmt.Errorf("version %d: %w", v, err))
			continue
		}
		return nil
	}
	return fmt.Errorf("this QEMU takes no plugin: %w", errors.Join(errs...))
}

// taken starts a machine of nothing with the plugin.
func taken(ctx context.Context, qemu, so string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, qemu, "-M", "none", "-nodefaults", "-display", "none", "-accel", "tcg", "-S", "-monitor", "stdio", "-plugin", "file="+so)
	c.Stdin = strings.NewReader("quit\n")
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
