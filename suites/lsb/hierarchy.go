package lsb

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

var _ = suite.Describe("hierarchy", func() {
	for _, s := range []struct {
		id, clause string
		sources    []string
		needs      []spec.Probe
		dirs       []string
	}{
		{"root", "FHS 3.0 3.2: the directories of the root", []string{"FHS-001", "FHS-002", "FHS-003", "FHS-004", "FHS-005", "FHS-007", "FHS-008", "FHS-009", "FHS-010", "FHS-011", "FHS-012"}, nil,
			[]string{"/bin", "/boot", "/dev", "/etc", "/lib", "/media", "/mnt", "/opt", "/run", "/sbin", "/srv", "/tmp", "/usr", "/var"}},
		{"lib64", "FHS 3.0 3.10 and 6.1.5: /lib64", []string{"FHS-006"}, []spec.Probe{amd64}, []string{"/lib64"}},
		{"usr", "FHS 3.0 4.2: the directories of /usr", []string{"FHS-014"}, nil, []string{"/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin", "/usr/share"}},
		{"usr-local", "FHS 3.0 4.9.2: the directories of /usr/local", []string{"FHS-015"}, nil,
			[]string{"/usr/local/bin", "/usr/local/etc", "/usr/local/games", "/usr/local/include", "/usr/local/lib", "/usr/local/man", "/usr/local/sbin", "/usr/local/share", "/usr/local/src"}},
		{"usr-share", "FHS 3.0 4.11.2: the directories of /usr/share", []string{"FHS-016"}, nil, []string{"/usr/share/man", "/usr/share/misc"}},
		{"var", "FHS 3.0 5.2: the directories of /var", []string{"FHS-017", "FHS-022"}, nil,
			[]string{"/var/cache", "/var/lib", "/var/local", "/var/lock", "/var/log", "/var/opt", "/var/run", "/var/spool", "/var/tmp"}},
		{"var-lib-misc", "FHS 3.0 5.8.2: /var/lib/misc", []string{"FHS-018"}, nil, []string{"/var/lib/misc"}},
		{"etc-opt", "FHS 3.0 3.7.2: /etc/opt", []string{"FHS-019"}, nil, []string{"/etc/opt"}},
		{"etc-cron", "LSB 5.0 Core 18.2: the directories of cron", []string{"FHS-024"}, nil,
			[]string{"/etc/cron.d", "/etc/cron.daily", "/etc/cron.hourly", "/etc/cron.monthly", "/etc/cron.weekly"}},
		{"etc-init", "LSB 5.0 Core 18.2: /etc/init.d", []string{"FHS-025"}, nil, []string{"/etc/init.d"}},
		{"etc-profile", "LSB 5.0 Core 18.2: /etc/profile.d", []string{"FHS-026"}, nil, []string{"/etc/profile.d"}},
	} {
		it(spec.Meta{
			ID: "hierarchy/" + s.id, Clause: s.clause + " are directories or links to such",
			Level: spec.Must, Sources: s.sources, Needs: s.needs,
		}, checkDirectories(s.dirs))
	}
	it(spec.Meta{
		ID:     "hierarchy/temporary",
		Clause: "FHS 3.0 3.18 and 5.15, LSB 5.0: every program may write to /tmp and /var/tmp (mode 1777)",
		Level:  spec.Must, Sources: []string{"FHS-013"},
	}, checkTemporary)
	for _, d := range devices {
		it(spec.Meta{
			ID: "hierarchy/dev-" + d.name, Clause: "LSB 5.0 Core 18.1 and FHS 3.0 6.1.3: /dev/" + d.name + " is " + d.clause,
			Level: spec.Must, Sources: []string{"FHS-020"},
		}, checkDevice(d))
	}
	it(spec.Meta{
		ID:     "hierarchy/merged-usr",
		Clause: "FHS 3.0 3.4: where /bin, /sbin or /lib is a link into /usr, both names are one directory",
		Level:  spec.Must, Sources: []string{"FHS-034"},
	}, checkMerged)
})

func checkDirectories(dirs []string) check {
	return func(_ context.Context, m *machine) (finding, error) {
		var wrong []string
		for _, d := range dirs {
			info, err := m.stat(d)
			switch {
			case err != nil:
				wrong = append(wrong, err.Error())
			case !info.IsDir():
				wrong = append(wrong, fmt.Sprintf("%s: %s", d, info.Mode()))
			}
		}
		return none("stat() of each directory", len(dirs), wrong, "a directory"), nil
	}
}

func checkTemporary(_ context.Context, m *machine) (finding, error) {
	const open = fs.ModeSticky | 0o777
	var wrong []string
	for _, d := range []string{"/tmp", "/var/tmp"} {
		info, err := m.stat(d)
		switch {
		case err != nil:
			wrong = append(wrong, err.Error())
		case !info.IsDir(), info.Mode()&open != open:
			wrong = append(wrong, fmt.Sprintf("%s: %s", d, info.Mode()))
		}
	}
	return none("stat() of /tmp and /var/tmp", 2, wrong, "a directory of mode 1777"), nil
}

// device is a special file and what reading and writing it does.
type device struct {
	name, clause string
	rdev         uint64
	read         string // what a read of 4 bytes gives; "-" to leave it alone
}

// The numbers are Linux's, Documentation/admin-guide/devices.txt.
var devices = []device{
	{"null", "an empty source and a sink", unix.Mkdev(1, 3), ""},
	{"zero", "a source of zeros and a sink", unix.Mkdev(1, 5), "\x00\x00\x00\x00"},
	{"tty", "the controlling terminal's character device", unix.Mkdev(5, 0), "-"},
}

func checkDevice(d device) check {
	return func(_ context.Context, m *machine) (finding, error) {
		name := "/dev/" + d.name
		want := fmt.Sprintf("character device %d:%d", unix.Major(d.rdev), unix.Minor(d.rdev))
		info, err := m.stat(name)
		if err != nil {
			return bad("stat()", err.Error(), want), nil
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || info.Mode()&fs.ModeCharDevice == 0 || st.Rdev != d.rdev {
			return bad("stat() of "+name, info.Mode().String(), want), nil
		}
		if info.Mode()&0o666 != 0o666 {
			return bad("stat() of "+name, info.Mode().String(), "readable and writable for all"), nil
		}
		if d.read == "-" {
			return good(2), nil
		}
		f, err := os.OpenFile(m.host(name), os.O_RDWR, 0)
		if err != nil {
			return bad("open() of "+name, spec.ErrnoName(err), "success"), nil
		}
		defer f.Close()
		buf := []byte("....")
		n, _ := f.Read(buf)
		if string(buf[:n]) != d.read {
			return bad("read() of "+name, fmt.Sprintf("%q", buf[:n]), fmt.Sprintf("%q", d.read)), nil
		}
		if n, err := f.Write(buf); n != len(buf) {
			return bad("write() of 4 bytes to "+name, fmt.Sprintf("%d, %s", n, spec.ErrnoName(err)), "4"), nil
		}
		return good(4), nil
	}
}

func checkMerged(_ context.Context, m *machine) (finding, error) {
	var wrong []string
	facts := 0
	for _, d := range []string{"/bin", "/sbin", "/lib"} {
		link, err := os.Lstat(m.host(d))
		if err != nil || link.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		facts++
		short, err := m.stat(d)
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		if long, err := m.stat("/usr" + d); err != nil || !os.SameFile(short, long) {
			wrong = append(wrong, d)
		}
	}
	return none("stat() of /bin, /sbin, /lib and their names in /usr", facts, wrong, "the same inode"), nil
}
