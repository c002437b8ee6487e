package namespaces

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// ipcFiles are the sysctl files that ipc_namespaces(7) names for System V IPC, below
// /proc/sys/kernel.
var ipcFiles = []string{"msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"}

var _ = suite.Describe("ipc", func() {
	isolates(spec.Meta{
		ID: "ipc/sem-value-isolated", Level: spec.Must, Sources: []string{"IPC-015"},
		Clause: "ipc_namespaces(7), semctl(2): objects of one key in two namespaces are two objects with values of their own",
		Needs:  []spec.Probe{sysv},
	}, ns.IPC, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWIPC)
		outer := objects[2].make(s)
		s.wait(s.fork(flags, func(s *script) {
			s.must("semctl(id, 0, SETVAL, 5)", unix.SYS_SEMCTL, objects[2].make(s), 0, ns.SemSetVal, 5)
		}))
		value := s.semValue("semctl(id, 0, GETVAL)", outer)
		s.run(t)
		t.Setup(value.text, value.Err())
		return observation{"semctl(SETVAL, 5) of the same key inside, then outside " + value.text, fmt.Sprint(value.Value()), value.Value() == 5}
	})

	isolates(spec.Meta{
		ID: "ipc/msg-delivery-isolated", Level: spec.Must, Sources: []string{"IPC-015"},
		Clause: "ipc_namespaces(7), msgrcv(2): a message sent to a queue of the same key in another namespace does not arrive",
		Needs:  []spec.Probe{sysv},
	}, ns.IPC, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWIPC)
		outer := objects[1].make(s)
		s.wait(s.fork(flags, func(s *script) {
			message := s.Buffer(16)
			message.Bytes[0], message.Bytes[7] = 1, 1 // a type above zero in either byte order
			s.must("msgsnd(id, &m, 8, 0)", unix.SYS_MSGSND, objects[1].make(s), message, 8, 0)
		}))
		received := s.call("msgrcv(id, &m, 8, 0, IPC_NOWAIT)", unix.SYS_MSGRCV, outer, s.Buffer(16), 8, 0, ns.IPCNoWait)
		s.run(t)
		return seen("msgsnd to the same key inside, then outside "+received.text, received, unix.ENOMSG, t)
	})

	suite.It(spec.Meta{
		ID: "ipc/sem-limits", Level: spec.Must, Sources: []string{"IPC-020"},
		Clause: "semget(2) ERRORS: EINVAL for less than 0 or more than SEMMSL semaphores, and for 0 when the set is made",
		Needs:  []spec.Probe{ipcNS, sysv},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWIPC)
		semget := func(n int) call {
			return s.call(fmt.Sprintf("semget(IPC_PRIVATE, %d, IPC_CREAT|0600)", n), unix.SYS_SEMGET, unix.IPC_PRIVATE, n, unix.IPC_CREAT|0o600)
		}
		semget(-1).refused(unix.EINVAL)
		semget(0).refused(unix.EINVAL)
		semget(1 << 24).refused(unix.EINVAL)
		semget(1).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "ipc/sysctl-files", Level: spec.Must, Sources: []string{"IPC-008"},
		Clause: "ipc_namespaces(7): the limits of System V IPC are files of /proc/sys/kernel",
		Needs:  []spec.Probe{sysv, exists("/proc/sys/kernel/msgmni")},
	}, func(t *spec.T) {
		var missing []string
		for _, f := range ipcFiles {
			if _, err := os.Stat("/proc/sys/kernel/" + f); err != nil {
				missing = append(missing, f)
			}
		}
		t.Equal("stat(\"/proc/sys/kernel/...\"): missing", strings.Join(missing, " "), "")
	})

	suite.It(spec.Meta{
		ID: "ipc/mqueue-mount-stays", Level: spec.Must, Sources: []string{"IPC-016"},
		Clause: "mq_overview(7): a mounted mqueue file system goes on to show the namespace it was mounted in when the process leaves it",
		Needs:  []spec.Probe{ipcNS, mountNS, mounts, mqueues},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWIPC | unix.CLONE_NEWNS)
		s.mqCreate()
		s.mount("xtest", scratch, "mqueue", 0, "")
		s.unshare(unix.CLONE_NEWIPC)
		s.access(scratch + "/xtest").succeeds()
		s.mqOpen(unix.O_RDWR).refused(unix.ENOENT)
		s.run(t)
	})
})

// Offset of shm_cpid in struct shmid64_ds (asm-generic/shmbuf.h) of 64-bit Linux, in bytes.
const shmCreator = 80

var _ = suite.Describe("pid", func() {
	isolates(spec.Meta{
		ID: "pid/shm-creator", Level: spec.Must, Sources: []string{"PID-026"},
		Clause: "pid_namespaces(7), shmctl(2) IPC_STAT: shm_cpid is the creator's PID in the caller's namespace, 0 for one outside",
		Needs:  []spec.Probe{ipcNS, sysv},
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWIPC)
		id, st := objects[0].make(s), s.Buffer(256)
		s.wait(s.fork(flags, func(s *script) {
			s.must("shmctl(id, IPC_STAT, &buf)", unix.SYS_SHMCTL, id, unix.IPC_STAT, st)
		}))
		s.run(t)
		pid := binary.NativeEndian.Uint32(st.Bytes[shmCreator:])
		return observation{"shmget outside, shmctl(id, IPC_STAT, &buf) inside: shm_cpid", fmt.Sprint(pid), pid != 0}
	})

	isolates(spec.Meta{
		ID: "pid/file-owner", Level: spec.Must, Sources: []string{"PID-028"},
		Clause: "fcntl(2) F_GETOWN, fs/fcntl.c f_getown: the owner's PID in the caller's namespace, 0 for one outside",
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(0)
		fd := s.socket(unix.AF_UNIX, unix.SOCK_STREAM)
		s.must("fcntl(fd, F_SETOWN, getpid())", unix.SYS_FCNTL, fd, unix.F_SETOWN, s.getpid())
		var owner call
		s.wait(s.fork(flags, func(s *script) {
			owner = s.must("fcntl(fd, F_GETOWN)", unix.SYS_FCNTL, fd, unix.F_GETOWN)
		}))
		s.run(t)
		return observation{"F_SETOWN outside, fcntl(fd, F_GETOWN) inside", fmt.Sprint(owner.Value()), owner.Value() != 0}
	})

	isolates(spec.Meta{
		ID: "pid/signal-sender", Level: spec.Must, Sources: []string{"PID-008"},
		Clause: "pid_namespaces(7): si_pid of a signal is the sender's PID in the receiver's namespace, 0 for one outside",
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(0)
		info, limit := s.Buffer(128), s.Buffer(16)
		(*unix.Timespec)(pointer(limit)).Sec = 2
		receiver := s.fork(flags, func(s *script) {
			s.must("sigtimedwait({SIGUSR1}, &info, 2 s)", unix.SYS_RT_SIGTIMEDWAIT, s.signalSet(unix.SIGUSR1), info, limit, 8)
		})
		// All signals are blocked, so it stays pending until it is waited for.
		s.must("kill(receiver, SIGUSR1)", unix.SYS_KILL, receiver, int(unix.SIGUSR1))
		s.wait(receiver)
		s.run(t)
		pid := binary.NativeEndian.Uint32(info.Bytes[16:]) // behind si_signo, si_errno, si_code and padding
		return observation{"kill(receiver) outside, sigtimedwait() inside: si_pid", fmt.Sprint(pid), pid != 0}
	})
})
