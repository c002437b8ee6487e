package namespaces

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/runner/guard"
	"xtest/suites/spec"
)

// Modules with which criu asks the kernel about sockets, and closes connections while they are away.
var _ = suite.WantsModules("unix_diag", "inet_diag", "tcp_diag", "udp_diag", "raw_diag", "af_packet_diag", "netlink_diag",
	"nf_tables", "nft_compat", "xt_mark", "ip_tables", "iptable_filter", "ip6_tables", "ip6table_filter")

// container is what a subject with mounts of its own is born in. Its network is the machine's.
const container = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// descendants of a process, in order of their IDs.
func descendants(pid int) []int {
	var all []int
	for _, c := range guard.Children(pid) {
		all = append(append(all, c), descendants(c)...)
	}
	slices.Sort(all)
	return all
}

// identities of a tree's processes, as each PID namespace sees them (proc_pid_status(5)). Inside leaves out
// what the outermost one sees.
func identities(pid int, inside bool) (string, error) {
	var lines []string
	for _, p := range append([]int{pid}, descendants(pid)...) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
		if err != nil {
			return "", err
		}
		entry := ""
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			if name == "NSpid" || name == "NSpgid" || name == "NSsid" {
				ids := strings.Fields(value)
				if inside {
					ids = ids[1:]
				}
				entry += fmt.Sprintf("%s %s ", name, strings.Join(ids, " "))
			}
		}
		lines = append(lines, strings.TrimSpace(entry))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; "), nil
}

// kept judges that a subject tells the same of itself when it has come back.
func kept(m spec.Meta, o subjectOrder, kinds ...ns.Kind) {
	m.Level, m.Grade, m.Limit = spec.Must, spec.Guest, time.Minute
	m.Needs = []spec.Probe{spec.Root, criu}
	for _, k := range kinds {
		m.Needs = append(m.Needs, canMake(k))
		o.Flags |= k.Flag
	}
	suite.It(m, func(t *spec.T) {
		f := newFrozen(t)
		f.launch(t, o)
		before := f.ask(t, 1)
		tree, err := identities(f.pid, o.Flags&unix.CLONE_NEWPID != 0)
		t.Setup("looking at the tree", err)
		f.dump(t)
		f.revive(t)
		same(t, before, f.ask(t, 2))
		after, err := identities(f.pid, o.Flags&unix.CLONE_NEWPID != 0)
		t.Setup("looking at the tree", err)
		t.Equal("criu dump, criu restore: /proc/PID/status of the tree", after, tree)
	})
}

func same(t *spec.T, before, after facts) {
	t.True("the subject", len(before) > 0, "tells nothing of itself", "facts")
	for name, was := range before {
		t.Equal("criu dump, criu restore: "+name, after[name], was)
	}
}

