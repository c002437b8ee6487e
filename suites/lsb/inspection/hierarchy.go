package inspection

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
	"xtest/suites/spec"
)

func hierarchyChecks() []Check {
	var all []Check
	for _, d := range []struct {
		id, clause string
		sources    []string
		needs      []Need
		dirs       []string
	}{
		{"root", "FHS 3.0 3.2: the directories of the root", []string{"FHS-001", "FHS-002", "FHS-003", "FHS-004", "FHS-005", "FHS-007", "FHS-008", "FHS-009", "FHS-010", "FHS-011", "FHS-012"}, nil,
			[]string{"/bin", "/boot", "/dev", "/etc", "/lib", "/media", "/mnt", "/opt", "/run", "/sbin", "/srv", "/tmp", "/usr", "/var"}},
		{"lib64", "FHS 3.0 3.10 and 6.1.5: /lib64", []string{"FHS-006"}, []Need{amd64}, []string{"/lib64"}},
		{"usr", "FHS 3.0 4.2: the directories of /usr", []string{"FHS-014"}, nil, []string{"/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin", "/usr/share"}},
		{"usr-local", "FHS 3.0 4.9.2: the directories of /usr/local", []string{"FHS-015"}, nil, usrLocal},
		{"usr-share", "FHS 3.0 4.11.2: the directories of /usr/share", []string{"FHS-016"}, nil, []string{"/usr/share/man", "/usr/share/misc"}},
		{"var", "FHS 3.0 5.2: the directories of /var", []string{"FHS-017", "FHS-022"}, nil,
			[]string{"/var/cache", "/var/lib", "/var/local", "/var/lock", "/var/log", "/var/opt", "/var/run", "/var/spool", "/var/tmp"}},
		{"var-lib-misc", "FHS 3.0 5.8.2: /var/lib/misc", []string{"FHS-018"}, nil, []string{"/var/lib/misc"}},
		{"etc-opt", "FHS 3.0 3.7.2: /etc/opt", []string{"FHS-019"}, nil, []string{"/etc/opt"}},
		{"etc-cron", "LSB 5.0 Core 18.2: the directories of cron", []string{"FHS-024"}, nil,
			[]string{"/etc/cron.d", "/etc/cron.daily", "/etc/cron.hourly", "/etc/cron.monthly", "/etc/cron.weekly"}},
		{"etc-init", "LSB 5.0 Core 18.2: /etc/init.d", []string{"FHS-025"}, nil, []string{"/etc/init.d"}},
		{"etc-profile", "LSB 5.0 Core 18.2: /etc/profile.d", []string{"FHS-026"}, nil, []string{"/etc/profile.d"}},
		{"linux", "FHS 3.0 6.1.6 and 6.1.7: where the kernel's file systems are mounted", nil, nil, []string{"/proc", "/sys"}},
	} {
		all = append(all, Check{Meta: spec.Meta{
			ID: "hierarchy/" + d.id, Clause: d.clause + " are directories or links to such", Level: spec.Must, Sources: d.sources,
		}, Needs: d.needs, judge: judgeDirectories(d.dirs)})
	}
	all = append(all, Check{Meta: spec.Meta{
		ID:     "hierarchy/temporary",
		Clause: "FHS 3.0 3.18 and 5.15, LSB 5.0: every program may write to /tmp and /var/tmp (mode 1777)",
		Level:  spec.Must, Sources: []string{"FHS-013"},
	}, judge: judgeTemporary})
	for _, d := range Devices {
		all = append(all, Check{Meta: spec.Meta{
			ID: "hierarchy/dev-" + d.Name, Clause: "LSB 5.0 Core 18.1 and FHS 3.0 6.1.3: /dev/" + d.Name + " is " + d.Clause,
			Level: spec.Must, Sources: []string{"FHS-020"},
		}, Needs: []Need{devices}, Outside: true, judge: func(s *System) (Finding, error) { return s.JudgeDevice(d), nil }})
	}
	all = append(all, Check{Meta: spec.Meta{
		ID:     "hierarchy/merged-usr",
		Clause: "FHS 3.0 3.4: where /bin, /sbin or /lib is a link into /usr, both names are one directory",
		Level:  spec.Must, Sources: []string{"FHS-034"},
	}, judge: judgeMerged})
	return append(append(all, placeChecks()...), optionChecks()...)
}

