package selftest

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

var _ = suite.Describe("ends", func() {
	suite.It(guest(meta("leaves-processes", "what a spec leaves running is ended, and the spec is broken")), func(t *spec.T) {
		p := child.NewProgram()
		one, heard := p.Buffer(8), p.Buffer(8)
		one.Bytes[0] = 1
		ready := p.Call(unix.SYS_EVENTFD2, 0, 0)
		p.Must()
		p.Fork(0, func(sub *child.Program) {
			sub.Call(unix.SYS_SETSID)
			sub.Call(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, 0)
			sub.Call(unix.SYS_WRITE, ready, one, 8)
			sub.Call(unix.SYS_PAUSE)
		})
		// Until it has left the group, it is ended with the group.
		p.Call(unix.SYS_READ, ready, heard, 8)
		t.Setup("running a child", p.Run(t))
	})

	suite.It(guest(meta("eats-memory", "memory runs out; the spec that ate it is broken, with or without the machine")), func(t *spec.T) {
		p := child.NewProgram()
		mem := p.Call(unix.SYS_MMAP, 0, 64<<30, unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE, -1, 0)
		p.Must()
		// MADV_POPULATE_WRITE (Linux 5.14) would do; writing from a file does everywhere.
		zero := p.Call(unix.SYS_OPENAT, unix.AT_FDCWD, p.String("/dev/zero"), unix.O_RDONLY, 0)
		p.Call(unix.SYS_READ, zero, mem, 2<<30-4096)
		p.Call(unix.SYS_READ, zero, mem, 2<<30-4096)
		t.Setup("eating memory", p.Run(t))
		t.Note("the machine has more memory than was eaten")
	})

	suite.It(guest(meta("crashes-kernel", "a kernel panic is charged to the spec that ran")), func(t *spec.T) {
		t.Setup("asking the kernel to crash", os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0))
		<-t.Done()
	})

	suite.It(guest(meta("ends-agent", "an agent that ends takes the machine with it")), func(t *spec.T) {
		os.Exit(3)
	})

	suite.It(guest(meta("powers-off", "a machine that ends by itself, without a word, is noticed")), func(t *spec.T) {
		unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
		<-t.Done()
	})

	silent := guest(meta("freezes-agent", "a machine that falls silent is ended"))
	silent.Limit = 100 * time.Millisecond
	suite.It(silent, func(t *spec.T) {
		freeze()
	})

	last := guest(meta("destroys", "a destructive spec has a boot of its own"))
	last.Grade = spec.Destructive
	suite.It(last, func(t *spec.T) {
		unix.Sethostname([]byte("destroyed"))
	})

	fresh := guest(meta("destroys-again", "and the next one finds a fresh machine"))
	fresh.Grade = spec.Destructive
	suite.It(fresh, func(t *spec.T) {
		name, err := os.Hostname()
		t.Setup("reading the host name", err)
		t.True("gethostname() in the next boot", name != "destroyed", name, "another name")
	})

	suite.It(guest(meta("passes-after-ends", "the rest is judged")), func(t *spec.T) {})
})

// freeze stops the whole Go program: it takes every processor of the runtime into a system call that
// the runtime does not know of and that no signal ends.
func freeze() {
	for range runtime.GOMAXPROCS(0) {
		go func() {
			runtime.LockOSThread()
			all := ^uint64(0)
			syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), 0, 8, 0, 0)
			syscall.RawSyscall(unix.SYS_PAUSE, 0, 0, 0)
		}()
	}
	select {}
}
