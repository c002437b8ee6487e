package lsb

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever is done to the copy, it becomes again what the origin is.
func TestFolderRestore(t *testing.T) {
	origin, at := t.TempDir(), t.TempDir()
	run := func(dir, script string) string {
		t.Helper()
		c := exec.Command("/bin/sh", "-c", script)
		c.Dir = dir
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", script, err, out)
		}
		return string(out)
	}
	run(origin, "mkdir -p d/e; echo a >a; echo b >d/b; chmod 4750 d/b; ln -s a d/l; mkfifo f; chmod 700 d/e")
	const facts = `find . ! -name . -exec stat -c '%n %A %u %g %N' {} \; | sort; find . -type f | sort | xargs cat`
	want := strings.ReplaceAll(run(origin, "rm f; "+facts), origin, "")
	root, err := os.OpenRoot(origin)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f := &folder{at: at, origin: root, is: map[string]inode{}}
	for _, spoil := range []string{
		":", "echo x >>a", "rm -r d", "mv a z", "mkdir -p n/m; echo n >n/m/f", "chmod 600 d/b", "chmod 755 d/e",
		"rm d/l; ln -s /etc d/l", "rm a; mkdir a", "cp a y; mv y a", "rm -r d; ln -s / d",
	} {
		run(at, spoil)
		left := int64(maxCopied)
		if err := f.restore(&left); err != nil {
			t.Fatalf("%s: %v", spoil, err)
		}
		if got := run(at, facts); got != want {
			t.Errorf("behind %s:\n%s\nexpected\n%s", spoil, got, want)
		}
		ino := run(at, "stat -c %i a")
		if err := f.restore(&left); err != nil || run(at, "stat -c %i a") != ino {
			t.Errorf("behind %s: what was good was copied again (%v)", spoil, err)
		}
	}
	few := int64(3)
	run(at, "rm -r d a")
	if err := f.restore(&few); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("too much: %v", err)
	}
	f = &folder{at: filepath.Join(at, "d"), is: map[string]inode{}}
	if left := int64(0); f.restore(&left) != nil || run(at, "ls d") != "" {
		t.Error("an empty folder was not emptied")
	}
}
