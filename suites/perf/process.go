package perf

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// births is how many processes are made in a round.
const births = 4

// born is a load of processes that are made with flags, do what body says, end, and are waited for. First
// each asks, as all of a program's do, to be killed with its parent (prctl(2)).
func born(flags uintptr, start func(s *steps), body func(s *steps, sub *child.Program)) load {
	return repeated(births, start, func(s *steps) {
		pid := s.Spawn(flags, nil, func(sub *child.Program) { body(s, sub) })
		s.Do("wait4()", unix.SYS_WAIT4, pid, 0, 0, 0)
	})
}

func ends(*steps, *child.Program) {}

var _ = suite.Describe("fork", func() {
	measures(suite, "fork/exit", "fork(2), wait4(2): making a process of a few pages, its end, and waiting for it", born(0, nil, ends))
	const size = 4 << 20
	measures(suite, "fork/4m", "fork(2), wait4(2): the same with 4 MB of written memory", born(0, func(s *steps) {
		at := s.Do("mmap()", unix.SYS_MMAP, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, -1, 0)
		s.Try(unix.SYS_MADVISE, at, size, unix.MADV_NOHUGEPAGE)
		s.Access(at, size, true)
	}, ends))
})

var _ = suite.Describe("exec", func() {
	measures(suite, "exec/static", "fork(2), execveat(2), wait4(2): a process that executes a static program of one page", born(0, nil, func(s *steps, sub *child.Program) {
		image, err := child.Image()
		if err != nil {
			return // the probe has said so
		}
		sub.Exec(image, func(next *child.Program) {
			s.made = append(s.made, made{"a call behind execveat()", next.Call(unix.SYS_GETPID)})
		})
	}))
})

var _ = suite.Describe("thread", func() {
	const flags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM
	var id child.Buffer
	measures(suite, "thread/create-join", "clone(2) of a thread, its end, and waiting for it on its futex", repeated(births, func(s *steps) {
		id = s.Buffer(8)
	}, func(s *steps) {
		tid := s.Spawn(flags|unix.CLONE_PARENT_SETTID|unix.CLONE_CHILD_CLEARTID, []child.Arg{0, id, id}, func(sub *child.Program) {
			sub.Call(unix.SYS_EXIT, 0)
		})
		// FUTEX_WAIT: where the thread has ended already, the word is not its ID any more, and the call fails.
		s.Try(unix.SYS_FUTEX, id, 0, tid, 0, 0, 0)
	}))
})

var _ = suite.Describe("namespace", func() {
	for _, ns := range []struct {
		name  string
		flag  uintptr
		needs []spec.Probe
	}{
		{"cgroup", unix.CLONE_NEWCGROUP, []spec.Probe{spec.Root}}, {"ipc", unix.CLONE_NEWIPC, []spec.Probe{spec.Root}},
		{"mnt", unix.CLONE_NEWNS, []spec.Probe{spec.Root}}, {"net", unix.CLONE_NEWNET, []spec.Probe{spec.Root}},
		{"pid", unix.CLONE_NEWPID, []spec.Probe{spec.Root}}, {"user", unix.CLONE_NEWUSER, nil}, {"uts", unix.CLONE_NEWUTS, []spec.Probe{spec.Root}},
	} {
		measures(suite, "namespace/"+ns.name, fmt.Sprintf("clone(2): making a process in a new %s namespace, its end, and that of the namespace as far as it is waited for; fork/exit is the same without", ns.name),
			born(ns.flag, nil, ends), append(ns.needs, kind(ns.name, ns.flag))...)
	}
	// CLONE_NEWTIME has the number of an exit signal for clone(2).
	measures(suite, "namespace/time", "unshare(2): making a time namespace for children, in a process of its own; fork/exit is the same without",
		born(0, nil, func(_ *steps, sub *child.Program) { sub.Call(unix.SYS_UNSHARE, unix.CLONE_NEWTIME) }), spec.Root, kind("time", 0))
})

// kind probes for a kind of namespace, by making one.
func kind(name string, flag uintptr) spec.Probe {
	return spec.Probe{Name: "making " + name + " namespaces", Check: func() error {
		p := child.NewProgram()
		var r child.Result
		if flag == 0 {
			r = p.Call(unix.SYS_UNSHARE, unix.CLONE_NEWTIME)
		} else {
			r = p.Fork(flag, func(*child.Program) {})
			p.Call(unix.SYS_WAIT4, r, 0, 0, 0)
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			return err
		}
		return r.Err()
	}}
}
