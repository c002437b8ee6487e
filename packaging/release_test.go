package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestRelease makes a release twice, and installs it in each way that it can be installed.
func TestRelease(t *testing.T) {
	first := made(t)
	t.Run("the same bytes again", func(t *testing.T) {
		second := made(t)
		a, b := read(t, first.path("SHA256SUMS")), read(t, second.path("SHA256SUMS"))
		if a != b {
			t.Errorf("two releases of one commit differ:\n%s\n%s", a, b)
		}
		if strings.Count(a, "\n") < 5 {
			t.Errorf("SHA256SUMS lists too little:\n%s", a)
		}
		c := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
		c.Dir = first.out
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("sha256sum: %v\n%s", err, out)
		}
	})
	t.Run("deb", func(t *testing.T) {
		root := t.TempDir()
		needRoot(t)
		for _, d := range []string{"updates", "info"} {
			must(t, os.MkdirAll(filepath.Join(root, "var/lib/dpkg", d), 0o755))
		}
		for _, f := range []string{"status", "available"} {
			must(t, os.WriteFile(filepath.Join(root, "var/lib/dpkg", f), nil, 0o644))
		}
		ran(t, "dpkg", "--root="+root, "--install", only(t, first.path("*.deb")))
		installed(t, root, first.version)
		ran(t, "dpkg", "--root="+root, "--purge", "xtest")
		if _, err := os.Lstat(filepath.Join(root, "usr/bin/xtest")); err == nil {
			t.Error("the package left its program behind")
		}
	})
	t.Run("rpm", func(t *testing.T) {
		root := t.TempDir()
		tool(t, "rpm", "rpm")
		needRoot(t)
		ran(t, "rpm", "--root", root, "--checksig", "--nosignature", only(t, first.path("*.rpm")))
		ran(t, "rpm", "--root", root, "--install", "--nodeps", "--ignorearch", only(t, first.path("*.rpm")))
		installed(t, root, first.version)
		ran(t, "rpm", "--root", root, "--verify", "xtest")
	})
	t.Run("image", func(t *testing.T) {
		image, err := tarball.ImageFromPath(first.path("xtest-image.tar"), nil)
		must(t, err)
		root := t.TempDir()
		c := exec.Command("tar", "-x", "-C", root)
		files := mutate.Extract(image)
		defer files.Close()
		c.Stdin = files
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("tar: %v\n%s", err, out)
		}
		config, err := image.ConfigFile()
		must(t, err)
		needRoot(t)
		runs(t, root, config.Config.Entrypoint[0], first.version)
	})
	t.Run("bill of materials", func(t *testing.T) {
		f, err := os.Open(first.path("xtest.cdx.json"))
		must(t, err)
		defer f.Close()
		var bom cyclonedx.BOM
		must(t, cyclonedx.NewBOMDecoder(f, cyclonedx.BOMFileFormatJSON).Decode(&bom))
		named := map[string]bool{}
		for _, c := range *bom.Components {
			named[c.Name] = true
		}
		for _, module := range []string{"std", "github.com/onsi/ginkgo/v2", "golang.org/x/sys"} {
			if !named[module] {
				t.Errorf("%s is not listed", module)
			}
		}
		if named["github.com/cpuguy83/go-md2man/v2"] {
			t.Error("the manual's writer is in the binary that users get")
		}
	})
}

// installed looks at what a package put below root.
func installed(t *testing.T, root, version string) {
	t.Helper()
	runs(t, root, "/usr/bin/xtest", version)
	for _, file := range []string{"share/man/man1/xtest-run.1", "share/doc/xtest/README.md", "share/doc/xtest/docs/ci/gitlab.yml", "share/bash-completion/completions/xtest"} {
		if info, err := os.Stat(filepath.Join(root, "usr", file)); err != nil || info.Size() < 500 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	manual := exec.Command("man", "--warnings", "--local-file", filepath.Join(root, "usr/share/man/man1/xtest.1"))
	manual.Env = append(os.Environ(), "MAN_KEEP_FORMATTING=", "MANWIDTH=80", "LC_ALL=C.UTF-8")
	if _, err := exec.LookPath("man"); err == nil {
		if out, err := manual.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("SYNOPSIS")) || bytes.Contains(out, []byte("warning")) {
			t.Errorf("man: %v\n%s", err, out)
		}
	}
}

// runs executes xtest alone in an otherwise empty root.
func runs(t *testing.T, root, program, version string) {
	t.Helper()
	c := exec.Command(program, "version")
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	c.Dir = "/"
	out, err := c.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "xtest "+version+" ") {
		t.Errorf("xtest version: %v\n%s", err, out)
	}
}

func made(t *testing.T) *release {
	t.Helper()
	r := &release{source: "..", out: filepath.Join(t.TempDir(), "dist")}
	must(t, r.make())
	return r
}

func ran(t *testing.T, name string, args ...string) {
	t.Helper()
	tool(t, name, name) // those that are run here are in packages of their own names
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// tool ends a test without a program, naming the Debian package that has it, as package required of the other module does.
func tool(t *testing.T, name, pkg string) {
	t.Helper()
	for _, at := range []string{name, "/sbin/" + name, "/usr/sbin/" + name} {
		if _, err := exec.LookPath(at); err == nil {
			return
		}
	}
	why := name + ": not installed (apt-get install " + pkg + ")"
	if os.Getenv("XTEST_REQUIRE_TOOLS") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("installing into another root asks for root")
	}
}

func only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %d files (%v)", pattern, len(found), err)
	}
	return found[0]
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
