package posix

import (
	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// Special values of nanoseconds for utimensat(): <linux/stat.h>.
const (
	utimeNow  = 1<<30 - 1
	utimeOmit = 1<<30 - 2
)

var _ = suite.Describe("posix", func() {
	it("chmod", "chmod() DESCRIPTION and ERRORS: all twelve bits, whatever the mask; EPERM for another's file, ENOENT", func(s *script) {
		s.file("f", "")
		s.setup("umask(077)", unix.SYS_UMASK, 0o077)
		s.ok(`chmod("f", 04751)`, unix.SYS_FCHMODAT, cwd, s.path("f"), 0o4751)
		s.mode("st_mode", "f", 0o4751)
		s.ok("fchmod(fd, 0604)", unix.SYS_FCHMOD, s.open("f", rdonly), 0o604)
		s.mode("st_mode", "f", 0o604)
		s.fails(`chmod("absent")`, errs(unix.ENOENT), unix.SYS_FCHMODAT, cwd, s.path("absent"), 0o600)
		s.nobody()
		s.fails("chmod(another's file)", errs(unix.EPERM), unix.SYS_FCHMODAT, cwd, s.path("f"), 0o777)
	}, spec.Root)
	it("chmod-set-group", "chmod() DESCRIPTION: S_ISGID is cleared for a file whose group is none of the process, without privilege", func(s *script) {
		s.file("f", "")
		s.setup("chown()", unix.SYS_FCHOWNAT, cwd, s.path("f"), 65534, 12345, 0)
		s.nobody()
		s.ok(`chmod("f", 02755)`, unix.SYS_FCHMODAT, cwd, s.path("f"), 0o2755)
		s.mode("st_mode", "f", 0o755)
	}, spec.Root)
	it("chown-clears-bits", "chown() DESCRIPTION: S_ISUID and S_ISGID of an executable file are cleared, without privilege", func(s *script) {
		s.file("f", "")
		s.setup("chown()", unix.SYS_FCHOWNAT, cwd, s.path("f"), 65534, 65534, 0)
		s.setup("chmod()", unix.SYS_FCHMODAT, cwd, s.path("f"), 0o6755)
		s.nobody()
		s.ok("chown(own file, own group)", unix.SYS_FCHOWNAT, cwd, s.path("f"), -1, 65534, 0)
		s.mode("st_mode", "f", 0o755)
	}, spec.Root)
	it("chown-eperm", "chown() ERRORS EPERM: another owner, or a group that is none of the process, without privilege", func(s *script) {
		s.nobody()
		s.file("f", "")
		s.fails("chown(0)", errs(unix.EPERM), unix.SYS_FCHOWNAT, cwd, s.path("f"), 0, -1, 0)
		s.fails("chown(group 0)", errs(unix.EPERM), unix.SYS_FCHOWNAT, cwd, s.path("f"), -1, 0, 0)
		s.ok("chown(-1, -1)", unix.SYS_FCHOWNAT, cwd, s.path("f"), -1, -1, 0)
	}, spec.Root)
	it("umask", "umask() RETURN VALUE: the mask of before; of the new one only the permission bits count", func(s *script) {
		s.setup("umask(022)", unix.SYS_UMASK, 0o022)
		s.gives("umask(07177)", 0o022, unix.SYS_UMASK, 0o7177)
		s.gives("umask(0)", 0o177, unix.SYS_UMASK, 0)
	})
	it("access", "access() DESCRIPTION: the real user's rights; root may execute only what somebody may", func(s *script) {
		s.file("f", "")
		s.setup("chmod()", unix.SYS_FCHMODAT, cwd, s.path("f"), 0o600)
		s.fails("access(X_OK)", errs(unix.EACCES), unix.SYS_FACCESSAT, cwd, s.path("f"), unix.X_OK)
		s.fails("access(absent)", errs(unix.ENOENT), unix.SYS_FACCESSAT, cwd, s.path("absent"), unix.F_OK)
		s.fails("access(-1)", errs(unix.EINVAL), unix.SYS_FACCESSAT, cwd, s.path("f"), -1)
		s.setup("setreuid()", unix.SYS_SETRESUID, 65534, 0, 0)
		s.fails("access(R_OK) with another real user", errs(unix.EACCES), unix.SYS_FACCESSAT, cwd, s.path("f"), unix.R_OK)
		s.ok("open() with the effective user", unix.SYS_OPENAT, cwd, s.path("f"), rdonly, 0)
	}, spec.Root)
	it("utimensat", "utimensat() DESCRIPTION: both times, with UTIME_OMIT and UTIME_NOW; ctime is marked", func(s *script) {
		s.file("f", "")
		s.ok("utimensat({1, 2}, {3, 4})", unix.SYS_UTIMENSAT, cwd, s.path("f"), s.longs(1, 2, 3, 4), 0)
		a := s.stat("f", 0)
		s.ok("utimensat({5, 6}, UTIME_OMIT)", unix.SYS_UTIMENSAT, cwd, s.path("f"), s.longs(5, 6, 0, utimeOmit), 0)
		b := s.stat("f", 0)
		s.ok("utimensat(UTIME_OMIT, UTIME_NOW)", unix.SYS_UTIMENSAT, cwd, s.path("f"), s.longs(0, utimeOmit, 0, utimeNow), 0)
		c := s.stat("f", 0)
		s.then(func() {
			s.t.Equal("st_atim and st_mtim", [2]int64{int64(a().Atim.Sec), int64(a().Mtim.Sec)}, [2]int64{1, 3})
			s.t.Equal("st_atim and st_mtim behind UTIME_OMIT", [2]int64{int64(b().Atim.Sec), int64(b().Mtim.Sec)}, [2]int64{5, 3})
			s.t.True("st_mtim behind UTIME_NOW", c().Mtim.Sec > 1e9, "long ago", "now")
			s.t.True("st_ctim", a().Ctim.Sec > 1e9, "long ago", "now")
		})
		s.fails("utimensat(nanoseconds 10^9)", errs(unix.EINVAL), unix.SYS_UTIMENSAT, cwd, s.path("f"), s.longs(0, 1e9, 0, 0), 0)
	})
	it("utimensat-others", "utimensat() ERRORS: for another's file EPERM with times, EACCES for now without write access", func(s *script) {
		s.file("f", "")
		s.setup("chmod()", unix.SYS_FCHMODAT, cwd, s.path("f"), 0o644)
		s.nobody()
		s.fails("utimensat(times)", errs(unix.EPERM), unix.SYS_UTIMENSAT, cwd, s.path("f"), s.longs(1, 2, 3, 4), 0)
		s.fails("utimensat(now)", errs(unix.EACCES), unix.SYS_UTIMENSAT, cwd, s.path("f"), 0, 0)
	}, spec.Root)
	it("write-marks-times", "write() DESCRIPTION: marks st_mtim and st_ctim for update, and read() of nothing does not", func(s *script) {
		s.file("f", "")
		s.setup("utimensat()", unix.SYS_UTIMENSAT, cwd, s.path("f"), s.longs(1, 0, 1, 0), 0)
		fd := s.open("f", rdwr)
		s.setup("read()", unix.SYS_READ, fd, s.Buffer(1), 1)
		a := s.stat("f", 0)
		s.setup("write()", unix.SYS_WRITE, fd, s.String("x"), 1)
		b := s.stat("f", 0)
		s.then(func() {
			s.t.Equal("st_mtim before write()", int64(a().Mtim.Sec), int64(1))
			s.t.True("st_mtim behind write()", b().Mtim.Sec > 1e9, "long ago", "now")
		})
	})
	it("statvfs", "fstatvfs() DESCRIPTION: a block size, a count of blocks that are not fewer than the free, a longest name", func(s *script) {
		b := s.Buffer(256)
		s.ok("fstatfs(fd)", unix.SYS_FSTATFS, s.open(".", rdonly), b)
		s.then(func() {
			bsize, blocks, free, avail, name := long(b, 8), long(b, 16), long(b, 24), long(b, 32), long(b, 64)
			s.t.True("f_bsize", bsize > 0, "0", "above 0")
			s.t.True("f_blocks, f_bfree, f_bavail", blocks >= free && free >= avail, "more free than there are", "in order")
			s.t.True("f_namemax", name >= 14, "below _POSIX_NAME_MAX", "14 or more")
		})
		s.fails("fstatfs(-1)", errs(unix.EBADF), unix.SYS_FSTATFS, -1, b)
	})
})
