package posix

import (
	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

var _ = suite.Describe("posix", func() {
	it("mkdir", "mkdir() DESCRIPTION and ERRORS: the mode without the mask; EEXIST, ENOENT, ENOTDIR", func(s *script) {
		s.file("f", "")
		s.setup("umask(022)", unix.SYS_UMASK, 0o022)
		s.ok(`mkdir("d", 0777)`, unix.SYS_MKDIRAT, cwd, s.path("d"), 0o777)
		s.mode("st_mode", "d", 0o755)
		s.fails(`mkdir("d")`, errs(unix.EEXIST), unix.SYS_MKDIRAT, cwd, s.path("d"), 0o777)
		s.fails(`mkdir("absent/d")`, errs(unix.ENOENT), unix.SYS_MKDIRAT, cwd, s.path("absent/d"), 0o777)
		s.fails(`mkdir("f/d")`, errs(unix.ENOTDIR), unix.SYS_MKDIRAT, cwd, s.path("f/d"), 0o777)
	})
	it("rmdir", "rmdir() ERRORS: EEXIST or ENOTEMPTY, ENOTDIR, ENOENT; EINVAL for a path that ends in a dot", func(s *script) {
		s.file("f", "")
		s.setup("mkdir()", unix.SYS_MKDIRAT, cwd, s.path("d"), 0o755)
		s.file("d/g", "")
		s.fails(`rmdir("d")`, errs(unix.EEXIST, unix.ENOTEMPTY), unix.SYS_UNLINKAT, cwd, s.path("d"), unix.AT_REMOVEDIR)
		s.fails(`rmdir("f")`, errs(unix.ENOTDIR), unix.SYS_UNLINKAT, cwd, s.path("f"), unix.AT_REMOVEDIR)
		s.fails(`rmdir("absent")`, errs(unix.ENOENT), unix.SYS_UNLINKAT, cwd, s.path("absent"), unix.AT_REMOVEDIR)
		s.fails(`rmdir("d/.")`, errs(unix.EINVAL), unix.SYS_UNLINKAT, cwd, s.String(s.folder+"/d/."), unix.AT_REMOVEDIR)
	})
	it("rename-replaces", "rename() DESCRIPTION: the new name is another's no more; two names of one file stay as they are", func(s *script) {
		s.file("f", "one")
		s.file("g", "two")
		s.ok(`rename("f", "g")`, unix.SYS_RENAMEAT2, cwd, s.path("f"), cwd, s.path("g"), 0)
		s.content("read(g)", s.open("g", rdonly), "one")
		s.fails(`open("f")`, errs(unix.ENOENT), unix.SYS_OPENAT, cwd, s.path("f"), rdonly, 0)
		s.setup("link()", unix.SYS_LINKAT, cwd, s.path("g"), cwd, s.path("h"), 0)
		s.ok("rename() of two names of one file", unix.SYS_RENAMEAT2, cwd, s.path("g"), cwd, s.path("h"), 0)
		s.stat("g", 0)
		s.stat("h", 0)
	})
	it("rename-errors", "rename() ERRORS: EEXIST or ENOTEMPTY, EISDIR, ENOTDIR, ENOENT; EINVAL into itself", func(s *script) {
		s.file("f", "")
		s.setup("mkdir()", unix.SYS_MKDIRAT, cwd, s.path("d"), 0o755)
		s.setup("mkdir()", unix.SYS_MKDIRAT, cwd, s.path("e"), 0o755)
		s.file("d/g", "")
		rename := func(text, from, to string, e ...unix.Errno) {
			s.fails(text, e, unix.SYS_RENAMEAT2, cwd, s.path(from), cwd, s.path(to), 0)
		}
		rename("rename(directory, one that holds something)", "e", "d", unix.EEXIST, unix.ENOTEMPTY)
		rename("rename(file, directory)", "f", "e", unix.EISDIR)
		rename("rename(directory, file)", "e", "f", unix.ENOTDIR)
		rename("rename(directory, below itself)", "d", "d/x", unix.EINVAL)
		rename("rename(absent)", "absent", "x", unix.ENOENT)
	})
	it("link", "link() DESCRIPTION and ERRORS: one more link; EEXIST, ENOENT, EPERM for a directory", func(s *script) {
		s.file("f", "")
		s.ok(`link("f", "g")`, unix.SYS_LINKAT, cwd, s.path("f"), cwd, s.path("g"), 0)
		f, g := s.stat("f", 0), s.stat("g", 0)
		s.then(func() {
			s.t.True("stat()", f().Ino == g().Ino && f().Nlink == 2, "another file or count", "one file with two links")
		})
		s.fails(`link("f", "g") again`, errs(unix.EEXIST), unix.SYS_LINKAT, cwd, s.path("f"), cwd, s.path("g"), 0)
		s.fails("link(absent)", errs(unix.ENOENT), unix.SYS_LINKAT, cwd, s.path("absent"), cwd, s.path("h"), 0)
		s.fails("link(directory)", errs(unix.EPERM), unix.SYS_LINKAT, cwd, s.path("."), cwd, s.path("h"), 0)
	})
	it("link-exdev", "link() and rename() ERRORS EXDEV: the names are on different file systems", func(s *script) {
		s.fails("link()", errs(unix.EXDEV), unix.SYS_LINKAT, cwd, s.String("/proc/self/stat"), cwd, s.path("f"), 0)
		s.fails("rename()", errs(unix.EXDEV), unix.SYS_RENAMEAT2, cwd, s.String("/proc/self/stat"), cwd, s.path("f"), 0)
	}, proc)
	it("unlink-open", "unlink() DESCRIPTION: an open file lives on until it is closed, with no links", func(s *script) {
		s.file("f", "text")
		fd := s.open("f", rdonly)
		s.ok(`unlink("f")`, unix.SYS_UNLINKAT, cwd, s.path("f"), 0)
		s.content("read(fd)", fd, "text")
		b := s.Buffer(256)
		s.ok("fstat(fd)", unix.SYS_FSTAT, fd, b)
		s.then(func() { s.t.Equal("st_nlink", int(statOf(b).Nlink), 0) })
		s.fails(`unlink("f") again`, errs(unix.ENOENT), unix.SYS_UNLINKAT, cwd, s.path("f"), 0)
	})
	it("link-access", "link() ERRORS EACCES, and LSB 20.2: the existing file must be accessible", func(s *script) {
		s.setup("mkdir()", unix.SYS_MKDIRAT, cwd, s.path("d"), 0o700)
		s.file("d/f", "")
		s.nobody()
		s.fails(`link("d/f", "g") by nobody`, errs(unix.EACCES), unix.SYS_LINKAT, cwd, s.path("d/f"), cwd, s.path("g"), 0)
	}, spec.Root)
	it("unlink-directory", "unlink() ERRORS EPERM, and LSB 20.2: a directory is refused, with EISDIR too", func(s *script) {
		s.setup("mkdir()", unix.SYS_MKDIRAT, cwd, s.path("d"), 0o755)
		s.fails(`unlink("d")`, errs(unix.EPERM, unix.EISDIR), unix.SYS_UNLINKAT, cwd, s.path("d"), 0)
	})
	it("unlink-sticky", "unlink() and rename() ERRORS EPERM or EACCES: S_ISVTX on the directory, and another's file", func(s *script) {
		s.file("f", "")
		s.setup("chmod()", unix.SYS_FCHMODAT, cwd, s.path("."), 0o1777)
		s.nobody()
		s.fails(`unlink("f")`, errs(unix.EPERM, unix.EACCES), unix.SYS_UNLINKAT, cwd, s.path("f"), 0)
		s.fails(`rename("f")`, errs(unix.EPERM, unix.EACCES), unix.SYS_RENAMEAT2, cwd, s.path("f"), cwd, s.path("g"), 0)
		s.file("own", "")
		s.ok("unlink(own file)", unix.SYS_UNLINKAT, cwd, s.path("own"), 0)
	}, spec.Root)
	it("symlink", "symlink() and readlink(): any content; EEXIST; EINVAL for what is no link; no NUL behind the content", func(s *script) {
		s.ok(`symlink("any where", "l")`, unix.SYS_SYMLINKAT, s.String("any where"), cwd, s.path("l"))
		b := s.Buffer(16)
		s.gives("readlink()", 9, unix.SYS_READLINKAT, cwd, s.path("l"), b, 16)
		s.then(func() { s.t.Equal("readlink()", string(b.Bytes[:9]), "any where") })
		s.gives("readlink() of 3 bytes", 3, unix.SYS_READLINKAT, cwd, s.path("l"), b, 3)
		s.fails("symlink() again", errs(unix.EEXIST), unix.SYS_SYMLINKAT, s.String("x"), cwd, s.path("l"))
		s.fails("readlink(directory)", errs(unix.EINVAL), unix.SYS_READLINKAT, cwd, s.path("."), b, 16)
	})
	it("lstat", "lstat() DESCRIPTION: the link itself, whose size is the length of its content; stat() what it leads to", func(s *script) {
		s.file("f", "abc")
		s.setup("symlink()", unix.SYS_SYMLINKAT, s.String("f"), cwd, s.path("l"))
		l, f := s.stat("l", unix.AT_SYMLINK_NOFOLLOW), s.stat("l", 0)
		s.then(func() {
			s.t.Equal("lstat() type", l().Mode&unix.S_IFMT, uint32(unix.S_IFLNK))
			s.t.Equal("lstat() st_size", l().Size, int64(1))
			s.t.Equal("stat() st_size", f().Size, int64(3))
		})
	})
	it("mkfifo", "mkfifo() DESCRIPTION and ERRORS: a FIFO with the mode without the mask; EEXIST", func(s *script) {
		s.setup("umask(077)", unix.SYS_UMASK, 0o077)
		s.ok(`mkfifo("p", 0666)`, unix.SYS_MKNODAT, cwd, s.path("p"), unix.S_IFIFO|0o666, 0)
		st := s.stat("p", 0)
		s.then(func() { s.t.Equal("st_mode", st().Mode, uint32(unix.S_IFIFO|0o600)) })
		s.fails(`mkfifo("p") again`, errs(unix.EEXIST), unix.SYS_MKNODAT, cwd, s.path("p"), unix.S_IFIFO|0o666, 0)
	})
	it("chdir", "chdir(), fchdir() and getcwd() ERRORS: ENOTDIR, ENOENT, EACCES; ERANGE", func(s *script) {
		s.file("f", "")
		s.ok("chdir(folder)", unix.SYS_CHDIR, s.path("."))
		s.stat("f", 0)
		s.fails(`chdir("f")`, errs(unix.ENOTDIR), unix.SYS_CHDIR, s.String("f"))
		s.fails(`chdir("absent")`, errs(unix.ENOENT), unix.SYS_CHDIR, s.String("absent"))
		s.fails("fchdir(file)", errs(unix.ENOTDIR), unix.SYS_FCHDIR, s.open("f", rdonly))
		s.fails("getcwd(b, 1)", errs(unix.ERANGE), unix.SYS_GETCWD, s.Buffer(8), 1)
	})
	it("at-relative", "openat(), mkdirat(), fstatat(), renameat(), unlinkat(): relative to the descriptor; EBADF, ENOTDIR", func(s *script) {
		s.file("f", "")
		s.setup("mkdir()", unix.SYS_MKDIRAT, cwd, s.path("d"), 0o755)
		d := s.open("d", unix.O_DIRECTORY)
		s.ok(`mkdirat(d, "e")`, unix.SYS_MKDIRAT, d, s.String("e"), 0o755)
		s.ok(`openat(d, "g", O_CREAT)`, unix.SYS_OPENAT, d, s.String("g"), newFile, 0o644)
		s.ok(`renameat(d, "g", d, "h")`, unix.SYS_RENAMEAT2, d, s.String("g"), d, s.String("h"), 0)
		s.stat("d/h", 0)
		s.ok(`unlinkat(d, "e", AT_REMOVEDIR)`, unix.SYS_UNLINKAT, d, s.String("e"), unix.AT_REMOVEDIR)
		s.fails(`openat(-1, "h")`, errs(unix.EBADF), unix.SYS_OPENAT, -1, s.String("h"), rdonly, 0)
		s.ok("openat(-1, absolute)", unix.SYS_OPENAT, -1, s.path("d/h"), rdonly, 0)
		s.fails(`openat(file, "h")`, errs(unix.ENOTDIR), unix.SYS_OPENAT, s.open("f", rdonly), s.String("h"), rdonly, 0)
	})
	it("at-flags", "fstatat(), unlinkat() and linkat() ERRORS EINVAL: a flag that is none", func(s *script) {
		s.file("f", "")
		s.fails("fstatat(0x40000000)", errs(unix.EINVAL), unix.SYS_NEWFSTATAT, cwd, s.path("f"), s.Buffer(256), 0x40000000)
		s.fails("unlinkat(0x40000000)", errs(unix.EINVAL), unix.SYS_UNLINKAT, cwd, s.path("f"), 0x40000000)
		s.fails("linkat(0x40000000)", errs(unix.EINVAL), unix.SYS_LINKAT, cwd, s.path("f"), cwd, s.path("g"), 0x40000000)
	})
	it("linkat-follow", "linkat() DESCRIPTION AT_SYMLINK_FOLLOW: links what the symbolic link leads to, else the link itself", func(s *script) {
		s.file("f", "")
		s.setup("symlink()", unix.SYS_SYMLINKAT, s.String("f"), cwd, s.path("l"))
		s.ok("linkat(AT_SYMLINK_FOLLOW)", unix.SYS_LINKAT, cwd, s.path("l"), cwd, s.path("g"), unix.AT_SYMLINK_FOLLOW)
		s.ok("linkat(0)", unix.SYS_LINKAT, cwd, s.path("l"), cwd, s.path("m"), 0)
		g, m := s.stat("g", unix.AT_SYMLINK_NOFOLLOW), s.stat("m", unix.AT_SYMLINK_NOFOLLOW)
		s.then(func() {
			s.t.Equal("type with AT_SYMLINK_FOLLOW", g().Mode&unix.S_IFMT, uint32(unix.S_IFREG))
			s.t.Equal("type without", m().Mode&unix.S_IFMT, uint32(unix.S_IFLNK))
		})
	})
})

// proc probes for the proc file system, which is another than that of the specs' folders.
var proc = spec.Probe{Name: "proc file system", Check: func() error { return unix.Access("/proc/self/stat", unix.R_OK) }}
