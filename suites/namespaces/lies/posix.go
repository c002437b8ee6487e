package lies

import "golang.org/x/sys/unix"

// lacks says whether a call's argument has none of the bits.
func lacks(arg int, bits uint64) func([6]uint64) bool {
	return func(a [6]uint64) bool { return a[arg]&bits == 0 }
}

// posixLies is what a wrong kernel might tell of the interfaces of POSIX. Those that Go's runtime lives on
// are lied about for arguments that it does not use.
func posixLies() (all []lie) {
	fails := func(name string, nr uintptr, when func([6]uint64) bool, errno unix.Errno, specs ...string) {
		all = append(all, refusing("lsb", "posix "+name, nr, when, errno, within(specs)))
	}
	gives := func(name string, nr uintptr, when func([6]uint64) bool, value int64, specs ...string) {
		all = append(all, idle("lsb", "posix "+name, nr, when, value, within(specs)))
	}
	// Files and what is done with descriptors.
	gives("open(O_EXCL)", unix.SYS_OPENAT, hasBits(2, unix.O_CREAT|unix.O_EXCL), 0, "open-excl")
	gives("open(O_DIRECTORY)", unix.SYS_OPENAT, is(2, unix.O_DIRECTORY), 0, "open-enotdir")
	gives("open(O_NOFOLLOW)", unix.SYS_OPENAT, is(2, unix.O_NOFOLLOW), 0, "open-eloop")
	gives("open(O_RDWR)", unix.SYS_OPENAT, is(2, unix.O_RDWR), 0, "open-eisdir")
	fails("open(O_WRONLY|O_TRUNC)", unix.SYS_OPENAT, is(2, unix.O_WRONLY|unix.O_TRUNC), unix.EACCES, "open-trunc")
	gives("umask()", unix.SYS_UMASK, nil, 0, "umask", "open-mode")
	gives("ftruncate()", unix.SYS_FTRUNCATE, nil, 0, "ftruncate")
	fails("ftruncate()", unix.SYS_FTRUNCATE, nil, unix.EIO, "ftruncate")
	gives("dup()", unix.SYS_DUP, nil, 0, "dup", "fcntl")
	gives("lseek()", unix.SYS_LSEEK, nil, 0, "lseek")
	fails("lseek()", unix.SYS_LSEEK, nil, unix.EINVAL, "lseek")
	gives("pread()", unix.SYS_PREAD64, nil, 0, "pread-pwrite")
	gives("pwrite()", unix.SYS_PWRITE64, nil, 1, "pread-pwrite")
	gives("fcntl(F_SETLK)", unix.SYS_FCNTL, is(1, unix.F_SETLK), 0, "lock-")
	fails("fcntl(F_SETLK)", unix.SYS_FCNTL, is(1, unix.F_SETLK), unix.EAGAIN, "lock-")
	gives("fcntl(F_GETLK)", unix.SYS_FCNTL, is(1, unix.F_GETLK), 0, "lock-get")
	gives("fcntl(F_SETLKW)", unix.SYS_FCNTL, is(1, unix.F_SETLKW), 0, "lock-deadlock")
	gives("fcntl(F_SETFL)", unix.SYS_FCNTL, is(1, unix.F_SETFL), 0, "fcntl-flags")
	gives("chmod()", unix.SYS_FCHMODAT, lacks(2, 0o2), 0, "chmod", "open-")
	gives("chown()", unix.SYS_FCHOWNAT, nil, 0, "chown-")
	fails("chown()", unix.SYS_FCHOWNAT, nil, unix.EACCES, "chown-")
	gives("access()", unix.SYS_FACCESSAT, nil, 0, "access")
	fails("access()", unix.SYS_FACCESSAT, nil, unix.EACCES, "access")
	gives("utimensat()", unix.SYS_UTIMENSAT, nil, 0, "utimensat")
	gives("fstatfs()", unix.SYS_FSTATFS, nil, 0, "statvfs")
	// Names.
	gives("mkdir(0777)", unix.SYS_MKDIRAT, is(2, 0o777), 0, "mkdir")
	gives("rmdir()", unix.SYS_UNLINKAT, is(2, unix.AT_REMOVEDIR), 0, "rmdir")
	fails("rmdir()", unix.SYS_UNLINKAT, is(2, unix.AT_REMOVEDIR), unix.EPERM, "rmdir")
	gives("unlink()", unix.SYS_UNLINKAT, is(2, 0), 0, "unlink-")
	gives("rename()", unix.SYS_RENAMEAT2, nil, 0, "rename-", "link-exdev")
	fails("rename()", unix.SYS_RENAMEAT2, nil, unix.EXDEV, "rename-")
	gives("link()", unix.SYS_LINKAT, nil, 0, "link")
	fails("link()", unix.SYS_LINKAT, nil, unix.EPERM, "link")
	gives("symlink()", unix.SYS_SYMLINKAT, nil, 0, "symlink")
	gives("readlink()", unix.SYS_READLINKAT, nil, 1, "symlink")
	gives("mkfifo()", unix.SYS_MKNODAT, nil, 0, "mkfifo")
	gives("chdir()", unix.SYS_CHDIR, nil, 0, "chdir")
	gives("getcwd()", unix.SYS_GETCWD, nil, 1, "chdir")
	// Pipes, waiting for descriptors, sockets.
	gives("pipe()", unix.SYS_PIPE2, is(1, 0), 0, "pipe")
	gives("poll()", unix.SYS_PPOLL, nil, 0, "poll")
	gives("poll()", unix.SYS_PPOLL, nil, 1, "poll")
	gives("select()", unix.SYS_PSELECT6, nil, 0, "select")
	gives("socket(SOCK_STREAM)", unix.SYS_SOCKET, nil, 0, "socket-errors")
	gives("bind()", unix.SYS_BIND, nil, 0, "socket-connect")
	gives("connect()", unix.SYS_CONNECT, nil, 0, "socket-connect")
	fails("listen()", unix.SYS_LISTEN, nil, unix.EINVAL, "socket-stream")
	gives("accept()", unix.SYS_ACCEPT4, nil, 0, "socket-stream", "socket-nonblock")
	fails("getsockopt()", unix.SYS_GETSOCKOPT, nil, unix.EINVAL, "socket-options")
	gives("recvfrom()", unix.SYS_RECVFROM, nil, 0, "socket-datagram")
	gives("getsockopt()", unix.SYS_GETSOCKOPT, nil, 0, "socket-options")
	// Memory.
	gives("mmap(MAP_SHARED)", unix.SYS_MMAP, is(3, unix.MAP_SHARED), 0, "mmap-")
	gives("mprotect()", unix.SYS_MPROTECT, nil, 0, "mprotect")
	gives("munmap()", unix.SYS_MUNMAP, nil, 0, "msync-munmap")
	gives("msync()", unix.SYS_MSYNC, nil, 0, "msync-munmap")
	gives("mlock()", unix.SYS_MLOCK, nil, 0, "mlock")
	// System V and POSIX communication.
	gives("shmget(key)", unix.SYS_SHMGET, func(a [6]uint64) bool { return a[0] != 0 }, 0, "ipc-keys") // a probe makes a private one
	fails("shmat()", unix.SYS_SHMAT, nil, unix.EACCES, "shm")
	gives("shmctl()", unix.SYS_SHMCTL, nil, 0, "shm")
	gives("semop()", unix.SYS_SEMOP, nil, 0, "sem")
	fails("semop()", unix.SYS_SEMOP, nil, unix.EAGAIN, "sem")
	gives("semctl()", unix.SYS_SEMCTL, nil, 0, "sem")
	gives("msgsnd()", unix.SYS_MSGSND, nil, 0, "msg")
	gives("msgrcv()", unix.SYS_MSGRCV, nil, 1, "msg")
	fails("msgget()", unix.SYS_MSGGET, nil, unix.ENOENT, "ipc-keys")
	gives("mq_send()", unix.SYS_MQ_TIMEDSEND, nil, 0, "mq")
	gives("mq_receive()", unix.SYS_MQ_TIMEDRECEIVE, nil, 1, "mq")
	gives("mq_unlink()", unix.SYS_MQ_UNLINK, nil, 0, "mq")
	// Processes, users, signals. Signals that end processes are the suite's own, too.
	gives("kill(0)", unix.SYS_KILL, is(1, 0), 0, "kill")
	fails("kill(0)", unix.SYS_KILL, is(1, 0), unix.EPERM, "kill")
	gives("kill(65)", unix.SYS_KILL, is(1, 65), 0, "kill")
	gives("kill(SIGUSR1)", unix.SYS_KILL, is(1, int(unix.SIGUSR1)), 0, "sigpending", "fork-signals")
	gives("sigpending()", unix.SYS_RT_SIGPENDING, nil, 0, "sigpending", "fork-signals")
	gives("sigaction(SIGKILL)", unix.SYS_RT_SIGACTION, is(0, int(unix.SIGKILL)), 0, "sigaction")
	gives("sigtimedwait()", unix.SYS_RT_SIGTIMEDWAIT, nil, 1, "sigtimedwait", "sigqueue")
	gives("sigqueue()", unix.SYS_RT_SIGQUEUEINFO, nil, 0, "sigqueue")
	gives("setrlimit()", unix.SYS_PRLIMIT64, func(a [6]uint64) bool { return a[2] != 0 }, 0, "rlimit-", "pipe")
	gives("setresuid()", unix.SYS_SETRESUID, nil, 0, "setuid", "kill-eperm", "chown-eperm", "open-eacces")
	gives("setresgid()", unix.SYS_SETRESGID, nil, 0, "setgid", "chmod-set-group")
	gives("getgroups()", unix.SYS_GETGROUPS, nil, 0, "setgid")
	gives("setpriority()", unix.SYS_SETPRIORITY, nil, 0, "nice")
	gives("setsid()", unix.SYS_SETSID, nil, 1, "setsid")
	gives("setpgid()", unix.SYS_SETPGID, nil, 0, "setpgid", "setsid")
	gives("waitpid(WNOHANG)", unix.SYS_WAIT4, is(2, unix.WNOHANG), 7, "wait-errors")
	gives("waitpid(WUNTRACED)", unix.SYS_WAIT4, is(2, unix.WUNTRACED), 0, "wait-stopped")
	gives("getpid()", unix.SYS_GETPID, nil, 4711, "fork", "kill")
	// Time.
	gives("clock_gettime()", unix.SYS_CLOCK_GETTIME, nil, 0, "clock-gettime", "nanosleep")
	gives("clock_getres()", unix.SYS_CLOCK_GETRES, nil, 0, "clock-gettime")
	gives("clock_settime()", unix.SYS_CLOCK_SETTIME, nil, 0, "clock-settime")
	gives("clock_nanosleep()", unix.SYS_CLOCK_NANOSLEEP, nil, 0, "clock-nanosleep")
	gives("nanosleep()", unix.SYS_NANOSLEEP, nil, 0, "nanosleep")
	gives("timer_settime()", unix.SYS_TIMER_SETTIME, nil, 0, "timer")
	gives("timer_gettime()", unix.SYS_TIMER_GETTIME, nil, 0, "timer")
	gives("setitimer()", unix.SYS_SETITIMER, nil, 0, "setitimer")
	// Terminals.
	gives("tcgetattr()", unix.SYS_IOCTL, is(1, unix.TCGETS), 0, "terminal-enotty")
	gives("tcgetpgrp()", unix.SYS_IOCTL, is(1, unix.TIOCGPGRP), 0, "terminal-")
	return all
}

// within makes prefixes of IDs of names below posix/.
func within(names []string) (ids []string) {
	for _, n := range names {
		ids = append(ids, "posix/"+n)
	}
	return ids
}
