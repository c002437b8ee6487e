package inspection

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"xtest/runner/event"
	"xtest/suites/spec"
)

// Modern is what validators of today ask beside the LSB: os-release, one merged /usr, systemd's file
// hierarchy, and the symbol versions that programs built for many distributions may need.
func Modern() Profile {
	check := func(id, clause string, level spec.Level, judge func(*System) (Finding, error), needs ...Need) Check {
		return Check{Meta: spec.Meta{ID: "modern/" + id, Clause: clause, Level: level}, Needs: append([]Need{Userland}, needs...), judge: judge}
	}
	all := []Check{
		check("os-release", "os-release(5): the file names the distribution by ID, NAME and PRETTY_NAME, and its values are well-formed", spec.Must, judgeRelease),
		check("os-release-place", "os-release(5): it is in /usr/lib, and /etc/os-release is a relative link to it", spec.Should, judgeReleasePlace),
		check("merged-usr", "file-hierarchy(7) Compatibility Symlinks: /bin, /sbin and /lib, and /lib64 where it is there, are links into /usr", spec.Must, judgeUsr),
		check("directories", "file-hierarchy(7) General Structure: the directories of system, run time, vendor and variable data", spec.Must,
			judgeDirectories(strings.Fields("/boot /etc /home /root /srv /tmp /run /usr /usr/bin /usr/lib /usr/share /var /var/cache /var/lib /var/log /var/spool /var/tmp /dev /proc /sys"))),
		check("run-links", "file-hierarchy(7) Compatibility Symlinks: /var/run leads to /run", spec.Must, judgeRun),
		check("machine-id", "machine-id(5) First Boot Semantics: /etc/machine-id of an image is empty, uninitialized or absent; one ID would be that of all its machines", spec.Should, judgeMachineID),
		check("users", "systemd's Users, Groups, UIDs and GIDs: root is 0, nobody is 65534", spec.Must, judgeFixedUsers),
	}
	for _, l := range manylinux {
		all = append(all, check("manylinux-"+strings.ReplaceAll(l.glibc, ".", "-"),
			fmt.Sprintf("PEP 600, manylinux_%s: programs that need symbol versions up to its ceiling run", strings.ReplaceAll(l.glibc, ".", "_")), l.level, l.judge))
	}
	return Profile{"modern", all}
}

var releaseID = regexp.MustCompile(`^[a-z0-9._-]+$`)

func judgeRelease(s *System) (Finding, error) {
	values, err := s.osRelease()
	if err != nil {
		return faulty("reading os-release", deviant("missing", "/etc/os-release", "%v", cause(err)), "the file"), nil
	}
	var wrong []event.Deviation
	for _, key := range []string{"ID", "NAME", "PRETTY_NAME"} {
		if values[key] == "" {
			wrong = append(wrong, missing(key))
		}
	}
	for _, key := range []string{"ID", "VERSION_ID", "VERSION_CODENAME"} {
		if v := values[key]; v != "" && !releaseID.MatchString(v) {
			wrong = append(wrong, deviant("other-form", key, "%.80q", v))
		}
	}
	f := None("reading os-release", 6, wrong, "values as the manual page says")
	for _, key := range []string{"ID", "VERSION_ID", "PRETTY_NAME"} {
		f.Answers = append(f.Answers, event.Answer{Call: "os-release " + key, Value: Clip(values[key])})
	}
	return f, nil
}

func judgeReleasePlace(s *System) (Finding, error) {
	const vendor, etc = "/usr/lib/os-release", "/etc/os-release"
	if _, err := s.Stat(vendor); err != nil {
		return faulty("stat() of "+vendor, deviant("missing", vendor, "%v", cause(err)), "the file"), nil
	}
	to, err := s.Readlink(etc)
	if err != nil || path.IsAbs(to) || !s.same(vendor, etc) {
		return faulty("following "+etc, deviant("differ", etc, "%s", cmp.Or(to, "no link")), "../usr/lib/os-release"), nil
	}
	return Good(2), nil
}

func judgeUsr(s *System) (Finding, error) {
	var wrong []event.Deviation
	facts := 0
	for _, d := range []string{"/bin", "/sbin", "/lib", "/lib64"} {
		info, err := s.Lstat(d)
		if d == "/lib64" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		facts++
		switch at, resolved := s.Resolve(d); {
		case err != nil:
			wrong = append(wrong, deviant("missing", d, "%v", cause(err)))
		case info.Mode()&fs.ModeSymlink == 0:
			wrong = append(wrong, deviant("other-kind", d, "a directory of its own"))
		case resolved != nil || !strings.HasPrefix(at, "/usr/"):
			wrong = append(wrong, deviant("differ", d, "leads to %s", at))
		}
	}
	return None("following /bin, /sbin, /lib, /lib64", facts, wrong, "links into /usr"), nil
}

