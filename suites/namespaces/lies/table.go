package lies

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
)

// hasBits says whether a call's argument has all the bits.
func hasBits(arg int, bits uintptr) func([6]uint64) bool {
	return func(a [6]uint64) bool { return a[arg]&uint64(bits) == uint64(bits) }
}

// is says whether a call's argument is an int of that value, whose upper half is nobody's business.
func is(arg int, value int) func([6]uint64) bool {
	return func(a [6]uint64) bool { return int32(a[arg]) == int32(value) }
}

// refusing lies that a call failed.
func refusing(suite, name string, nr uintptr, when func([6]uint64) bool, errno unix.Errno, specs []string) lie {
	return lie{id: identifier(name) + "-" + strings.ToLower(unix.ErrnoName(errno)), name: name + " fails with " + unix.ErrnoName(errno), nr: nr, when: when, errno: errno, suite: suite, specs: specs}
}

// idle lies that a call was made.
func idle(suite, name string, nr uintptr, when func([6]uint64) bool, value int64, specs []string) lie {
	return lie{id: fmt.Sprintf("%s-gives-%d", identifier(name), value), name: fmt.Sprintf("%s gives %d and does nothing", name, value), nr: nr, when: when, value: value, suite: suite, specs: specs}
}

// lies is what a wrong kernel might tell of namespaces. Each must be caught: a spec must fail, or be broken because its
// control says that it is void.
func lies() (all []lie) {
	for _, k := range ns.Kinds {
		all = append(all, lie{id: "unshare-" + k.Name, name: "unshare(" + k.C + ") does nothing", nr: unix.SYS_UNSHARE, when: is(0, int(k.Flag)), suite: "namespaces",
			specs: []string{k.Name + "/"}})
	}
	fails := func(name string, nr uintptr, when func([6]uint64) bool, errno unix.Errno, specs ...string) {
		all = append(all, refusing("namespaces", name, nr, when, errno, specs))
	}
	gives := func(name string, nr uintptr, when func([6]uint64) bool, value int64, specs ...string) {
		all = append(all, idle("namespaces", name, nr, when, value, specs))
	}
	gives("sethostname()", unix.SYS_SETHOSTNAME, nil, 0, "uts/")
	gives("setdomainname()", unix.SYS_SETDOMAINNAME, nil, 0, "uts/")
	fails("sethostname()", unix.SYS_SETHOSTNAME, nil, unix.EIO, "uts/")
	gives("setns()", unix.SYS_SETNS, nil, 0, "setns/", "pidfd/", "general/")
	fails("setns()", unix.SYS_SETNS, nil, unix.EPERM, "setns/", "pidfd/")
	gives("setns() of anything", unix.SYS_SETNS, is(1, 0), 0, "setns/", "pidfd/")
	fails("unshare(unknown flags)", unix.SYS_UNSHARE, func(a [6]uint64) bool { return a[0]&^0x7e020fff != 0 }, unix.EPERM, "unshare/")
	gives("unshare(CLONE_THREAD)", unix.SYS_UNSHARE, hasBits(0, unix.CLONE_THREAD), 0, "unshare/")
	gives("getpid()", unix.SYS_GETPID, nil, 4711, "pid/")
	gives("getppid()", unix.SYS_GETPPID, nil, 4711, "pid/")
	gives("kill(SIGKILL)", unix.SYS_KILL, is(1, int(unix.SIGKILL)), 0, "pid/")
	gives("kill(SIGTERM)", unix.SYS_KILL, is(1, int(unix.SIGTERM)), 0, "pid/")
	gives("mount()", unix.SYS_MOUNT, nil, 0, "mnt/")
	gives("mount(MS_PRIVATE)", unix.SYS_MOUNT, hasBits(3, unix.MS_PRIVATE), 0, "mnt/")
	gives("mount(MS_SLAVE)", unix.SYS_MOUNT, hasBits(3, unix.MS_SLAVE), 0, "mnt/")
	gives("mount(MS_UNBINDABLE)", unix.SYS_MOUNT, hasBits(3, unix.MS_UNBINDABLE), 0, "mnt/")
	gives("umount2()", unix.SYS_UMOUNT2, nil, 0, "mnt/")
	fails("umount2()", unix.SYS_UMOUNT2, nil, unix.EPERM, "mnt/")
	fails("pivot_root()", unix.SYS_PIVOT_ROOT, nil, unix.EPERM, "mnt/")
	gives("open_tree()", unix.SYS_OPEN_TREE, nil, 0, "mnt/")
	gives("fsopen()", unix.SYS_FSOPEN, nil, 0, "mnt/")
	gives("mount_setattr()", unix.SYS_MOUNT_SETATTR, nil, 0, "mnt/")
	gives("msgget()", unix.SYS_MSGGET, nil, 0, "ipc/")
	gives("shmget()", unix.SYS_SHMGET, nil, 0, "ipc/")
	gives("semget()", unix.SYS_SEMGET, nil, 0, "ipc/")
	fails("semop()", unix.SYS_SEMOP, nil, unix.EINVAL, "ipc/")
	gives("shmctl()", unix.SYS_SHMCTL, nil, 0, "ipc/")
	fails("mq_open()", unix.SYS_MQ_OPEN, is(1, unix.O_RDWR), unix.EACCES, "ipc/")
	gives("setresuid()", unix.SYS_SETRESUID, nil, 0, "user/", "usermap/")
	fails("setresuid()", unix.SYS_SETRESUID, nil, unix.EPERM, "user/")
	gives("geteuid()", unix.SYS_GETEUID, nil, 0, "user/")
	gives("getuid()", unix.SYS_GETUID, nil, 0, "user/")
	fails("setgroups()", unix.SYS_SETGROUPS, nil, unix.EINVAL, "user/")
	gives("setpriority()", unix.SYS_SETPRIORITY, nil, 0, "user/")
	gives("bind()", unix.SYS_BIND, nil, 0, "net/")
	gives("connect()", unix.SYS_CONNECT, nil, 0, "net/")
	fails("connect()", unix.SYS_CONNECT, nil, unix.EACCES, "net/")
	gives("ioctl(NS_GET_NSTYPE)", unix.SYS_IOCTL, is(1, unix.NS_GET_NSTYPE), unix.CLONE_NEWUTS, "ioctl/")
	fails("ioctl(NS_GET_USERNS)", unix.SYS_IOCTL, is(1, unix.NS_GET_USERNS), unix.EBADF, "ioctl/")
	fails("ioctl(NS_GET_PARENT)", unix.SYS_IOCTL, is(1, unix.NS_GET_PARENT), unix.ESRCH, "ioctl/")
	gives("ioctl(NS_GET_OWNER_UID)", unix.SYS_IOCTL, is(1, unix.NS_GET_OWNER_UID), 0, "ioctl/")
	gives("ioctl(SIOCSIFFLAGS)", unix.SYS_IOCTL, is(1, unix.SIOCSIFFLAGS), 0, "net/")
	gives("pidfd_send_signal()", unix.SYS_PIDFD_SEND_SIGNAL, nil, 0, "pidfd/")
	fails("pidfd_getfd()", unix.SYS_PIDFD_GETFD, nil, unix.EPERM, "pidfd/")
	fails("clone3()", unix.SYS_CLONE3, nil, unix.EBUSY, "clone/", "clone3/")
	gives("clock_nanosleep()", unix.SYS_CLOCK_NANOSLEEP, nil, 0, "time/")
	return all
}

// identifier makes a spec's name of a call's text.
func identifier(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, strings.NewReplacer("()", "", ")", "").Replace(text)), "-")
}
