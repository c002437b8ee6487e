package inspection

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xtest/internal/linkage/elftest"
	"xtest/runner/event"
)

const ownProfile = `
name: base
commands: [sh, /usr/bin/tool]
libraries: [libx.so.1]
symbols:
  libx.so.1: [f@X_1, plain]
files:
  - path: /etc/motd
    kind: file
    mode: "0644"
  - {path: /bin, kind: link}
  - {path: /forbidden, kind: absent}
users: ["root:0"]
groups: [staff]
glibc: "2.17"
`

// judged gives the verdicts of a profile's checks, by the kind.
func judged(p Profile, s *System) map[string]event.Result {
	all := map[string]event.Result{}
	for _, c := range p.Checks {
		all[strings.TrimPrefix(c.Meta.ID, p.Name+"/")] = c.Result(s)
	}
	return all
}

func TestOwnProfile(t *testing.T) {
	p, err := ParseProfile("own.yaml", []byte(ownProfile))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Checks) != 7 {
		t.Errorf("%d checks", len(p.Checks))
	}
	for what, c := range map[string]struct {
		change func(fixture)
		fails  string
	}{
		"whole":             {func(fixture) {}, ""},
		"no command":        {func(f fixture) { f.must(os.Remove(f.dir + "/usr/bin/tool")) }, "commands"},
		"no library":        {func(f fixture) { f.must(os.Remove(f.dir + "/lib64/libx.so.1")) }, "libraries symbols"},
		"a symbol less":     {func(f fixture) { f.lib(elftest.Image{SOName: "libx.so.1", Symbols: []elftest.Symbol{{Name: "plain"}}}) }, "symbols"},
		"other mode":        {func(f fixture) { f.must(os.Chmod(f.dir+"/etc/motd", 0o600)) }, "files"},
		"what must not be":  {func(f fixture) { f.put("/forbidden", "") }, "files"},
		"a folder, no link": {func(f fixture) { f.must(os.Remove(f.dir + "/bin")); f.put("/bin/sh", string(elftest.Image{}.Bytes())) }, "files"},
		"other ID":          {func(f fixture) { f.put("/etc/passwd", "root:x:7:0::/:\n") }, "users"},
		"no group":          {func(f fixture) { f.put("/etc/group", "root:x:0:\n") }, "groups"},
		"older libc":        {func(f fixture) { f.lib(libcOf("GLIBC_2.16")) }, "glibc"},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFixture(t)
			f.put("/usr/bin/sh", string(elftest.Image{}.Bytes()))
			f.put("/usr/bin/tool", "#!/bin/sh\n")
			f.link("/bin", "usr/bin")
			f.lib(elftest.Image{SOName: "libx.so.1", Symbols: []elftest.Symbol{{Name: "f", Version: "X_1"}, {Name: "plain"}}})
			f.lib(libcOf("GLIBC_2.17"))
			f.put("/etc/motd", "")
			f.put("/etc/passwd", "root:x:0:0::/:\n")
			f.put("/etc/group", "staff:x:50:\n")
			c.change(f)
			for kind, r := range judged(p, f.System) {
				want := event.Pass
				if strings.Contains(c.fails, kind) {
					want = event.Fail
				}
				if r.Verdict != want {
					t.Errorf("%s: %s, expected %s: %+v", kind, r.Verdict, want, r.Failure)
				}
			}
		})
	}
}

func libcOf(version string) elftest.Image {
	return elftest.Image{SOName: "libc.so.6", Symbols: []elftest.Symbol{{Name: "f", Version: version}}}
}

