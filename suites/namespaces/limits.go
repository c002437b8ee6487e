package namespaces

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// settable probes for a sysctl of IPC namespaces that only some kernels and only some rights give.
func settable(path, value string) spec.Probe {
	return attempt("writable "+path, func(s *script) {
		s.own(unix.CLONE_NEWIPC)
		s.write(path, value)
	})
}

const rmidForced = "/proc/sys/kernel/shm_rmid_forced"

var _ = suite.Describe("ipc", func() {
	isolates(spec.Meta{
		ID: "ipc/rmid-forced-isolated", Level: spec.Must, Sources: []string{"IPC-017"},
		Clause: "proc(5) shm_rmid_forced, ipc_namespaces(7): 1 destroys segments whose processes have ended, in that namespace alone",
		Needs:  []spec.Probe{sysv, settable(rmidForced, "1")},
	}, ns.IPC, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWIPC)
		s.wait(s.fork(flags, func(s *script) {
			s.write(rmidForced, "1")
			s.wait(s.fork(0, func(s *script) { objects[0].make(s) }))
			objects[0].find(s).refused(unix.ENOENT)
		}))
		s.wait(s.fork(0, func(s *script) { objects[0].make(s) }))
		found := objects[0].find(s)
		s.run(t)
		found.reached(t)
		return observation{"shm_rmid_forced 1 inside; outside a maker that ends, then " + found.text, spec.ErrnoName(found.Err()), found.Err() != nil}
	})

	suite.It(spec.Meta{
		ID: "ipc/mqueue-limit", Level: spec.Must, Sources: []string{"IPC-018"},
		Clause: "getrlimit(2) RLIMIT_MSGQUEUE, mq_open(3) ERRORS: EMFILE when the queue would take more bytes than the user may have",
		Needs:  []spec.Probe{ordinaryUser, ipcNS, mqueues, mqueueLimit},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		s.unshare(unix.CLONE_NEWIPC)
		open := func(text string) call {
			return s.call(text, unix.SYS_MQ_OPEN, s.String("xtest"), unix.O_CREAT|unix.O_RDWR, 0o600, 0)
		}
		open(`mq_open("/xtest", O_CREAT) within the limit`).succeeds()
		s.must(`mq_unlink("/xtest")`, unix.SYS_MQ_UNLINK, s.String("xtest"))
		s.limitMqueues()
		open(`mq_open("/xtest", O_CREAT) with RLIMIT_MSGQUEUE 0`).refused(unix.EMFILE)
		s.run(t)
	})

	for i, name := range []string{"shm", "msg", "sem"} {
		path := "/proc/sys/kernel/" + name + "_next_id"
		o := objects[i]
		isolates(spec.Meta{
			ID: "ipc/" + name + "-next-id-isolated", Level: spec.Must, Sources: []string{"IPC-019"},
			Clause: "proc(5), admin-guide/sysctl/kernel " + name + "_next_id: the identifier that the next object gets, in the writer's namespace alone",
			Needs:  []spec.Probe{sysv, exists(path), settable(path, "4711")},
		}, ns.IPC, func(t *spec.T, flags uintptr) observation {
			s := newScript()
			s.own(unix.CLONE_NEWIPC)
			s.wait(s.fork(flags, func(s *script) { s.write(path, "4711") }))
			id := o.make(s)
			s.run(t)
			return observation{fmt.Sprintf(`write(%q, "4711") inside, then %s outside`, path, o.get), fmt.Sprint("identifier ", id.Value()), id.Value() == 4711}
		})
	}
})

func (s *script) limitMqueues() {
	s.must("setrlimit(RLIMIT_MSGQUEUE, 0)", unix.SYS_SETRLIMIT, unix.RLIMIT_MSGQUEUE, s.Buffer(16))
}

// mqueueLimit probes for a limit on message queues that can be set: gVisor refuses to.
var mqueueLimit = attempt("RLIMIT_MSGQUEUE", (*script).limitMqueues)

