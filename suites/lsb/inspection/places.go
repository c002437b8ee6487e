package inspection

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"xtest/internal/linkage"
	"xtest/runner/event"
	"xtest/suites/spec"
)

// placeChecks are FHS's rules on what must or must not lie where.
func placeChecks() []Check {
	check := func(id, clause string, judge func(*System) (Finding, error), needs ...Need) Check {
		return Check{Meta: spec.Meta{ID: "hierarchy/" + id, Clause: clause, Level: spec.Must}, Needs: needs, judge: judge}
	}
	return []Check{
		check("bin-commands", fmt.Sprintf("FHS 3.0 3.4.2: %d commands are in /bin", len(binCommands)), judgeIn("/bin", binCommands)),
		check("bin-test", "FHS 3.0 3.4.2: [ and test are in one directory, /bin or /usr/bin", judgeTogether),
		check("no-subdirectories", "FHS 3.0 3.4.2, 4.4.2, 4.10.2: /bin, /usr/bin and /usr/sbin have no subdirectories", judgeFlat),
		check("etc-no-binaries", "FHS 3.0 3.7.2: there are no binaries below /etc", judgeEtc),
		check("lib-files", "FHS 3.0 3.9.2: /lib has libc.so.* and ld*", judgeLib([]string{"/lib"})),
		check("lib64-files", "FHS 3.0 3.10.2: /lib64 has libc.so.* and ld*, as /lib", judgeLib([]string{"/lib64"}), amd64),
		check("usr-local-lib", "FHS 3.0 4.9.3: where /lib<qual> or /usr/lib<qual> is there, /usr/local has it too", judgeQualified),
		check("usr-local-others", "FHS 3.0 4.9.2: /usr/local has no other directories than those of the text", judgeLocal),
		check("usr-links", "FHS 3.0 4.3: /usr/spool, /usr/tmp and /usr/spool/locks, where they are there, are links into /var", judgeOldLinks),
		check("usr-etc", "FHS 3.0 4.9.3 Rationale: there is no /usr/etc", judgeAbsent("/usr/etc")),
	}
}

// binCommands are the table of FHS 3.0 3.4.2.
var binCommands = strings.Fields(`cat chgrp chmod chown cp date dd df dmesg echo false hostname kill ln login ls mkdir
	mknod more mount mv ps pwd rm rmdir sed sh stty su sync true umount uname`)

func judgeIn(dir string, names []string) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		var wrong []event.Deviation
		for _, n := range names {
			at := path.Join(dir, n)
			if s.Executable(at) == nil {
				continue
			}
			d := missing(at)
			if other, err := s.Command(n); err == nil {
				d = deviant("moved", at, "is %s", other)
			}
			wrong = append(wrong, d)
		}
		return None("stat() of each path", len(names), wrong, "an executable file"), nil
	}
}

func judgeTogether(s *System) (Finding, error) {
	for _, dir := range []string{"/bin", "/usr/bin"} {
		if s.Executable(path.Join(dir, "[")) == nil && s.Executable(path.Join(dir, "test")) == nil {
			return Good(2), nil
		}
	}
	return faulty("stat() of [ and test", missing("[ and test in one directory"), "both in /bin or both in /usr/bin"), nil
}

func judgeFlat(s *System) (Finding, error) {
	var wrong []event.Deviation
	facts := 0
	for _, dir := range []string{"/bin", "/usr/bin", "/usr/sbin"} {
		names, err := s.List(dir)
		if err != nil {
			continue // hierarchy/root and hierarchy/usr judge that it is there
		}
		facts += len(names)
		for _, n := range names {
			// A link to a directory is a file of its own.
			if info, err := s.Lstat(path.Join(dir, n)); err == nil && info.IsDir() {
				wrong = append(wrong, deviant("other-kind", path.Join(dir, n), "a directory"))
			}
		}
	}
	return None("lstat() of each entry", facts, wrong, "no directory"), nil
}

// Bounds of a walk.
const (
	maxDepth   = 20
	maxVisited = 20_000
)

// walk visits the files below a directory, following no link. It tells whether it saw all of them.
func (s *System) walk(dir string, depth int, left *int, visit func(name string, info fs.FileInfo)) bool {
	names, err := s.List(dir)
	if err != nil {
		return true
	}
	whole := depth < maxDepth
	for _, n := range names {
		if *left--; *left < 0 {
			return false
		}
		at := path.Join(dir, n)
		info, err := s.Lstat(at)
		if err != nil {
			continue
		}
		visit(at, info)
		if info.IsDir() && depth < maxDepth {
			whole = s.walk(at, depth+1, left, visit) && whole
		}
	}
	return whole
}