// Errors name the file and the line.
func TestBadProfiles(t *testing.T) {
	for text, want := range map[string]string{
		"name: base\ncommand: [ls]\n":                            "own.yaml:2:1: unknown field",
		"name: base\ncommands: ls\n":                             "own.yaml:2:",
		"name: lsb\ncommands: [ls]\n":                            "own.yaml:1: name \"lsb\" is that of a profile",
		"commands: [ls]\n":                                       "own.yaml:1: name \"\"",
		"name: base\n":                                           "own.yaml:1: it asks for nothing",
		"name: base\ncommands:\n  - ls\n  - a/b\n":               "own.yaml:4: \"a/b\" is no name",
		"name: base\nfiles:\n  - path: etc\n":                    "own.yaml:3: path \"etc\" is not absolute",
		"name: base\nfiles:\n  - path: /etc\n    kind: folder\n": "own.yaml:4: kind \"folder\"",
		"name: base\nfiles:\n  - path: /etc\n    mode: 0o999\n":  "own.yaml:4: mode",
		"name: base\nglibc: new\n":                               "own.yaml:2: glibc: \"new\"",
		"name: base\nusers:\n  - root\n  - \"\"\n":               "own.yaml:4: \"\" is no name",
		"name: base\nsymbols:\n  libc.so.6: []\n":                "own.yaml:3: \"libc.so.6\"",
		"name: [": "own.yaml:",
	} {
		if _, err := ParseProfile("own.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// Each check of the modern profile passes on a root that is as it asks, and fails on one that is not.
func TestModern(t *testing.T) {
	make := func(t *testing.T) fixture {
		f := newFixture(t)
		f.mkdir(strings.Fields("/usr/bin /usr/sbin /usr/lib /usr/share /boot /etc /home /root /srv /tmp /run /var/cache /var/lib /var/log /var/spool /var/tmp /dev /proc /sys")...)
		f.put("/usr/bin/sh", string(elftest.Image{}.Bytes()))
		for _, d := range []string{"bin", "sbin", "lib"} {
			f.link("/"+d, "usr/"+d)
		}
		f.link("/var/run", "/run")
		f.put("/usr/lib/os-release", "NAME=\"X Linux\"\nID=x\nVERSION_ID=\"1.0\"\nPRETTY_NAME='X Linux 1'\n")
		f.link("/etc/os-release", "../usr/lib/os-release")
		f.put("/etc/machine-id", "")
		f.put("/etc/passwd", "root:x:0:0::/:\nnobody:x:65534:65534::/:\n")
		f.put("/etc/group", "root:x:0:\n")
		for _, n := range manylinuxLibraries {
			f.put("/usr/lib/"+n, string(elftest.Image{SOName: n}.Bytes()))
		}
		f.put("/usr/lib/libc.so.6", string(libcOf("GLIBC_2.36").Bytes()))
		f.put("/usr/lib/libstdc++.so.6", string(elftest.Image{SOName: "libstdc++.so.6", Symbols: []elftest.Symbol{
			{Name: "a", Version: "GLIBCXX_3.4.30"}, {Name: "b", Version: "CXXABI_1.3.13"},
		}}.Bytes()))
		f.put("/usr/lib/libgcc_s.so.1", string(elftest.Image{SOName: "libgcc_s.so.1", Symbols: []elftest.Symbol{{Name: "a", Version: "GCC_12.0.0"}}}.Bytes()))
		return f
	}
	f := make(t)
	for id, r := range judged(Modern(), f.System) {
		if r.Verdict != event.Pass {
			t.Errorf("%s: %s %s %+v", id, r.Verdict, r.Reason, r.Failure)
		}
	}
	if f.Distro() != "X Linux 1" {
		t.Errorf("the distribution is %q", f.Distro())
	}
	for what, c := range map[string]struct {
		change func(fixture)
		fails  string
	}{
		"bad ID": {func(f fixture) { f.put("/usr/lib/os-release", "NAME=X\nID=X!\nPRETTY_NAME=X\n") }, "os-release"},
		"copied release": {func(f fixture) {
			f.must(os.Remove(f.dir + "/etc/os-release"))
			f.put("/etc/os-release", "ID=x\nNAME=x\nPRETTY_NAME=x\n")
		}, "os-release-place"},
		"split":         {func(f fixture) { f.must(os.Remove(f.dir + "/sbin")); f.mkdir("/sbin") }, "merged-usr"},
		"no /srv":       {func(f fixture) { f.must(os.Remove(f.dir + "/srv")) }, "directories"},
		"own /var/run":  {func(f fixture) { f.must(os.Remove(f.dir + "/var/run")); f.mkdir("/var/run") }, "run-links"},
		"an ID for all": {func(f fixture) { f.put("/etc/machine-id", strings.Repeat("a", 32)) }, "machine-id"},
		"other nobody":  {func(f fixture) { f.put("/etc/passwd", "root:x:0:0::/:\nnobody:x:99:99::/:\n") }, "users"},
		"glibc 2.31":    {func(f fixture) { f.put("/usr/lib/libc.so.6", string(libcOf("GLIBC_2.31").Bytes())) }, "manylinux-2-34"},
		"no libz":       {func(f fixture) { f.must(os.Remove(filepath.Join(f.dir, "usr/lib/libz.so.1"))) }, "manylinux-2-17 manylinux-2-28 manylinux-2-34"},
	} {
		t.Run(what, func(t *testing.T) {
			f := make(t)
			c.change(f)
			for id, r := range judged(Modern(), f.System) {
				failed := false
				for _, want := range strings.Fields(c.fails) {
					failed = failed || want == id
				}
				if (r.Verdict == event.Fail) != failed {
					t.Errorf("%s: %s %s %+v", id, r.Verdict, r.Reason, r.Failure)
				}
			}
		})
	}
}

func TestGather(t *testing.T) {
	f := newFixture(t)
	f.put("/usr/bin/sh", string(elftest.Image{}.Bytes()))
	f.put("/usr/bin/plain", "no program")
	f.link("/bin", "usr/bin")
	f.link("/usr/bin/dash", "sh")
	f.put("/etc/passwd", "root:x:0:0::/:\n")
	f.put("/etc/group", "root:x:0:\n")
	f.put("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nStatus: deinstall ok config-files\nVersion: 1\n")
	f.lib(elftest.Image{SOName: "libz.so.1", Symbols: []elftest.Symbol{
		{Name: "f", Version: "Z_1"}, {Name: "o", Object: true, Size: 8, Weak: true}, {Name: "own", Version: "GLIBC_PRIVATE"},
	}})
	f.lib(elftest.Image{SOName: "libother.so.2", Symbols: []elftest.Symbol{{Name: "g"}}})
	for _, deep := range []bool{false, true} {
		got := f.Gather(deep)
		if len(got.Libraries) != 2 || got.Libraries[1].SOName != "libz.so.1" || strings.Join(got.Libraries[1].Symbols, ",") != "f@Z_1 F,o OW8" {
			t.Errorf("libraries: %+v", got.Libraries)
		}
		if other := got.Libraries[0].Symbols; deep != (len(other) == 1) {
			t.Errorf("deep %t: the symbols of another library are %v", deep, other)
		}
		if len(got.Commands) != 2 || got.Commands["dash"] != "/usr/bin/sh" || got.Packages["a"] != "1" || len(got.Packages) != 1 || got.Users["root"] != "0" || got.Groups["root"] != "0" {
			t.Errorf("gathered %+v", got)
		}
	}
}
