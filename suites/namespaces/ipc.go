package namespaces

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// key is that of all System V objects that the specs make, each in an IPC namespace of its own.
const key = 0x78746573

// object is a kind of System V IPC object.
type object struct {
	name, proc, get, ctl string
	getNr, ctlNr         uintptr
	getArgs              []child.Arg // between key and flags
	stat                 []child.Arg // behind id
}

var objects = []object{
	{"shm", "/proc/sysvipc/shm", "shmget", "shmctl", unix.SYS_SHMGET, unix.SYS_SHMCTL, []child.Arg{4096}, []child.Arg{unix.IPC_STAT}},
	{"msg", "/proc/sysvipc/msg", "msgget", "msgctl", unix.SYS_MSGGET, unix.SYS_MSGCTL, nil, []child.Arg{unix.IPC_STAT}},
	{"sem", "/proc/sysvipc/sem", "semget", "semctl", unix.SYS_SEMGET, unix.SYS_SEMCTL, []child.Arg{1}, []child.Arg{0, unix.IPC_STAT}},
}

// make adds the creation of the object.
func (o object) make(s *script) call {
	return s.must(o.get+"(key, ..., IPC_CREAT|0600)", o.getNr, o.args(key, unix.IPC_CREAT|0o600)...)
}

// find adds a search for the key.
func (o object) find(s *script) call {
	return s.call(o.get+"(key, ..., 0)", o.getNr, o.args(key, 0)...)
}

func (o object) args(key, flags int) []child.Arg {
	return append(append([]child.Arg{key}, o.getArgs...), flags)
}

// status adds an IPC_STAT.
func (o object) status(s *script, id call) call {
	args := append(append([]child.Arg{id}, o.stat...), s.Buffer(256))
	return s.call(o.ctl+"(id, IPC_STAT, &buf) of the outer namespace's id", o.ctlNr, args...)
}

// sysv probes for System V IPC, which a kernel may be built without.
var sysv = attempt("System V IPC", func(s *script) {
	s.own(unix.CLONE_NEWIPC)
	objects[0].make(s)
})

// semUndo probes for the adjustment at a process's end: gVisor takes the flag and forgets it.
var semUndo = answers("SEM_UNDO", func(s *script) call {
	s.own(unix.CLONE_NEWIPC)
	id := objects[2].make(s)
	s.wait(s.fork(0, func(s *script) { s.semUndone(id) }))
	return s.semValue("semctl(id, 0, GETVAL) after the end of the process that did semop(+1, SEM_UNDO)", id)
}, func(c call) string {
	if c.Err() == nil && c.Value() == 0 {
		return ""
	}
	return fmt.Sprintf("%d", c.Value())
})

func (s *script) semUndone(id call) {
	s.must("semop(id, {0, 1, SEM_UNDO}, 1)", unix.SYS_SEMOP, id, s.bytes(ns.SemOp(0, 1, ns.SemUndo)), 1)
}

func (s *script) semValue(text string, id call) call {
	return s.call(text, unix.SYS_SEMCTL, id, 0, ns.SemGetVal, 0)
}

