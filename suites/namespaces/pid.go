package namespaces

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

func (s *script) getpid() call  { return s.call("getpid()", unix.SYS_GETPID) }
func (s *script) getppid() call { return s.call("getppid()", unix.SYS_GETPPID) }

// pause ends with the process: only a signal ends it.
func (s *script) pause() { s.call("pause()", unix.SYS_PPOLL, 0, 0, 0, 0, 0) }

// inside runs body as the first process of a new PID namespace and waits for its end, or for its stop
// where it can be stopped.
func (s *script) inside(body func(*script)) status {
	if s.log.owned {
		s.unshare(unix.CLONE_NEWPID)
	} else {
		s.own(unix.CLONE_NEWPID)
	}
	return s.waitStopped(s.fork(0, body))
}

var _ = suite.Describe("pid", func() {
	isolates(spec.Meta{
		ID: "pid/parent-invisible", Level: spec.Must, Sources: []string{"PID-001"},
		Clause: "pid_namespaces(7): a process whose parent is in another PID namespace gets 0 from getppid(2)",
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(0)
		var ppid call
		s.wait(s.fork(flags, func(s *script) { ppid = s.getppid() }))
		s.run(t)
		ppid.reached(t)
		return observation{ppid.text, fmt.Sprint(ppid.Value()), ppid.Value() != 0}
	})

	isolates(spec.Meta{
		ID: "pid/outer-invisible", Level: spec.Must, Sources: []string{"PID-009"},
		Clause: "pid_namespaces(7): processes of an ancestor namespace cannot be signalled from within (kill(2): ESRCH)",
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(0)
		outer := s.getpid()
		var kill call
		s.wait(s.fork(flags, func(s *script) { kill = s.call("kill(outer, 0)", unix.SYS_KILL, outer, 0) }))
		s.run(t)
		return seen("inside "+kill.text, kill, unix.ESRCH, t)
	})

	suite.It(spec.Meta{
		ID: "pid/first-is-1", Level: spec.Must, Sources: []string{"PID-001"},
		Clause: "pid_namespaces(7): the first process in a new namespace has the PID 1, the next 2",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.inside(func(s *script) {
			s.getpid().gives(1)
			s.wait(s.fork(0, func(s *script) {
				s.getpid().gives(2)
				s.getppid().gives(1)
			}))
		})
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "pid/unshare-keeps-caller", Level: spec.Must, Sources: []string{"PID-002"},
		Clause: "pid_namespaces(7), unshare(2) CLONE_NEWPID: the caller stays in its namespace; its next child is the first of the new one",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		before, nsBefore := s.getpid(), s.readlink("/proc/self/ns/pid")
		s.unshare(unix.CLONE_NEWPID)
		after, nsAfter := s.getpid(), s.readlink("/proc/self/ns/pid")
		s.wait(s.fork(0, func(s *script) { s.getpid().gives(1) }))
		s.run(t)
		t.Equal("unshare(CLONE_NEWPID), getpid()", after.Value(), before.Value())
		t.Equal(`unshare(CLONE_NEWPID), readlink("/proc/self/ns/pid")`, nsAfter.String(), nsBefore.String())
	})

	suite.It(spec.Meta{
		ID: "pid/fork-after-init-died", Level: spec.Must, Sources: []string{"PID-003"},
		Clause: "pid_namespaces(7), fork(2) ERRORS: ENOMEM for a child in a namespace whose init has ended",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.inside(func(s *script) {})
		s.tryFork("fork() after the namespace's init ended", 0, func(s *script) {}).refused(unix.ENOMEM)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "pid/for-children-link", Level: spec.Must, Sources: []string{"PID-004"},
		Clause: "namespaces(7) /proc/PID/ns/pid_for_children: names the namespace of the children-to-be, at the latest when the first was created",
		Needs:  []spec.Probe{pidNS, exists("/proc/self/ns/pid_for_children")},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWPID)
		link := func(text string) (call, child.Buffer) {
			name := s.Buffer(64)
			return s.call(text, unix.SYS_READLINKAT, unix.AT_FDCWD, s.String("/proc/self/ns/pid_for_children"), name, 64), name
		}
		early, before := link(`readlink("/proc/self/ns/pid_for_children") before the first fork()`)
		done := s.event()
		init := s.fork(0, func(s *script) { s.await(done) })
		late, after := link(`readlink("/proc/self/ns/pid_for_children") after it`)
		late.succeeds()
		s.signal(done)
		s.wait(init)
		s.run(t)
		// The manual speaks of an empty name before the first process; kernels refuse with ENOENT up
		// to Linux 6, and give the name from Linux 7 on.
		if early.Err() == nil {
			t.Note("the link has its value before the first process of the namespace")
			t.Equal(early.text, string(before.Bytes), string(after.Bytes))
			return
		}
		t.Errno(early.text, early.Err(), unix.ENOENT)
	})

	isolates(spec.Meta{
		ID: "pid/proc-isolated", Level: spec.Must, Sources: []string{"PID-011"},
		Clause: "pid_namespaces(7) /proc and PID namespaces: a procfs mounted in a namespace shows its members only",
		Needs:  []spec.Probe{mountNS, mounts, procMount},
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		entries := s.Buffer(64 << 10)
		var self text
		var n call
		// Who may mount a procfs is decided by the owner of the PID namespace, so the outer one is
		// the script's own, too.
		s.inside(func(s *script) {
			s.wait(s.fork(flags, func(s *script) {
				s.mount("xtest", scratch, "proc", 0, "")
				self = s.readlink(scratch + "/self")
				dir := s.open(scratch, unix.O_RDONLY|unix.O_DIRECTORY)
				// FIRST_PROCESS_ENTRY of fs/proc/base.c: behind the plain files.
				s.must("lseek(dir, 256, SEEK_SET)", unix.SYS_LSEEK, dir, 256, 0)
				n = s.must("getdents64(dir)", unix.SYS_GETDENTS64, dir, entries, 64<<10)
			}))
		})
		s.run(t)
		count := 0
		for _, e := range direntNames(entries.Bytes[:n.Value()]) {
			if strings.Trim(e, "0123456789") == "" {
				count++
			}
		}
		if flags != 0 {
			t.Equal(`mount("proc") inside, readlink("/proc/self")`, self.String(), "1")
		}
		return observation{"mount(proc) inside, readdir", fmt.Sprintf("%d processes", count), count > 1}
	})

	suite.It(spec.Meta{
		ID: "pid/outer-proc", Level: spec.Must, Sources: []string{"PID-012", "PID-013"},
		Clause: "pid_namespaces(7), proc(5): a procfs of an ancestor shows a process under the PID it has there",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWPID)
		var self text
		outer := s.fork(0, func(s *script) {
			self = s.readlink("/proc/self")
			s.getpid().gives(1)
		})
		s.wait(outer)
		s.run(t)
		t.Equal(`readlink("/proc/self") inside, of the outer procfs`, self.String(), fmt.Sprint(outer.Value()))
	})

	suite.It(spec.Meta{
		ID: "pid/status-levels", Level: spec.Must, Sources: []string{"PID-013", "PID-022"},
		Clause: "proc(5) /proc/PID/status: NStgid and NSpid list the process's PID at every level, from the procfs's namespace to its own",
		Needs:  []spec.Probe{pidNS, levels},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWPID)
		var state text
		var inner call
		s.wait(s.fork(0, func(s *script) {
			inner = s.fork(unix.CLONE_NEWPID, func(s *script) { state = s.read("/proc/self/status", 8<<10) })
			s.wait(inner)
		}))
		s.run(t)
		for _, field := range []string{"NStgid", "NSpid"} {
			ids := strings.Fields(statusField(state.String(), field))
			got := strings.Join(ids[max(0, len(ids)-2):], " ")
			t.Equal(`read("/proc/self/status"): last two of `+field, got, fmt.Sprintf("%d 1", inner.Value()))
			t.True(`read("/proc/self/status"): `+field, len(ids) >= 3, fmt.Sprintf("%d levels", len(ids)), "at least 3 levels")
		}
	})
})

// procMount probes for the right to mount a procfs: it is refused in a user namespace where parts of
// the machine's own are hidden.
var procMount = attempt("mounting procfs", func(s *script) {
	s.own(unix.CLONE_NEWNS | unix.CLONE_NEWPID)
	s.wait(s.fork(0, func(s *script) { s.mount("xtest", scratch, "proc", 0, "") }))
})

// levels probes for the lines that tell a process's PIDs.
var levels = spec.Probe{Name: "NSpid in /proc/PID/status", Check: func() error {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil && statusField(string(status), "NSpid") == "" {
		err = errors.New("/proc/self/status has no line NSpid")
	}
	return err
}}

// statusField is the value of a line of /proc/PID/status.
func statusField(status, field string) string {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