var _ = suite.Describe("time", func() {
	suite.It(spec.Meta{
		ID: "time/futex-absolute", Level: spec.Must, Sources: []string{"TIM-014"},
		Clause: "time_namespaces(7), futex(2) FUTEX_WAIT_BITSET: absolute times of CLOCK_MONOTONIC are of the caller's time namespace",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		var now unix.Timespec
		t.Setup("clock_gettime(CLOCK_MONOTONIC)", unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
		s := newScript()
		s.own(unix.CLONE_NEWTIME)
		s.write(offsetsFile, "monotonic 1000 0\n")
		ts, alarm, word := s.Buffer(16), s.Buffer(32), s.Buffer(16)
		*(*unix.Timespec)(pointer(ts)) = unix.NsecToTimespec(now.Nano() + int64(1000*time.Second+20*time.Millisecond))
		(*[2]unix.Timeval)(pointer(alarm))[1] = unix.Timeval{Sec: waits()}
		const waitBitset = 9 // FUTEX_WAIT_BITSET of linux/futex.h
		st := s.wait(s.fork(0, func(s *script) {
			s.mortal(unix.SIGALRM)
			s.must("setitimer(ITIMER_REAL)", unix.SYS_SETITIMER, unix.ITIMER_REAL, alarm, 0)
			s.call("futex(&word, FUTEX_WAIT_BITSET, 0, now + 20 ms, ~0)", unix.SYS_FUTEX, word, waitBitset, 0, ts, 0, uint32(0xFFFFFFFF)).refused(unix.ETIMEDOUT)
		}))
		err := s.try(t)
		t.True("futex(FUTEX_WAIT_BITSET, now + 20 ms) with an offset of 1000 s", !st.get().Signaled(), fmt.Sprintf("waiting after %d s", waits()), "ETIMEDOUT at the absolute time")
		t.Setup("in the child process", err)
		for _, j := range s.log.judged {
			j.judge(t)
		}
	})

	suite.It(spec.Meta{
		ID: "time/timer-absolute", Level: spec.Must, Sources: []string{"TIM-012"},
		Clause: "time_namespaces(7), timer_settime(2) TIMER_ABSTIME: absolute times are of the caller's time namespace",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		var now unix.Timespec
		t.Setup("clock_gettime(CLOCK_MONOTONIC)", unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
		s := newScript()
		s.own(unix.CLONE_NEWTIME)
		s.write(offsetsFile, "monotonic 1000 0\n")
		s.wait(s.fork(0, func(s *script) {
			id, event, at, limit := s.Buffer(8), s.Buffer(64), s.Buffer(32), s.Buffer(16)
			event.Bytes[8] = byte(unix.SIGUSR1) // struct sigevent: SIGEV_SIGNAL, which stays blocked
			(*unix.Timespec)(pointer(limit)).Sec = waits()
			s.must("timer_create(CLOCK_MONOTONIC, {SIGUSR1}, &id)", unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, event, id)
			(*[2]unix.Timespec)(pointer(at))[1] = unix.NsecToTimespec(now.Nano() + int64(1000*time.Second+10*time.Millisecond))
			s.must("timer_settime(id, TIMER_ABSTIME, now + 10 ms)", unix.SYS_TIMER_SETTIME, 0, 1, at, 0)
			s.call("timer 10 ms from now, sigtimedwait({SIGUSR1})", unix.SYS_RT_SIGTIMEDWAIT, s.signalSet(unix.SIGUSR1), 0, limit, 8).gives(int(unix.SIGUSR1))
		}))
		s.run(t)
	})
})

// lowered lowers a limit of the whole machine for one spec.
func lowered(t *spec.T, path, value string) {
	before, err := os.ReadFile(path)
	t.Setup("reading "+path, err)
	t.Cleanup(func() {
		if err := os.WriteFile(path, before, 0); err != nil {
			t.Note("left behind: %v", err)
		}
	})
	t.Setup("writing "+path, os.WriteFile(path, []byte(value), 0))
}

var _ = suite.Describe("unshare", func() {
	suite.It(spec.Meta{
		ID: "unshare/too-many-files", Level: spec.Must, Grade: spec.Guest, Sources: []string{"UNS-016"},
		Clause: "unshare(2) ERRORS: EMFILE for CLONE_FILES when the copy would have descriptors above fs.nr_open",
		Needs:  []spec.Probe{spec.Root, exists("/proc/sys/fs/nr_open")},
	}, func(t *spec.T) {
		lowered(t, "/proc/sys/fs/nr_open", "4096")
		s := newScript()
		done, ready := s.event(), s.event()
		s.must("dup3(eventfd, 2000)", unix.SYS_DUP3, done, 2000, 0)
		other := s.fork(unix.CLONE_FILES, func(s *script) {
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		s.write("/proc/sys/fs/nr_open", "1024")
		s.call("unshare(CLONE_FILES) with descriptor 2000 and nr_open 1024", unix.SYS_UNSHARE, unix.CLONE_FILES).refused(unix.EMFILE)
		s.write("/proc/sys/fs/nr_open", "4096")
		s.call("unshare(CLONE_FILES) with descriptor 2000 and nr_open 4096", unix.SYS_UNSHARE, unix.CLONE_FILES).succeeds()
		s.signal(done)
		s.wait(other)
		s.run(t)
	})
})

var _ = suite.Describe("mnt", func() {
	suite.It(spec.Meta{
		ID: "mnt/mount-max", Level: spec.Must, Grade: spec.Guest, Sources: []string{"MNT-009"},
		Clause: "proc(5) /proc/sys/fs/mount-max: ENOSPC for a mount beyond it in the mount namespace",
		Needs:  append([]spec.Probe{spec.Root, exists("/proc/sys/fs/mount-max")}, mountNeeds...),
	}, func(t *spec.T) {
		info, err := os.ReadFile("/proc/self/mountinfo")
		t.Setup("reading mountinfo", err)
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.mkdir(scratch + "/a")
		s.mkdir(scratch + "/b")
		s.tryMount("xtest", scratch+"/a", "tmpfs", 0, "").succeeds()
		s.write("/proc/sys/fs/mount-max", fmt.Sprint(strings.Count(string(info), "\n")+1))
		s.tryMount("xtest", scratch+"/b", "tmpfs", 0, "").refused(unix.ENOSPC)
		lowered(t, "/proc/sys/fs/mount-max", "100000") // what it is by default, then what it was
		s.run(t)
	})
})
