package root

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

type fixture struct {
	*testing.T
	*FS
	dir string
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	dir := t.TempDir()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return fixture{t, New(f), dir}
}

func (f fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f fixture) put(name, content string) {
	f.Helper()
	at := filepath.Join(f.dir, name)
	f.must(os.MkdirAll(filepath.Dir(at), 0o755))
	f.must(os.WriteFile(at, []byte(content), 0o644))
}

func (f fixture) link(name, to string) {
	f.Helper()
	f.must(os.Symlink(to, filepath.Join(f.dir, name)))
}

func TestResolveStaysInside(t *testing.T) {
	f := newFixture(t)
	f.put("/real/file", "x")
	f.link("/abs", "/real")
	f.link("/up", "../../../../real")
	f.link("/loop", "loop")
	f.link("/etc", "/etc")
	f.link("/out", "../../../../../../../../etc/passwd")
	for _, name := range []string{"/abs/file", "/up/file", "/../../real/file", "real/./file"} {
		if at, err := f.Resolve(name); err != nil || at != "/real/file" {
			t.Errorf("Resolve(%q) = %q, %v", name, at, err)
		}
	}
	for _, name := range []string{"/loop", "/etc/passwd"} {
		if _, err := f.Resolve(name); !errors.Is(err, unix.ELOOP) {
			t.Errorf("%s, a loop of links: %v", name, err)
		}
	}
	if _, err := f.Text("/out"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a link out of the root: %v", err)
	}
	if _, err := f.Stat("/absent"); err == nil || !strings.HasPrefix(err.Error(), "/absent: ") || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	if _, err := f.Open("/real"); err == nil {
		t.Error("a folder was opened as a file")
	}
	f.put("/long", strings.Repeat("x", MaxText+1))
	if _, err := f.Text("/long"); err == nil {
		t.Error("a text longer than the bound was read")
	}
	long := "/" + strings.Repeat(strings.Repeat("d", 200)+"/", 30)
	if _, err := f.Stat(long); err == nil {
		t.Error("a path longer than Linux allows was found")
	}
}

// A tree whose folders were exchanged for links between two looks leads nowhere out.
func TestExchangedFolder(t *testing.T) {
	f := newFixture(t)
	folder, err := OpenFolder(f.dir)
	f.must(err)
	defer folder.Close()
	f.must(os.Symlink("/etc", filepath.Join(f.dir, "sub")))
	for _, read := range []func() error{
		func() error { _, err := folder.Open("/sub/passwd"); return err },
		func() error { _, err := folder.Lstat("/sub/passwd"); return err },
		func() error { _, err := folder.List("/sub"); return err },
	} {
		if read() == nil {
			t.Error("a link out of the root was followed")
		}
	}
}

// Special files are never opened, and files of any size cost nothing.
func TestSpecialFiles(t *testing.T) {
	f := newFixture(t)
	f.must(unix.Mkfifo(filepath.Join(f.dir, "fifo"), 0o644))
	f.must(os.WriteFile(filepath.Join(f.dir, "sparse"), nil, 0o644))
	if err := os.Truncate(filepath.Join(f.dir, "sparse"), 1<<40); err != nil {
		t.Logf("no sparse files of 1 TiB here, one of 1 GiB is taken: %v", err)
		f.must(os.Truncate(filepath.Join(f.dir, "sparse"), 1<<30))
	}
	began := time.Now()
	for _, name := range []string{"/fifo", "/sparse"} {
		if _, err := f.Text(name); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := f.List("/fifo"); err == nil {
		t.Error("a FIFO was listed")
	}
	if err := unix.Mknod(filepath.Join(f.dir, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err == nil {
		if _, err := f.Open("/null"); err == nil {
			t.Error("a device was opened")
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	f := newFixture(t)
	f.put("/shut/file", "x")
	f.must(os.Chmod(filepath.Join(f.dir, "shut"), 0))
	t.Cleanup(func() { os.Chmod(filepath.Join(f.dir, "shut"), 0o755) })
	if _, err := f.Text("/shut/file"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
	if got := f.Denied(); len(got) != 1 || got[0] != "/shut/file" || len(f.Denied()) != 0 {
		t.Errorf("denied: %v", got)
	}
}

func TestGlob(t *testing.T) {
	f := newFixture(t)
	f.put("/a/x1/f.conf", "")
	f.put("/a/x2/f.conf", "")
	f.put("/a/y/f.conf", "")
	f.link("/b", "a")
	if got := strings.Join(f.Glob("/b/x*/*.conf"), " "); got != "/b/x1/f.conf /b/x2/f.conf" {
		t.Errorf("got %q", got)
	}
	for _, none := range []string{"/c/*", "/a/y/f.conf/*", "/a/[", "/a/x1/f.c"} {
		if got := f.Glob(none); len(got) != 0 {
			t.Errorf("%s: %v", none, got)
		}
	}
}