var _ = suite.Describe("ipc", func() {
	suite.It(spec.Meta{
		ID: "ipc/sem-works", Level: spec.Must,
		Clause: "ipc_namespaces(7), semop(2): semaphores of a namespace are counted by those in it",
		Needs:  []spec.Probe{ipcNS, sysv},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWIPC)
		id := objects[2].make(s)
		s.call("semop(id, {0, 2, 0}, 1)", unix.SYS_SEMOP, id, s.bytes(ns.SemOp(0, 2, 0)), 1).succeeds()
		s.call("semop(id, {0, -1, 0}, 1)", unix.SYS_SEMOP, id, s.bytes(ns.SemOp(0, -1, 0)), 1).succeeds()
		s.semValue("semctl(id, 0, GETVAL) after semop(+2) and semop(-1)", id).gives(1)
		s.call("semop(id, {0, -2, IPC_NOWAIT}, 1)", unix.SYS_SEMOP, id, s.bytes(ns.SemOp(0, -2, ns.IPCNoWait)), 1).refused(unix.EAGAIN)
		s.run(t)
	})

	for i, o := range objects {
		isolates(spec.Meta{
			ID: "ipc/" + o.name + "-key-isolated", Level: spec.Must, Sources: []string{fmt.Sprintf("IPC-%03d", []int{1, 2, 3}[i])},
			Clause: "ipc_namespaces(7): objects made in an IPC namespace are visible to its members and to no other process (" + o.get + "(2))",
			Needs:  []spec.Probe{sysv},
		}, ns.IPC, func(t *spec.T, flags uintptr) observation {
			s := newScript()
			s.own(unix.CLONE_NEWIPC)
			o.make(s)
			var found call
			s.wait(s.fork(flags, func(s *script) { found = o.find(s) }))
			s.run(t)
			return seen(o.get+"(key) outside, then inside "+found.text, found, unix.ENOENT, t)
		})

		isolates(spec.Meta{
			ID: "ipc/" + o.name + "-id-isolated", Level: spec.Must, Sources: []string{"IPC-004"},
			Clause: "ipc_namespaces(7), " + o.ctl + "(2) ERRORS: an identifier of another namespace is invalid (EINVAL)",
			Needs:  []spec.Probe{sysv},
		}, ns.IPC, func(t *spec.T, flags uintptr) observation {
			s := newScript()
			s.own(unix.CLONE_NEWIPC)
			id := o.make(s)
			var stat call
			s.wait(s.fork(flags, func(s *script) { stat = o.status(s, id) }))
			s.run(t)
			return seen(stat.text, stat, unix.EINVAL, t)
		})

		isolates(spec.Meta{
			ID: "ipc/" + o.name + "-proc-isolated", Level: spec.Must, Sources: []string{"IPC-005"},
			Clause: "ipc_namespaces(7), proc(5): " + o.proc + " lists the objects of the reader's namespace",
			Needs:  []spec.Probe{sysv, exists(o.proc)},
		}, ns.IPC, func(t *spec.T, flags uintptr) observation {
			s := newScript()
			s.own(unix.CLONE_NEWIPC)
			o.make(s)
			var list text
			s.wait(s.fork(flags, func(s *script) { list = s.read(o.proc, 4096) }))
			s.run(t)
			lines := strings.Count(list.String(), "\n") - 1 // the first is the heading
			return observation{fmt.Sprintf("read(%q) inside", o.proc), fmt.Sprintf("%d objects", lines), lines > 0}
		})
	}

	suite.It(spec.Meta{
		ID: "ipc/attached-segment-stays", Level: spec.Must, Sources: []string{"IPC-009"},
		Clause: "ipc_namespaces(7), shmop(2): a segment that is attached stays attached when the process leaves the namespace",
		Needs:  []spec.Probe{ipcNS, sysv},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWIPC)
		at := s.must("shmat(id, NULL, 0)", unix.SYS_SHMAT, objects[0].make(s), 0, 0)
		s.unshare(unix.CLONE_NEWIPC)
		objects[0].find(s).refused(unix.ENOENT)
		// The kernel writes to the segment for us: EFAULT tells that it is gone.
		s.call("uname(attached)", unix.SYS_UNAME, at).succeeds()
		s.call("shmdt(attached)", unix.SYS_SHMDT, at).succeeds()
		s.call("uname(detached)", unix.SYS_UNAME, at).refused(unix.EFAULT)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "ipc/sem-undo-at-unshare", Level: spec.Must, Sources: []string{"IPC-010", "UNS-012"},
		Clause: "unshare(2) CLONE_NEWIPC, CLONE_SYSVSEM: pending semaphore adjustments are applied when the process leaves",
		Needs:  []spec.Probe{ipcNS, sysv, semUndo},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWIPC)
		id := objects[2].make(s)
		value := func(text string) call { return s.semValue(text, id) }
		gone, done := s.event(), s.event()
		child := s.fork(0, func(s *script) {
			s.semUndone(id)
			s.signal(gone)
			s.await(done)
			s.unshare(unix.CLONE_NEWIPC)
			s.signal(gone)
			s.await(done)
		})
		s.await(gone)
		value("semctl(id, 0, GETVAL) after semop(+1, SEM_UNDO)").gives(1)
		s.signal(done)
		s.await(gone)
		value("semctl(id, 0, GETVAL) after the process unshared CLONE_NEWIPC").gives(0)
		s.signal(done)
		s.wait(child)
		s.run(t)
	})
})

// seen judges nothing yet: it tells whether a call found what another process made. Absent is the
// error it gives otherwise; any other cannot be judged.
func seen(text string, c call, absent unix.Errno, t *spec.T) observation {
	c.reached(t)
	if err := c.Err(); err != nil && err != absent {
		t.Errno(c.text, err, absent)
	}
	return observation{text, spec.ErrnoName(c.Err()), c.Err() == nil}
}
