package inspection

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xtest/internal/linkage/elftest"
	"xtest/internal/root"
)

// judge is what a check does.
type judge = func(*System) (Finding, error)

// fixture is a root that a test fills.
type fixture struct {
	*testing.T
	*System
	dir string
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	dir := t.TempDir()
	f, err := root.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return fixture{t, NewSystem(root.New(f)), dir}
}

// put writes a file of the root, executable when it is a script or an ELF file.
func (f fixture) put(name, content string) {
	f.Helper()
	mode := os.FileMode(0o644)
	if len(content) > 1 && (content[:2] == "#!" || content[0] == 0x7f) {
		mode = 0o755
	}
	at := filepath.Join(f.dir, name)
	f.must(os.MkdirAll(filepath.Dir(at), 0o755))
	f.must(os.WriteFile(at, []byte(content), mode))
}

func (f fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f fixture) mkdir(names ...string) {
	f.Helper()
	for _, n := range names {
		f.must(os.MkdirAll(filepath.Join(f.dir, n), 0o755))
	}
}

func (f fixture) link(name, to string) {
	f.Helper()
	at := filepath.Join(f.dir, name)
	f.must(os.MkdirAll(filepath.Dir(at), 0o755))
	f.must(os.Symlink(to, at))
}

// lib writes a library into /lib64 under its SONAME.
func (f fixture) lib(im elftest.Image) {
	f.Helper()
	f.put("/lib64/"+im.SOName, string(im.Bytes()))
}

// passes and fails judge a check; fails wants each word in what was got or in its call.
func (f fixture) passes(j judge) Finding {
	f.Helper()
	got, err := Check{judge: j}.Judge(f.System)
	if err != nil || !got.Holds() {
		f.Errorf("want a pass, got %+v, %v", got, err)
	}
	return got
}

func (f fixture) fails(j judge, words ...string) Finding {
	f.Helper()
	got, err := Check{judge: j}.Judge(f.System)
	if err != nil || got.Call == "" {
		f.Errorf("want a fail, got %+v, %v", got, err)
	}
	for _, w := range words {
		if !strings.Contains(got.Call+"\n"+got.Got, w) {
			f.Errorf("want %q in %+v", w, got)
		}
	}
	return got
}

// skips wants the check to find nothing that it speaks of.
func (f fixture) skips(j judge) {
	f.Helper()
	got, err := Check{judge: j}.Judge(f.System)
	if err != nil || got.Inapplicable == "" {
		f.Errorf("want nothing to judge, got %+v, %v", got, err)
	}
}