func judgeEtc(s *System) (Finding, error) {
	var wrong []event.Deviation
	facts, left := 0, maxVisited
	whole := s.walk("/etc", 0, &left, func(name string, info fs.FileInfo) {
		if !info.Mode().IsRegular() {
			return
		}
		facts++
		f, err := s.Open(name)
		if err != nil {
			return
		}
		defer f.Close() // only read
		var magic [4]byte
		if _, err := f.ReadAt(magic[:], 0); err == nil && string(magic[:]) == "\x7fELF" {
			wrong = append(wrong, deviant("other-kind", name, "an ELF file"))
		}
	})
	f := None("reading the first bytes of the files below /etc", facts, wrong, "no ELF file")
	if !whole {
		f.Notes = append(f.Notes, fmt.Sprintf("only the first %d files were examined", maxVisited))
	}
	return f, nil
}

func judgeLib(dirs []string) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		var wrong []event.Deviation
		for _, d := range dirs {
			for _, pattern := range []string{"libc.so.*", "ld*"} {
				if len(s.Glob(path.Join(d, pattern))) > 0 {
					continue
				}
				w := missing(path.Join(d, pattern))
				if l, err := s.anyLibc(); err == nil && pattern == "libc.so.*" {
					w = deviant("moved", w.Item, "is %s", l.Path)
				}
				wrong = append(wrong, w)
			}
		}
		return None("listing "+strings.Join(dirs, ", "), 2*len(dirs), wrong, "at least one of each"), nil
	}
}

// anyLibc finds the libc of the root's own architecture.
func (s *System) anyLibc() (*linkage.Library, error) {
	of, err := s.Native()
	if err != nil {
		return nil, err
	}
	return s.Find("libc.so.6", of, s.Dirs())
}

func judgeQualified(s *System) (Finding, error) {
	var wrong []event.Deviation
	facts := 0
	for _, qual := range []string{"32", "64", "x32"} {
		if s.directory("/lib"+qual) != nil && s.directory("/usr/lib"+qual) != nil {
			continue
		}
		facts++
		if w := s.directory("/usr/local/lib" + qual); w != nil {
			wrong = append(wrong, *w)
		}
	}
	return None("stat() of /lib<qual> and /usr/local/lib<qual>", facts, wrong, "a directory"), nil
}

func judgeLocal(s *System) (Finding, error) {
	names, err := s.List("/usr/local")
	if err != nil {
		return Finding{Inapplicable: "there is no /usr/local, which hierarchy/usr judges"}, nil
	}
	allowed := map[string]bool{"lib32": true, "lib64": true, "libx32": true, "color": true}
	for _, d := range usrLocal {
		allowed[path.Base(d)] = true
	}
	var wrong []event.Deviation
	for _, n := range names {
		if info, err := s.Stat(path.Join("/usr/local", n)); err == nil && info.IsDir() && !allowed[n] {
			wrong = append(wrong, deviant("additional", path.Join("/usr/local", n), "a directory that the text does not name"))
		}
	}
	return None("listing /usr/local", len(names), wrong, "those of the text alone"), nil
}

func judgeOldLinks(s *System) (Finding, error) {
	var wrong []event.Deviation
	facts := 0
	for name, to := range map[string]string{"/usr/spool": "/var/spool", "/usr/tmp": "/var/tmp", "/usr/spool/locks": "/var/lock"} {
		if _, err := s.Lstat(name); err != nil {
			continue
		}
		facts++
		at, err := s.Resolve(name)
		want, wantErr := s.Resolve(to)
		if err != nil || wantErr != nil || at != want {
			wrong = append(wrong, deviant("differ", name, "leads to %s, not to %s", at, to))
		}
	}
	return None("following /usr/spool, /usr/tmp, /usr/spool/locks", facts, wrong, "as their names in /var"), nil
}

func judgeAbsent(name string) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		if _, err := s.Lstat(name); err == nil {
			return faulty("stat() of "+name, deviant("additional", name, "it is there"), "no such file or directory"), nil
		}
		return Good(1), nil
	}
}
