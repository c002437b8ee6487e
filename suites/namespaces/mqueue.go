package namespaces

import (
	"encoding/binary"

	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// mqOpen adds an mq_open(3). The system call takes the name without its slash; attributes are the
// namespace's defaults.
func (s *script) mqOpen(flags int) call {
	return s.call(fmt.Sprintf(`mq_open("/xtest", %#o)`, flags), unix.SYS_MQ_OPEN, s.String("xtest"), flags, 0o600, 0)
}

// mqueues probes for POSIX message queues.
var mqueues = attempt("POSIX message queues", func(s *script) {
	s.own(unix.CLONE_NEWIPC)
	s.mqCreate()
})

func (s *script) mqCreate() call {
	return s.must(`mq_open("/xtest", O_CREAT|O_RDWR)`, unix.SYS_MQ_OPEN, s.String("xtest"), unix.O_CREAT|unix.O_RDWR, 0o600, 0)
}

// notify asks for a signal when a queue gets a message.
func (s *script) notify(queue call) {
	event := s.Buffer(64) // struct sigevent: value, signo, notify = SIGEV_SIGNAL
	binary.NativeEndian.PutUint32(event.Bytes[8:], uint32(unix.SIGUSR1))
	s.must("mq_notify(queue, {SIGEV_SIGNAL, SIGUSR1})", unix.SYS_MQ_NOTIFY, queue, event)
}

// mqueueSignals probes for notifications: gVisor has none.
var mqueueSignals = attempt("mq_notify", func(s *script) {
	s.own(unix.CLONE_NEWIPC)
	s.notify(s.mqCreate())
})

var _ = suite.Describe("ipc", func() {
	isolates(spec.Meta{
		ID: "ipc/mqueue-isolated", Level: spec.Must, Sources: []string{"IPC-006"},
		Clause: "ipc_namespaces(7): each IPC namespace has its own POSIX message queue file system",
		Needs:  []spec.Probe{mqueues},
	}, ns.IPC, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWIPC)
		s.mqCreate()
		var found call
		s.wait(s.fork(flags, func(s *script) { found = s.mqOpen(unix.O_RDWR) }))
		s.run(t)
		return seen(`mq_open("/xtest", O_CREAT) outside, then inside mq_open("/xtest", O_RDWR)`, found, unix.ENOENT, t)
	})

	suite.It(spec.Meta{
		ID: "ipc/mqueue-mount", Level: spec.Must, Sources: []string{"IPC-012"},
		Clause: "mq_overview(7): a mounted mqueue file system shows the queues of the namespace it was mounted in",
		Needs:  []spec.Probe{ipcNS, mountNS, mounts, mqueues},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWIPC | unix.CLONE_NEWNS)
		s.mqCreate()
		s.tryMount("xtest", scratch, "mqueue", 0, "").succeeds()
		s.access(scratch + "/xtest").succeeds()
		s.access(scratch + "/other").refused(unix.ENOENT)
		s.run(t)
	})

	crosses(spec.Meta{
		ID: "ipc/dev-shm-shared", Level: spec.Must, Sources: []string{"IPC-011"},
		Clause: "shm_overview(7), ipc_namespaces(7): POSIX shared memory is a file on tmpfs and no matter of IPC namespaces",
		Needs:  []spec.Probe{mountNS, mounts},
	}, ns.IPC, func(t *spec.T, flags uintptr, act bool) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		if act {
			s.open(scratch+"/segment", unix.O_CREAT|unix.O_RDWR)
		}
		var found call
		s.wait(s.fork(flags, func(s *script) { found = s.tryOpen(scratch+"/segment", unix.O_RDWR) }))
		s.run(t)
		return seen("shm_open of a segment made outside", found, unix.ENOENT, t)
	})

	for _, c := range []struct {
		name, path, value string
		make              object
	}{
		{"msgmni", "/proc/sys/kernel/msgmni", "1", objects[1]},
		{"shmmni", "/proc/sys/kernel/shmmni", "1", objects[0]},
	} {
		isolates(spec.Meta{
			ID: "ipc/" + c.name + "-isolated", Level: spec.Must, Sources: []string{"IPC-007"},
			Clause: "ipc_namespaces(7): " + c.path + " is distinct in each IPC namespace",
			Needs:  []spec.Probe{writableIPCSysctls},
		}, ns.IPC, func(t *spec.T, flags uintptr) observation {
			s := newScript()
			s.own(unix.CLONE_NEWIPC)
			s.wait(s.fork(flags, func(s *script) { s.write(c.path, "7") }))
			after := s.read(c.path, 32)
			s.run(t)
			return observation{fmt.Sprintf(`write(%q, "7") inside, then read outside`, c.path), after.String(), after.String() == "7\n"}
		})

		suite.It(spec.Meta{
			ID: "ipc/" + c.name + "-enforced", Level: spec.Must, Sources: []string{"IPC-014"},
			Clause: c.make.get + "(2) ERRORS: ENOSPC when " + c.path + " objects exist in the namespace",
			Needs:  []spec.Probe{ipcNS, sysv, writableIPCSysctls},
		}, func(t *spec.T) {
			s := newScript()
			s.own(unix.CLONE_NEWIPC)
			s.write(c.path, c.value)
			c.make.make(s)
			s.call(c.make.get+"(IPC_PRIVATE) above the limit of 1", c.make.getNr, c.make.args(unix.IPC_PRIVATE, 0o600)...).refused(unix.ENOSPC)
			s.run(t)
		})
	}
})

// writableIPCSysctls probes for the right to set an IPC namespace's limits.
var writableIPCSysctls = attempt("writable IPC sysctls", func(s *script) {
	s.own(unix.CLONE_NEWIPC)
	s.write("/proc/sys/kernel/msgmni", "7")
	s.write("/proc/sys/kernel/shmmni", "7")
})
