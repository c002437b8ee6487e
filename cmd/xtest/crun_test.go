package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCrun judges a container of crun's where crun works on any host: in a machine, whose control groups
// are all of version 2. The machine's root holds crun, the libraries it is linked with, and xtest.
func TestCrun(t *testing.T) {
	t.Parallel()
	needTool(t, "crun", "ldd", "qemu-system-x86_64")
	needBoots(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	crun, err := exec.LookPath("crun")
	check(t, err)
	told, err := exec.Command("ldd", crun).Output()
	check(t, err)
	put := func(from, to string) {
		text, err := os.ReadFile(from)
		check(t, err)
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(root, to)), 0o755))
		check(t, os.WriteFile(filepath.Join(root, to), text, 0o755))
	}
	for _, m := range regexp.MustCompile(`(?m)(/\S+) \(0x`).FindAllStringSubmatch(string(told), -1) {
		put(m[1], m[1])
	}
	put(crun, "/usr/bin/crun")
	put(program, "/usr/bin/xtest")
	order := filepath.Join(dir, "order")
	check(t, os.WriteFile(order, []byte("/usr/bin/xtest run oci:empty@crun --spec selftest/passes --spec uts/hostname-isolated --runs /root/runs\n"), 0o644))
	put(order, "/etc/xtest-command")
	out := call{dir: dir, args: []string{"run", "qemu:debian-12", "--rootfs", "./root", "--spec", "selftest/runs-command"}}.run(t)
	if out.code != exitGood || !strings.Contains(out.stdout, "1 judged") {
		t.Fatal(out)
	}
	// What the inner xtest said is the spec's note.
	m := theRun(t, dir)
	if notes := strings.Join(m.Targets[0].Specs[0].Result.Notes, "\n"); !regexp.MustCompile(`oci:empty@crun +selftest +1 +0 `).MatchString(notes) ||
		!strings.Contains(notes, "0 failed · 2 judged") {
		t.Errorf("the inner run said:\n%s", notes)
	}
}
