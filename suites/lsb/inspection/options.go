package inspection

import (
	"io/fs"
	"path"
	"strings"

	"xtest/runner/event"
	"xtest/suites/spec"
)

// optionChecks are FHS's rules on what must have its place "if the corresponding subsystem is
// installed".
func optionChecks() []Check {
	check := func(id, clause string, judge func(*System) (Finding, error)) Check {
		return Check{Meta: spec.Meta{ID: "hierarchy/" + id, Clause: clause, Level: spec.Must}, judge: judge}
	}
	return []Check{
		check("bin-options", "FHS 3.0 3.4.3: csh, ed, tar, cpio, gzip, gunzip, zcat, netstat and ping, where installed, are in /bin",
			judgeOptional("/bin", strings.Fields("csh ed tar cpio gzip gunzip zcat netstat ping"))),
		check("bin-gzip", "FHS 3.0 3.4.3: gunzip and zcat, where installed, are links to gzip", judgeGzip),
		check("usr-bin-options", "FHS 3.0 4.4.3: perl, python, tclsh, wish and expect, where installed, are in /usr/bin",
			judgeOptional("/usr/bin", strings.Fields("perl python tclsh wish expect"))),
		check("sbin-options", "FHS 3.0 3.16.3: programs for the administrator, where installed, are in /sbin",
			judgeOptional("/sbin", strings.Fields("fastboot fasthalt fdisk fsck getty halt ifconfig init mkfs mkswap reboot route swapon swapoff update"))),
		check("sendmail", "FHS 3.0 4.6.2: /usr/lib/sendmail leads to the sendmail command, where there is one", judgeSendmail),
		check("etc-files", "FHS 3.0 3.7.3: configuration files, where they are there, are files or links to such",
			judgeKinds("/etc", strings.Fields(`csh.login exports fstab ftpusers gateways gettydefs group host.conf hosts
				hosts.allow hosts.deny hosts.equiv hosts.lpd inetd.conf inittab issue ld.so.conf motd mtab mtools.conf networks
				passwd printcap profile protocols resolv.conf rpc securetty services shells syslog.conf`), false)),
		check("var-options", "FHS 3.0 5.3, 5.4, 5.7 to 5.14: optional directories of /var, where they are there, are directories",
			judgeKinds("/var", strings.Fields(`account crash games mail yp lib/color lib/hwclock lib/xdm spool/cron spool/lpd spool/mqueue
				spool/news spool/rwho spool/uucp`), true)),
		check("share-options", "FHS 3.0 4.11.3: optional directories of /usr/share, where they are there, are directories",
			judgeKinds("/usr/share", strings.Fields("color dict doc games info locale nls ppd sgml terminfo tmac xml zoneinfo"), true)),
		check("mail", "FHS 3.0 5.11: /var/mail, where it is there, is a directory, and /var/spool/mail leads to it", judgeMail),
	}
}

// judgeOptional judges that what is on the search path can be called from the directory.
func judgeOptional(dir string, names []string) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		var wrong []event.Deviation
		facts := 0
		for _, n := range names {
			at, err := s.Command(n)
			if err != nil {
				continue
			}
			facts++
			if s.Executable(path.Join(dir, n)) != nil {
				wrong = append(wrong, deviant("moved", path.Join(dir, n), "is %s", at))
			}
		}
		return None("stat() of each that is installed", facts, wrong, "an executable file in "+dir), nil
	}
}

func judgeGzip(s *System) (Finding, error) {
	gzip, err := s.Command("gzip")
	if err != nil {
		return Finding{Inapplicable: "gzip is not installed"}, nil
	}
	var wrong []event.Deviation
	facts := 0
	for _, n := range []string{"gunzip", "zcat"} {
		at, err := s.Command(n)
		if err != nil {
			continue
		}
		facts++
		if !s.same(gzip, at) {
			wrong = append(wrong, deviant("differ", at, "a file of its own"))
		}
	}
	return None("following gunzip and zcat", facts, wrong, "a symbolic or hard link to gzip"), nil
}

// same says whether two names lead to one file.
func (s *System) same(a, b string) bool {
	at, err := s.Resolve(a)
	other, errOther := s.Resolve(b)
	if err != nil || errOther != nil {
		return false
	}
	if at == other {
		return true
	}
	one, err := inode(s.Stat(a))
	two, errOther := inode(s.Stat(b))
	return err == nil && errOther == nil && one == two
}

func judgeSendmail(s *System) (Finding, error) {
	command, err := s.Command("sendmail")
	if err != nil {
		return Finding{Inapplicable: "no sendmail command is installed"}, nil
	}
	const name = "/usr/lib/sendmail"
	info, err := s.Lstat(name)
	switch {
	case err != nil:
		return faulty("lstat() of "+name, deviant("missing", name, "%v", cause(err)), "a link to "+command), nil
	case info.Mode()&fs.ModeSymlink == 0:
		return faulty("lstat() of "+name, deviant("other-kind", name, "%s", info.Mode()), "a link to "+command), nil
	case !s.same(name, command):
		return faulty("following "+name, deviant("differ", name, "leads elsewhere"), "a link to "+command), nil
	}
	return Good(2), nil
}

// judgeKinds judges that those of the names that are there are directories, or files.
func judgeKinds(dir string, names []string, directories bool) func(*System) (Finding, error) {
	expected := "a file"
	if directories {
		expected = "a directory"
	}
	return func(s *System) (Finding, error) {
		var wrong []event.Deviation
		facts := 0
		for _, n := range names {
			at := path.Join(dir, n)
			if _, err := s.Lstat(at); err != nil {
				continue
			}
			facts++
			info, err := s.Stat(at)
			switch {
			case err != nil: // /etc/mtab leads into /proc, which a stored root has not
				continue
			case info.IsDir() != directories:
				wrong = append(wrong, deviant("other-kind", at, "%s", info.Mode()))
			}
		}
		return None("stat() of each that is there", facts, wrong, expected), nil
	}
}

func judgeMail(s *System) (Finding, error) {
	if _, err := s.Lstat("/var/mail"); err != nil {
		return Finding{Inapplicable: "there is no /var/mail"}, nil
	}
	if w := s.directory("/var/mail"); w != nil {
		return faulty("stat() of /var/mail", *w, "a directory"), nil
	}
	if _, err := s.Lstat("/var/spool/mail"); err == nil && !s.same("/var/mail", "/var/spool/mail") {
		return faulty("following /var/spool/mail", deviant("differ", "/var/spool/mail", "is not /var/mail"), "/var/mail"), nil
	}
	return Good(2), nil
}
