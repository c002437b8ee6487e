package posix

import (
	"os"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// terminals probes for a multiplexer of pseudo-terminals.
var terminals = spec.Probe{Name: "/dev/ptmx", Check: func() error {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}}

var _ = suite.Describe("posix", func() {
	it("terminal-enotty", "tcgetattr(), tcgetpgrp() and tcflush() ERRORS: ENOTTY for what is no terminal, EBADF", func(s *script) {
		fd := s.open("f", newFile)
		s.fails("tcgetattr(file)", errs(unix.ENOTTY), unix.SYS_IOCTL, fd, unix.TCGETS, s.Buffer(64))
		s.fails("tcgetpgrp(file)", errs(unix.ENOTTY), unix.SYS_IOCTL, fd, unix.TIOCGPGRP, s.Buffer(4))
		s.fails("tcflush(file)", errs(unix.ENOTTY), unix.SYS_IOCTL, fd, unix.TCFLSH, 0)
		s.fails("tcgetattr(-1)", errs(unix.EBADF), unix.SYS_IOCTL, -1, unix.TCGETS, s.Buffer(64))
	})
	it("terminal-session", "General Terminal Interface 11.1.3: a session's leader gets a controlling terminal, whose foreground group is its own", func(s *script) {
		master := s.setup("open(ptmx)", unix.SYS_OPENAT, cwd, s.String("/dev/ptmx"), rdwr|unix.O_NOCTTY, 0)
		s.setup("unlockpt()", unix.SYS_IOCTL, master, unix.TIOCSPTLCK, s.words(0))
		slave := s.setup("TIOCGPTPEER", unix.SYS_IOCTL, master, unix.TIOCGPTPEER, rdwr|unix.O_NOCTTY)
		group := s.words(0)
		s.wait(s.fork(func(o *script) {
			pid := o.setup("getpid()", unix.SYS_GETPID)
			o.setup("setsid()", unix.SYS_SETSID)
			o.fails("tcgetpgrp() before it is the controlling terminal", errs(unix.ENOTTY), unix.SYS_IOCTL, slave, unix.TIOCGPGRP, group)
			o.setup("TIOCSCTTY", unix.SYS_IOCTL, slave, unix.TIOCSCTTY, 0)
			o.ok("tcgetpgrp()", unix.SYS_IOCTL, slave, unix.TIOCGPGRP, group)
			o.ok("open(/dev/tty)", unix.SYS_OPENAT, cwd, o.String("/dev/tty"), rdwr, 0)
			o.fails("tcsetpgrp(group of another session)", errs(unix.EPERM, unix.ESRCH), unix.SYS_IOCTL, slave, unix.TIOCSPGRP, o.words(1))
			o.then(func() { o.t.Equal("tcgetpgrp()", int(word(group, 0)), pid.Value()) })
		}))
	}, terminals)
	it("terminal-characters", "LSB 5.0 Core 20.2, tcsetattr() and General Terminal Interface 11.1.9: START and STOP can be changed", func(s *script) {
		master := s.setup("open(ptmx)", unix.SYS_OPENAT, cwd, s.String("/dev/ptmx"), rdwr|unix.O_NOCTTY, 0)
		// struct termios of the kernel: four words of flags, a byte of the line, 19 characters.
		const characters = 17
		want := s.words(unix.ICRNL|unix.IXON, unix.OPOST|unix.ONLCR, unix.B38400|unix.CS8|unix.CREAD, unix.ISIG|unix.ICANON, 0, 0, 0, 0, 0)
		want.Bytes[characters+unix.VSTART], want.Bytes[characters+unix.VSTOP] = 'a', 'b'
		s.ok("tcsetattr()", unix.SYS_IOCTL, master, unix.TCSETS, want)
		got := s.Buffer(64)
		s.ok("tcgetattr()", unix.SYS_IOCTL, master, unix.TCGETS, got)
		s.then(func() {
			s.t.Equal("START, STOP", string([]byte{got.Bytes[characters+unix.VSTART], got.Bytes[characters+unix.VSTOP]}), "ab")
		})
	}, terminals)
	it("terminal-canonical", "General Terminal Interface 11.1.6: a read gives no more than a line, whatever is asked", func(s *script) {
		master := s.setup("open(ptmx)", unix.SYS_OPENAT, cwd, s.String("/dev/ptmx"), rdwr|unix.O_NOCTTY, 0)
		s.setup("unlockpt()", unix.SYS_IOCTL, master, unix.TIOCSPTLCK, s.words(0))
		slave := s.setup("TIOCGPTPEER", unix.SYS_IOCTL, master, unix.TIOCGPTPEER, rdwr|unix.O_NOCTTY)
		s.setup("write(master)", unix.SYS_WRITE, master, s.String("one\ntwx\x7fo\n\x04"), 11)
		s.content("read(slave)", slave, "one\n")
		s.content("read(slave) behind VERASE", slave, "two\n")
		s.content("read(slave) at VEOF", slave, "")
	}, terminals)
})
