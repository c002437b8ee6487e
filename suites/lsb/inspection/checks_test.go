package inspection

import (
	"os"
	"path/filepath"
	"testing"

	"xtest/internal/linkage"
	"xtest/internal/linkage/elftest"
)

func TestTables(t *testing.T) {
	symbols, utilities, bound := 0, 0, 0
	for _, l := range Libraries() {
		symbols += len(l.Symbols)
	}
	for _, g := range Commands() {
		utilities += len(g.Commands)
		for _, u := range g.Commands {
			if u.Path != "" {
				bound++
			}
		}
	}
	if len(Libraries()) != 16 || symbols != 5500 || utilities != 139 || bound != 47 {
		t.Errorf("%d libraries, %d symbols, %d utilities, %d paths", len(Libraries()), symbols, utilities, bound)
	}
	total := 0
	for _, dir := range []string{"/bin", "/sbin", "/usr/sbin", "/usr/lib/lsb"} {
		total += len(boundTo(dir))
	}
	if total != bound {
		t.Errorf("%d of %d paths are judged", total, bound)
	}
	for _, text := range []string{"f\n", "[a b]\n", "[a b c d e]\n=o x\n"} {
		if _, err := parseSymbols(text); err == nil {
			t.Errorf("symbol table %q was accepted", text)
		}
	}
	for _, text := range []string{"ls\n", "[g]\nls bin/ls\n"} {
		if _, err := parseCommands(text); err == nil {
			t.Errorf("command table %q was accepted", text)
		}
	}
	if g, err := parseCommands("[g]\n[\nls /bin/ls\n"); err != nil || g[0].Commands[0].Name != "[" {
		t.Errorf("the utility [: %v, %v", g, err)
	}
}

func TestCommands(t *testing.T) {
	commands := []Utility{{"a", ""}, {"b", "/bin/b"}, {"init", "/usr/lib/lsb/init"}}
	f := newFixture(t)
	f.put("/usr/sbin/a", "#!/bin/sh\n")
	f.put("/usr/bin/b", "#!/bin/sh\n")
	f.put("/usr/bin/init", "#!/bin/sh\n")
	f.fails(judgePresent(commands), "1 of 3 not: init")
	f.put("/usr/lib/lsb/init", "#!/bin/sh\n")
	f.passes(judgePresent(commands))
	f.fails(judgePaths(commands[1:]), "1 of 2 not: /bin/b (is /usr/bin/b)")
	f.link("/bin", "usr/bin")
	f.passes(judgePaths(commands[1:]))

	f.put("/usr/bin/plain", "not executable")
	f.link("/usr/bin/dangling", "/absent")
	if err := os.Mkdir(filepath.Join(f.dir, "/usr/bin/folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.fails(judgePresent([]Utility{{"plain", ""}, {"dangling", ""}, {"folder", ""}}), "3 of 3 not: plain, dangling, folder")
}

func TestHierarchy(t *testing.T) {
	f := newFixture(t)
	f.put("/a/x", "")
	f.link("/b", "/a")
	f.link("/c", "/absent")
	f.passes(judgeDirectories([]string{"/a", "/b"}))
	f.fails(judgeDirectories([]string{"/a", "/c", "/a/x"}), "2 of 3 not", "no such file", "/a/x")

	f.fails(judgeTemporary, "2 of 2")
	for _, d := range []string{"/tmp", "/var/tmp"} {
		if err := os.MkdirAll(filepath.Join(f.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f.fails(judgeTemporary, "2 of 2")
	for _, d := range []string{"/tmp", "/var/tmp"} {
		if err := os.Chmod(filepath.Join(f.dir, d), 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	f.passes(judgeTemporary)

	f.skips(judgeMerged)
	f.put("/usr/bin/x", "")
	f.link("/bin", "usr/bin")
	f.passes(judgeMerged)
	f.link("/sbin", "usr/bin")
	f.fails(judgeMerged, "/sbin")
}

func TestProbes(t *testing.T) {
	f := newFixture(t)
	if Userland.Check(f.System) == nil {
		t.Error("an empty root has a userland")
	}
	if _, err := f.Native(); err == nil {
		t.Error("an empty root has an architecture")
	}
	f.put("/bin/sh", "#!/bin/busybox\n")
	if err := Userland.Check(f.System); err != nil {
		t.Error(err)
	}
	if _, err := f.Native(); err == nil {
		t.Error("a script has an architecture")
	}
	f.put("/bin/sh", string(elftest.Image{}.Bytes()))
	if got, err := f.Native(); err != nil || got != linkage.AMD64 {
		t.Errorf("native: %v, %v", got, err)
	}
}
