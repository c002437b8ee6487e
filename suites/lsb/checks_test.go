package lsb

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"xtest/internal/linkage/elftest"
	"xtest/suites/lsb/inspection"
)

// releaseScript is an lsb_release that conforms, but for one part.
func releaseScript(modules, values, last string) string {
	return `#!/bin/sh
s=; o=v
for a do case $a in
-s|--short) s=1;; -v|--version) o=v;; -i|--id) o=i;; -d|--description) o=d;; -r|--release) o=r;;
-c|--codename) o=c;; -a|--all) o=vidrc;; -h|--help) echo help; exit;; *) ` + last + `;; esac; done
say() { case $o in *$1*) if [ "$s" ]; then echo "$3"; else printf '%s:\t%s\n' "$2" "$3"; fi;; esac; }
say v 'LSB Version' '` + modules + `'
` + values
}

const (
	goodModules = "core-5.0-amd64:core-5.0-noarch:desktop-5.0"
	goodValues  = "say i 'Distributor ID' X\nsay d Description 'X 1 (y)'\nsay r Release 1\nsay c Codename y\n"
	goodEnd     = "echo no >&2; exit 2"
)

func TestRelease(t *testing.T) {
	shellELF := string(elftest.Image{}.Bytes())
	all := map[string]check{
		"v": releaseLine("-v", "LSB Version"), "i": releaseLine("-i", "Distributor ID"), "d": releaseLine("-d", "Description"),
		"r": releaseLine("-r", "Release"), "c": releaseLine("-c", "Codename"),
		"here": checkRelease, "modules": checkModules, "syntax": checkModuleSyntax, "all": checkReleaseAll,
		"short": checkReleaseShort, "long": checkReleaseLong, "unknown": checkReleaseUnknown,
	}
	make := func(script string) fixture {
		f := newFixture(t)
		f.put("/bin/sh", shellELF)
		f.put("/usr/bin/lsb_release", script)
		return f
	}
	f := make(releaseScript(goodModules, goodValues, goodEnd))
	for _, c := range all {
		f.passes(c)
	}
	for _, c := range []struct {
		what, script string
		fail         []string
	}{
		{"no modules", releaseScript("", goodValues, goodEnd), []string{"v", "modules", "syntax", "all"}},
		{"other modules", releaseScript("core-4.1-amd64:core-5.0-noarch", goodValues, goodEnd), []string{"modules"}},
		{"other architecture", releaseScript("core-5.0-ia32:core-5.0-noarch", goodValues, goodEnd), []string{"modules"}},
		{"module syntax", releaseScript(goodModules+":core", goodValues, goodEnd), []string{"syntax"}},
		{"two lines", releaseScript(goodModules, strings.ReplaceAll(goodValues, "say d", "say d X Y; say d"), goodEnd), []string{"d", "all"}},
		{"empty values", releaseScript(goodModules, strings.ReplaceAll(goodValues, " 1\n", " ''\n"), goodEnd), []string{"r", "all"}},
		{"other names", releaseScript(goodModules, strings.NewReplacer("Distributor", "distributor", "Codename", "Code").Replace(goodValues), goodEnd), []string{"i", "c", "all"}},
		{"short is long", strings.ReplaceAll(releaseScript(goodModules, goodValues, goodEnd), "s=1", ":"), []string{"short"}},
		{"no long options", strings.ReplaceAll(releaseScript(goodModules, goodValues, goodEnd), "|--short", ""), []string{"long"}},
		{"long differs", strings.ReplaceAll(releaseScript(goodModules, goodValues, goodEnd), "|--codename) o=c", ") o=c;; --codename) o=r"), []string{"long"}},
		{"accepts all", releaseScript(goodModules, goodValues, ":"), []string{"unknown"}},
		{"silent refusal", releaseScript(goodModules, goodValues, "exit 1"), []string{"unknown"}},
		{"fails", "#!/bin/sh\nexit 1\n", []string{"here"}},
		{"no default", strings.ReplaceAll(releaseScript(goodModules, goodValues, goodEnd), "s=; o=v", "s=; o=i"), []string{"here"}},
		{"no interpreter", "#!/nonexistent\n", []string{"here", "v", "i", "d", "r", "c", "modules", "syntax", "all", "short", "unknown"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := make(c.script)
			f.T = t
			for _, name := range c.fail {
				f.fails(all[name])
			}
		})
	}
	newFixture(t).fails(checkRelease, "no lsb_release")
}

func TestBuiltIns(t *testing.T) {
	f := newFixture(t)
	f.put("/bin/sh", "#!/bin/sh\necho fc\n")
	f.fails(checkBuiltIns, "1 of 15 not: fc")
	f.put("/bin/sh", "#!/bin/sh\nexit 1\n")
	f.fails(checkBuiltIns, "status 1")
	f.put("/bin/sh", "#!/bin/sh\necho\n")
	f.passes(checkBuiltIns)
}

