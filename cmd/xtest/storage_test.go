package main

import (
	"os"
	"strings"
	"testing"
)

// nobody runs the program as a user without rights.
var nobody = []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}

// openTemp is a folder that other users may look into: those of t.TempDir they may not.
func openTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "xtest-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// nobodys is a folder of nobody's own.
func nobodys(t *testing.T) string {
	t.Helper()
	dir := openTemp(t)
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	return dir
}

// readOnlyCache uses the filled cache, and an empty one, as a user who may not write there.
func readOnlyCache(t *testing.T, cache string, m *mirror) {
	needRoot(t)
	needTool(t, "setpriv")
	args := append(append([]string{}, passes...), "--mirror", m.root())
	warm := call{prog: nobody, args: args, env: []string{"XTEST_CACHE=" + cache}, dir: nobodys(t), tmp: nobodys(t)}.run(t)
	if warm.code != exitGood {
		t.Errorf("a filled cache: %s", warm)
	}
	empty := openTemp(t)
	cold := call{prog: nobody, args: args, env: []string{"XTEST_CACHE=" + empty}, dir: nobodys(t), tmp: nobodys(t)}.run(t)
	said := strings.Join(strings.Fields(cold.stdout), " ")
	for _, words := range []string{"the cache cannot be written", empty, "--cache DIR"} {
		if !strings.Contains(said, words) {
			t.Errorf("an empty cache: no %q: %s", words, cold)
		}
	}
	if cold.code != exitUnjudged {
		t.Errorf("an empty cache: exit status %d", cold.code)
	}
	// The folder of the records is a place that cannot be written, too.
	out := call{prog: nobody, args: append(append([]string{}, passes...), "--runs", openTemp(t)), env: []string{"XTEST_CACHE=" + cache}, dir: nobodys(t), tmp: nobodys(t)}.run(t)
	if out.code != exitUnjudged || !strings.Contains(out.stderr, "--runs DIR") {
		t.Errorf("a folder for records that cannot be written: %s", out)
	}
}

func TestUnprivileged(t *testing.T) {
	t.Parallel()
	needRoot(t)
	needTool(t, "setpriv")
	needBoots(t)
	home := nobodys(t)
	out := call{
		prog: nobody, dir: home, tmp: nobodys(t), env: []string{"XTEST_CACHE=" + home + "/cache"},
		args: append(append([]string{}, passes...), "--suite", "selftest", "--mirror", newMirror(t).root()),
	}.run(t)
	if out.code != exitGood {
		t.Fatal(out)
	}
	if m := theRun(t, home); m.Counts.Pass != 1 {
		t.Errorf("counts: %+v", m.Counts)
	}
}

// A record that cannot be kept ends the run, and what was kept of it can be read.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	needRoot(t)
	needTool(t, "unshare", "mount")
	needBoots(t)
	dir, small := t.TempDir(), t.TempDir()
	// The size is enough for the beginning of a record and not for a console that floods.
	script := `mount -t tmpfs -o size=128k none "$SMALL" || exit 99; "$@"; code=$?; cat "$SMALL"/*/events.jsonl; exit $code`
	out := call{
		prog: []string{"unshare", "--mount", "sh", "-c", script, "sh"}, dir: dir, env: []string{"SMALL=" + small},
		args: []string{"run", "uml:debian-12", "--no-rootfs", "--suite", "selftest", "--seed", "7", "--runs", small},
	}.run(t)
	if out.code == 99 {
		t.Skip("mounting is not allowed here")
	}
	if out.code != exitUnjudged {
		t.Errorf("exit status %d", out.code)
	}
	for _, words := range []string{"the disk is full", small, "--runs DIR"} {
		if !strings.Contains(out.stderr, words) {
			t.Errorf("no %q in what it says on standard error", words)
		}
	}
	if !strings.Contains(out.stdout, `"kind":"run-started"`) {
		t.Error("nothing of the record was kept")
	}
	if t.Failed() {
		t.Log(out)
	}
}