var _ = suite.Describe("criu", func() {
	kept(spec.Meta{
		ID: "criu/tree", Sources: []string{"CRT-002"},
		Clause: "criu(8) restore: the processes of a tree get back their process, group and session IDs",
	}, subjectOrder{Parts: []string{"tree", "ids"}})
	suiteParts := []ns.Kind{ns.PID, ns.Mount, ns.UTS, ns.IPC}
	kept(spec.Meta{
		ID: "criu/pid-namespace", Sources: []string{"CRT-002"},
		Clause: "criu(8) restore, clone3(2) set_tid: processes get back their IDs within their PID namespace",
	}, subjectOrder{Parts: []string{"tree", "ids"}}, suiteParts...)
	kept(spec.Meta{
		ID: "criu/user-namespace", Sources: []string{"CRT-008"},
		Clause: "criu(8) restore, user_namespaces(7): a tree in a user namespace gets back its uid and gid maps and its capability sets",
	}, subjectOrder{Parts: []string{"tree", "ids"}}, append(suiteParts, ns.User)...)
	kept(spec.Meta{
		ID: "criu/content", Sources: []string{"CRT-001", "CRT-005"},
		Clause: "criu(8) restore: a UTS namespace gets back its names, an IPC namespace the IDs, keys and content of its objects",
	}, subjectOrder{Parts: []string{"uts", "ipc"}}, suiteParts...)
	kept(spec.Meta{
		ID: "criu/mounts", Sources: []string{"CRT-001", "CRT-006"},
		Clause: "criu(8) restore: a mount namespace gets back its mounts, peer groups, what is mounted on what, and files that are open without a name",
	}, subjectOrder{Parts: []string{"mounts"}}, suiteParts...)

	suite.It(spec.Meta{
		ID: "criu/monotonic", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CRT-003"}, Limit: time.Minute,
		Clause: "time_namespaces(7), criu(8) restore: CLOCK_MONOTONIC of a process does not go back, nor does it leave its offset",
		Needs:  []spec.Probe{spec.Root, criu, timeNS, pidNS, mountNS},
	}, func(t *spec.T) {
		f := newFrozen(t)
		f.launch(t, subjectOrder{Flags: container | unix.CLONE_NEWTIME, Parts: []string{"clock"}})
		before := f.ask(t, 1)
		f.dump(t)
		f.revive(t)
		clockGoesOn(t, before, f.ask(t, 2))
	})

	suite.It(spec.Meta{
		ID: "criu/tcp", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CRT-004"}, Limit: time.Minute,
		Clause: "tcp(7) TCP_REPAIR, criu(8) --tcp-established: a connection goes on where it was, with what had not been read yet; its peer sees nothing",
		Needs:  []spec.Probe{spec.Root, criu},
	}, func(t *spec.T) {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		t.Setup("listening", err)
		t.Cleanup(func() { l.Close() })
		ended := make(chan error, 1)
		go func() { ended <- converse(l) }()
		f := newFrozen(t)
		f.options = []string{"--tcp-established"}
		f.launch(t, subjectOrder{Parts: []string{"tcp"}, Peer: l.Addr().String()})
		t.Answer("before", f.ask(t, 1))
		f.dump(t)
		f.revive(t)
		after := f.ask(t, 2)
		t.Equal("recv() of what was sent before the dump", after["recv() of what was sent before"], "line 2")
		t.Equal("recv() of what was sent after the restore", after["recv() of the answer"], "answer 2")
		select {
		case err := <-ended:
			t.True("the peer's connection", false, fmt.Sprint(err), "open")
		default:
		}
	})

	moved(spec.Meta{
		ID: "criu/cgroup", Level: spec.Must,
		Clause: "criu(8) --manage-cgroups: a tree comes back into its control group, which is made again",
	}, false)
	moved(spec.Meta{
		ID: "criu/cgroup-limits", Level: spec.Should,
		Clause: "criu(8) --manage-cgroups=full: a control group that is made again gets its properties",
	}, true)

	suite.It(spec.Meta{
		ID: "criu/failed-restore", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CRT-009"}, Limit: time.Minute,
		Clause: "criu(8) restore: one that fails leaves no process, mount, link or control group behind",
		Needs:  []spec.Probe{spec.Root, criu, pidNS, mountNS, ipcNS, utsNS},
	}, func(t *spec.T) {
		f := newFrozen(t)
		f.launch(t, subjectOrder{Flags: container, Parts: []string{"tree", "mounts", "ipc"}})
		f.ask(t, 1)
		f.dump(t)
		f.pid = 0
		before, err := machineState()
		t.Setup("looking at the machine", err)
		// What it executes is gone: that is found out when processes have been made.
		t.Setup("removing the program", os.Remove(filepath.Join(f.dir, subjectProgram)))
		err = f.tryRevive(t)
		t.True("criu restore without the program", err != nil, "success", "a failure")
		t.Answer("criu restore without the program", err)
		var after []string
		left := leaves(t, func() (bool, error) {
			after, err = machineState()
			return slices.Equal(after, before), err
		})
		t.True("criu restore, which failed: what is on the machine", left == nil, strings.Join(differences(before, after), "; "), "as before")
	})
})

// moved judges a tree whose control group is removed while it is away.
func moved(m spec.Meta, limits bool) {
	m.Grade, m.Sources, m.Limit = spec.Guest, []string{"CRT-007"}, time.Minute
	m.Needs = []spec.Probe{spec.Root, criu, exists("/sys/fs/cgroup/cgroup.subtree_control")}
	suite.It(m, func(t *spec.T) {
		const control = "/sys/fs/cgroup/cgroup.subtree_control"
		limit := filepath.Join(subjectGroup, "pids.max")
		if err := os.WriteFile(control, []byte("+pids"), 0); err != nil {
			t.NotApplicable("the pids controller: %v", err)
		}
		t.Cleanup(func() { os.WriteFile(control, []byte("-pids"), 0) })
		f := newFrozen(t)
		f.group(t)
		t.Setup("setting pids.max", os.WriteFile(limit, []byte("77"), 0))
		f.options = []string{"--manage-cgroups=full"}
		f.launch(t, subjectOrder{Parts: []string{"cgroup"}})
		f.join(t)
		before := f.ask(t, 1)
		f.dump(t)
		t.Setup("removing the control group", removed(t, subjectGroup))
		f.revive(t)
		same(t, before, f.ask(t, 2))
		if limits {
			text, err := os.ReadFile(limit)
			t.Success("open(pids.max) of the control group", err)
			t.Equal("criu dump, rmdir, criu restore: pids.max", strings.TrimSpace(string(text)), "77")
		}
	})
}

// converse is the peer of a subject's connection: it goes on until the connection ends.
func converse(l net.Listener) error {
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for n := 1; ; n++ {
		for _, word := range []string{"line", "answer"} {
			if _, err := fmt.Fprintf(c, "%s %d\n", word, n); err != nil {
				return err
			}
			if got, err := in.ReadString('\n'); err != nil || got != fmt.Sprintf("got %s %d\n", word, n) {
				return fmt.Errorf("it heard %q: %v", got, err)
			}
		}
	}
}