func judgeRun(s *System) (Finding, error) {
	if !s.same("/run", "/var/run") {
		at, err := s.Resolve("/var/run")
		if err != nil {
			return faulty("following /var/run", deviant("missing", "/var/run", "%v", cause(err)), "/run"), nil
		}
		return faulty("following /var/run", deviant("differ", "/var/run", "leads to %s", at), "/run"), nil
	}
	return Good(1), nil
}

func judgeMachineID(s *System) (Finding, error) {
	const name = "/etc/machine-id"
	text, err := s.Text(name)
	text = strings.TrimSpace(text)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && (text == "" || text == "uninitialized"):
		return Good(1), nil
	case err != nil:
		return Bad("reading "+name, err.Error(), "a file"), nil
	}
	return faulty("reading "+name, deviant("additional", name, "%d characters of an ID", len(text)), "nothing, uninitialized, or no file"), nil
}

func judgeFixedUsers(s *System) (Finding, error) {
	return s.byAccounts(func(a *accounts) Finding {
		var wrong []event.Deviation
		for name, id := range map[string]string{"root": "0", "nobody": "65534"} {
			switch u := a.users[name]; {
			case u == nil:
				wrong = append(wrong, missing(name))
			case u[2] != id:
				wrong = append(wrong, deviant("other-id", name, "%.20s, not %s", u[2], id))
			}
		}
		slices.SortFunc(wrong, func(a, b event.Deviation) int { return strings.Compare(a.Item, b.Item) })
		return None("reading /etc/passwd", 2, wrong, "their fixed IDs")
	})
}

// ceiling is the symbol versions that programs of a level of manylinux may need, as auditwheel's policy
// has them.
type ceiling struct {
	glibc, glibcxx, cxxabi, gcc string
	level                       spec.Level
}

var manylinux = []ceiling{
	{"2.17", "3.4.19", "1.3.7", "4.8.0", spec.Must},
	{"2.28", "3.4.24", "1.3.11", "7.0.0", spec.Should},
	{"2.34", "3.4.29", "1.3.13", "7.0.0", spec.Should},
}

// manylinuxLibraries are those that programs of all levels may expect, without the graphical ones.
var manylinuxLibraries = []string{"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libutil.so.1", "libresolv.so.2", "libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"}

func (c ceiling) judge(s *System) (Finding, error) {
	var wrong []event.Deviation
	for _, name := range manylinuxLibraries {
		if _, err := s.native(name); err != nil {
			wrong = append(wrong, s.lost("", name, err, "").Deviations...)
		}
	}
	facts := len(manylinuxLibraries)
	for _, v := range []struct{ soname, prefix, version string }{
		{"libc.so.6", "GLIBC_", c.glibc}, {"libstdc++.so.6", "GLIBCXX_", c.glibcxx}, {"libstdc++.so.6", "CXXABI_", c.cxxabi}, {"libgcc_s.so.1", "GCC_", c.gcc},
	} {
		l, err := s.native(v.soname)
		if err != nil {
			continue // told above
		}
		facts++
		if top := newest(l.Versions, v.prefix); older(top, v.version) {
			wrong = append(wrong, deviant("other-version", v.prefix+v.version, "%s has up to %s%s", v.soname, v.prefix, top))
		}
	}
	return None("finding the libraries and the newest version each defines", facts, wrong, "all there, and as new as the ceiling"), nil
}

// judgeCeiling judges that a library defines versions up to one.
func judgeCeiling(soname, prefix, version string) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		call := "reading the versions that " + soname + " defines"
		l, err := s.native(soname)
		if err != nil {
			return s.lost(call, soname, err, "a shared library"), nil
		}
		top := newest(l.Versions, prefix)
		if older(top, version) {
			return faulty(call, deviant("other-version", prefix+version, "up to %s%s", prefix, top), prefix+version+" or newer"), nil
		}
		f := Good(1)
		f.Answers = []event.Answer{{Call: "newest " + prefix + " of " + soname, Value: top}}
		return f, nil
	}
}

// newest gives the highest number behind a prefix.
func newest(versions map[string]bool, prefix string) string {
	top := "0"
	for v := range versions {
		if n, ok := strings.CutPrefix(v, prefix); ok {
			if _, err := number(n); err == nil && older(top, n) {
				top = n
			}
		}
	}
	return top
}

func older(a, b string) bool {
	x, _ := number(a)
	y, _ := number(b)
	return slices.Compare(x, y) < 0
}

// number reads a version of numbers with dots.
func number(s string) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is no version of numbers with dots", s)
		}
		all = append(all, n)
	}
	return all, nil
}
