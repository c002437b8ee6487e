package namespaces

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

const maxPID = "/proc/sys/kernel/pid_max"

// ownMaxPID probes for a pid_max of each PID namespace, since Linux 6.14: where there is one for all,
// it is set back at once.
var ownMaxPID = spec.Probe{Name: "pid_max of PID namespaces", Check: func() error {
	before, err := os.ReadFile(maxPID)
	if err != nil {
		return err
	}
	s := newScript()
	s.inside(func(s *script) { s.write(maxPID, "30000") })
	err = s.try(context.Background())
	after, _ := os.ReadFile(maxPID)
	if string(after) != string(before) {
		return errors.Join(errors.New("one for all namespaces"), os.WriteFile(maxPID, before, 0))
	}
	return err
}}

var _ = suite.Describe("pid", func() {
	suite.It(spec.Meta{
		ID: "pid/kill-all", Level: spec.Must, Grade: spec.Guest, Sources: []string{"PID-015"},
		Clause: "kill(2), pid_namespaces(7): kill(-1) reaches all members of the caller's namespace but its init and the caller, and nobody outside",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		ready, done := s.event(), s.event()
		outside := s.fork(0, func(s *script) {
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		var victim, killer status
		init := s.inside(func(s *script) {
			other := s.fork(0, func(s *script) { s.pause() })
			killer = s.wait(s.fork(0, func(s *script) {
				s.call("kill(-1, SIGKILL)", unix.SYS_KILL, -1, int(unix.SIGKILL)).succeeds()
				s.call("exit_group(5)", unix.SYS_EXIT_GROUP, 5)
			}))
			victim = s.wait(other)
			s.call("exit_group(7)", unix.SYS_EXIT_GROUP, 7)
		})
		s.signal(done)
		st := s.wait(outside)
		s.run(t)
		killed(t, "kill(-1, SIGKILL) inside: a member", victim)
		t.Equal("kill(-1, SIGKILL) inside: the caller", describe(killer.get()), "exit status 5")
		t.Equal("kill(-1, SIGKILL) inside: init", describe(init.get()), "exit status 7")
		t.Equal("kill(-1, SIGKILL) inside: a process outside", describe(st.get()), "exit status 0")
	})

	isolates(spec.Meta{
		ID: "pid/max-isolated", Level: spec.Must, Grade: spec.Guest, Sources: []string{"PID-017"},
		Clause: "kernel/pid_namespace.c, selftests/pid_namespace/pid_max.c: pid_max is each PID namespace's own, since Linux 6.14",
		Needs:  []spec.Probe{ownMaxPID},
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		var outer text
		s.inside(func(s *script) {
			s.wait(s.fork(flags, func(s *script) { s.write(maxPID, "20000") }))
			outer = s.read(maxPID, 32)
		})
		s.run(t)
		return observation{`write(pid_max, "20000") inside, then read outside`, strings.TrimSpace(outer.String()), outer.String() == "20000\n"}
	})

	isolates(spec.Meta{
		ID: "pid/credentials", Level: spec.Must, Sources: []string{"PID-018"},
		Clause: "pid_namespaces(7) Miscellaneous, unix(7) SCM_CREDENTIALS: the sender's PID is the one it has in the receiver's namespace, 0 for one outside",
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(0)
		ends, on := s.Buffer(16), s.bytes([]byte{1, 0, 0, 0})
		s.must("socketpair(AF_UNIX, SOCK_DGRAM)", unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_DGRAM, 0, ends)
		in, out := s.descriptor(ends, 0), s.descriptor(ends, 1)
		s.must("setsockopt(fd, SO_PASSCRED, 1)", unix.SYS_SETSOCKOPT, in, unix.SOL_SOCKET, unix.SO_PASSCRED, on, 4)
		s.must("write(fd)", unix.SYS_WRITE, out, s.String("x"), 1)
		control, data, vector, header := s.Buffer(64), s.Buffer(8), s.Buffer(16), s.Buffer(56)
		binary.NativeEndian.PutUint64(vector.Bytes, address(data))
		binary.NativeEndian.PutUint64(vector.Bytes[8:], 8)
		// struct msghdr: name, namelen, iov, iovlen, control, controllen, flags.
		for at, v := range map[int]uint64{16: address(vector), 24: 1, 32: address(control), 40: 64} {
			binary.NativeEndian.PutUint64(header.Bytes[at:], v)
		}
		s.wait(s.fork(flags, func(s *script) {
			s.must("recvmsg(fd)", unix.SYS_RECVMSG, in, header, 0)
		}))
		s.run(t)
		pid := binary.NativeEndian.Uint32(control.Bytes[16:]) // behind struct cmsghdr
		return observation{"sent outside, recvmsg() inside: pid of SCM_CREDENTIALS", fmt.Sprint(pid), pid != 0}
	})

	isolates(spec.Meta{
		ID: "pid/mqueue-sender", Level: spec.Must, Sources: []string{"PID-027"},
		Clause: "mq_notify(3), pid_namespaces(7): si_pid of a notification is the sender's PID in the receiver's namespace, 0 for one outside",
		Needs:  []spec.Probe{ipcNS, mqueues, mqueueSignals},
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWIPC)
		queue := s.mqCreate()
		ready, info, limit := s.event(), s.Buffer(128), s.Buffer(16)
		(*unix.Timespec)(pointer(limit)).Sec = 2
		receiver := s.fork(flags, func(s *script) {
			s.notify(queue)
			s.signal(ready)
			s.must("sigtimedwait({SIGUSR1}, &info, 2 s)", unix.SYS_RT_SIGTIMEDWAIT, s.signalSet(unix.SIGUSR1), info, limit, 8)
		})
		s.await(ready)
		s.must("mq_send(queue)", unix.SYS_MQ_TIMEDSEND, queue, s.String("x"), 1, 0, 0)
		s.wait(receiver)
		s.run(t)
		pid := binary.NativeEndian.Uint32(info.Bytes[16:])
		return observation{"mq_send() outside, sigtimedwait() inside: si_pid", fmt.Sprint(pid), pid != 0}
	})

	suite.It(spec.Meta{
		ID: "pid/zombie-init", Level: spec.Must, Sources: []string{"PID-029"},
		Clause: "pid_namespaces(7) The namespace init process: ENOMEM for a child in a namespace whose init has ended, also before that was waited for",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		ready := s.event()
		var fd call
		init := s.fork(unix.CLONE_NEWPID|unix.CLONE_FILES, func(s *script) {
			fd = s.open("/proc/self/ns/pid", unix.O_RDONLY)
			s.signal(ready)
			s.pause()
		})
		s.await(ready)
		s.must("kill(init, SIGKILL)", unix.SYS_KILL, init, int(unix.SIGKILL))
		s.must("waitid(init, WEXITED|WNOWAIT)", unix.SYS_WAITID, unix.P_PID, init, s.Buffer(128), unix.WEXITED|unix.WNOWAIT, 0)
		s.setns("setns(pid of a zombie init, CLONE_NEWPID)", fd, unix.CLONE_NEWPID).succeeds()
		s.tryFork("fork() into it", 0, func(*script) {}).refused(unix.ENOMEM)
		s.wait(init)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "pid/init-by-setns", Level: spec.Must, Sources: []string{"PID-030"},
		Clause: "selftests/pid_namespace/pidns_init_via_setns.c: who joins a PID namespace that has no process yet makes its first, with the PID 1",
		Needs:  []spec.Probe{pidNS, freshPID},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		ready, done := s.event(), s.event()
		var fd call
		maker := s.fork(unix.CLONE_FILES, func(s *script) {
			s.unshare(unix.CLONE_NEWPID)
			fd = s.open("/proc/self/ns/pid_for_children", unix.O_RDONLY)
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		s.setns("setns(fresh pid, CLONE_NEWPID)", fd, unix.CLONE_NEWPID).succeeds()
		s.wait(s.tried(s.tryFork("fork()", 0, func(s *script) { s.getpid().gives(1) })))
		s.signal(done)
		s.wait(maker)
		s.run(t)
	})
})

// freshPID probes for a link to a PID namespace without processes, since Linux 7.
var freshPID = attempt("pid_for_children of a fresh namespace", func(s *script) {
	s.own(unix.CLONE_NEWPID)
	s.open("/proc/self/ns/pid_for_children", unix.O_RDONLY)
})