var usrLocal = []string{
	"/usr/local/bin", "/usr/local/etc", "/usr/local/games", "/usr/local/include", "/usr/local/lib", "/usr/local/man",
	"/usr/local/sbin", "/usr/local/share", "/usr/local/src",
}

// directory says what is wrong with a directory, which may be a link to one.
func (s *System) directory(name string) *event.Deviation {
	info, err := s.Stat(name)
	switch {
	case err != nil:
		d := deviant("missing", name, "%v", cause(err))
		return &d
	case !info.IsDir():
		d := deviant("other-kind", name, "%s", info.Mode())
		return &d
	}
	return nil
}

// cause is what an error of package root says behind the file's name.
func cause(err error) error {
	for _, known := range []error{unix.ENOENT, unix.EACCES, unix.ELOOP, unix.ENOTDIR} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

func judgeDirectories(dirs []string) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		var wrong []event.Deviation
		for _, d := range dirs {
			if w := s.directory(d); w != nil {
				wrong = append(wrong, *w)
			}
		}
		return None("stat() of each directory", len(dirs), wrong, "a directory"), nil
	}
}

func judgeTemporary(s *System) (Finding, error) {
	const open = fs.ModeSticky | 0o777
	var wrong []event.Deviation
	for _, d := range []string{"/tmp", "/var/tmp"} {
		if w := s.directory(d); w != nil {
			wrong = append(wrong, *w)
		} else if info, err := s.Stat(d); err == nil && info.Mode()&open != open {
			wrong = append(wrong, deviant("other-mode", d, "%s", info.Mode()))
		}
	}
	return None("stat() of /tmp and /var/tmp", 2, wrong, "a directory of mode 1777"), nil
}

// Device is a special file.
type Device struct {
	Name, Clause string
	Number       uint64 // of unix.Mkdev
}

// Devices are those that must be there. The numbers are Linux's, Documentation/admin-guide/devices.txt.
var Devices = []Device{
	{"null", "an empty source and a sink", unix.Mkdev(1, 3)},
	{"zero", "a source of zeros and a sink", unix.Mkdev(1, 5)},
	{"tty", "the controlling terminal's character device", unix.Mkdev(5, 0)},
}

// devices asks for any special file: a stored root has none where the kernel's devtmpfs or the
// container's runtime puts them at boot.
var devices = Need{"device files", func(s *System) error {
	names, err := s.List("/dev")
	if err != nil {
		return err
	}
	for _, n := range names {
		if info, err := s.Lstat(path.Join("/dev", n)); err == nil && info.Mode()&fs.ModeDevice != 0 {
			return nil
		}
	}
	return fmt.Errorf("/dev holds none: they are made at boot; xtest lsb TARGET judges them")
}}

// JudgeDevice judges what a device file is, without opening it.
func (s *System) JudgeDevice(d Device) Finding {
	name := "/dev/" + d.Name
	want := fmt.Sprintf("character device %d:%d", unix.Major(d.Number), unix.Minor(d.Number))
	info, err := s.Stat(name)
	if err != nil {
		return faulty("stat()", deviant("missing", name, "%v", cause(err)), want)
	}
	call := "stat() of " + name
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeCharDevice == 0:
		return faulty(call, deviant("other-kind", name, "%s", info.Mode()), want)
	case ok && st.Rdev != d.Number:
		return faulty(call, deviant("other-kind", name, "device %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)), want)
	case info.Mode()&0o666 != 0o666:
		return faulty(call, deviant("other-mode", name, "%s", info.Mode()), "readable and writable for all")
	}
	return Good(2)
}

func judgeMerged(s *System) (Finding, error) {
	var wrong []event.Deviation
	facts := 0
	for _, d := range []string{"/bin", "/sbin", "/lib"} {
		link, err := s.Lstat(d)
		if err != nil || link.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		facts++
		short, err := s.Resolve(d)
		if err != nil {
			wrong = append(wrong, deviant("missing", d, "%v", cause(err)))
			continue
		}
		if long, err := s.Resolve("/usr" + d); err != nil || short != long {
			wrong = append(wrong, deviant("differ", d, "leads to %s", short))
		}
	}
	return None("following /bin, /sbin, /lib and their names in /usr", facts, wrong, "one directory"), nil
}