func TestConfiguredPath(t *testing.T) {
	f := newFixture(t)
	f.put("/usr/bin/awk", "#!/bin/sh\n")
	f.put("/usr/bin/getconf", "#!/bin/sh\necho /bin:/opt/bin\n")
	f.fails(checkConfiguredPath, "2 of 2 not")
	f.put("/usr/bin/getconf", "#!/bin/sh\necho /bin:/usr/bin\n")
	f.passes(checkConfiguredPath)
	f.put("/usr/bin/getconf", "#!/bin/sh\nexit 1\n")
	f.fails(checkConfiguredPath, "status 1")
}

func TestDevices(t *testing.T) {
	f := newFixture(t)
	f.fails(checkDevice(inspection.Devices[0]), "no such file")
	f.put("/dev/null", "")
	f.fails(checkDevice(inspection.Devices[0]), "/dev/null")
	here := fixture{t, newMachine("/")}
	for _, d := range inspection.Devices {
		if here.Executable("/dev/"+d.Name) != nil {
			here.passes(checkDevice(d))
		}
	}
	// The numbers of one device with the behaviour of another.
	was := reads
	t.Cleanup(func() { reads = was })
	reads = map[string]string{"null": "x", "full": "\x00\x00\x00\x00"}
	here.fails(checkDevice(inspection.Device{Name: "null", Number: unix.Mkdev(1, 3)}), "read()")
	here.fails(checkDevice(inspection.Device{Name: "full", Number: unix.Mkdev(1, 7)}), "write()")
	here.fails(checkDevice(inspection.Device{Name: "zero", Number: unix.Mkdev(1, 3)}), "stat()")
}

const (
	goodPasswd = "root:x:0:0::/:/bin/sh\nbin:x:2:2::/:\ndaemon:x:1:1::/:\nnobody:x:65534:65534::/:\n"
	goodGroup  = "root:x:0:\nbin:x:2:\ndaemon:x:1:\n"
	// An id(1) that answers -gn with the name and -u with the file's ID.
	goodID = "#!/bin/sh\ncase $1 in -gn) case $2 in root|bin|daemon|nobody) echo $2;; *) exit 1;; esac;; *) for a do :; done\ncase $a in root) echo 0;; bin) echo 2;; daemon) echo 1;; nobody) echo 65534;; esac;; esac\n"
)

func TestUsers(t *testing.T) {
	checks := map[string]check{"required": checkRequiredUsers, "groups": checkRequiredGroups, "optional": checkOptionalUsers, "lookup": checkLookup}
	for _, c := range []struct {
		what, passwd, group, id string
		fail                    []string
	}{
		{"good", goodPasswd, goodGroup, goodID, nil},
		{"no daemon", goodPasswd, strings.Replace(goodGroup, "daemon", "d", 1), strings.ReplaceAll(goodID, "|daemon", ""), []string{"required", "groups"}},
		{"other group", goodPasswd, goodGroup, strings.Replace(goodID, "echo $2", "echo nogroup", 1), []string{"required", "optional"}},
		{"no number", strings.Replace(goodPasswd, "x:0:", "x:zero:", 1), goodGroup, goodID, []string{"lookup"}},
		{"wrong answer", goodPasswd, goodGroup, strings.Replace(goodID, "echo 2", "echo 3", 1), []string{"lookup"}},
		{"id fails", goodPasswd, goodGroup, "#!/bin/sh\nexit 1\n", []string{"required", "lookup"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := newFixture(t)
			f.put("/etc/passwd", c.passwd)
			f.put("/etc/group", c.group)
			f.put("/usr/bin/id", c.id)
			f.put("/usr/bin/find", "#!/bin/sh\nexit 1\n")
			if c.fail == nil {
				for _, k := range checks {
					f.passes(k)
				}
			}
			for _, name := range c.fail {
				f.fails(checks[name])
			}
		})
	}
	f := newFixture(t)
	for _, name := range []string{"groups", "lookup"} {
		f.fails(checks[name], "no such file")
	}
	// A group of another database is found through find(1).
	f.put("/etc/group", "root:x:0:\nbin:x:2:\n")
	f.put("/usr/bin/find", "#!/bin/sh\nexit 0\n")
	f.passes(checkRequiredGroups)
}

// A clause about what is not there is not passed.
func TestNothingToJudge(t *testing.T) {
	if f := inspection.None[string]("call", 0, nil, ""); f.Holds() || f.Inapplicable == "" {
		t.Errorf("no facts: %+v", f)
	}
	if f := inspection.None("call", 9, strings.Fields("1 2 3 4 5 6 7 8 9"), ""); f.Got != "9 of 9 not: 1, 2, 3, 4, 5, 6, 7, 8 and 1 more" {
		t.Errorf("a long list: %q", f.Got)
	}
	if got := inspection.Shorten("ab\xffcd", 4); got != "ab\uFFFDc..." {
		t.Errorf("shortened: %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := checkBuiltIns(ctx, newMachine("/")); err == nil {
		t.Error("a check that could not be made gave a finding")
	}
}
