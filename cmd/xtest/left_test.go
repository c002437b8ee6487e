package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// belongings is what a run could leave on the machine, by name and value.
type belongings map[string]string

// restless are files below /proc/sys that change by themselves or with whatever else runs here.
var restless = regexp.MustCompile(`^/proc/sys/(kernel/(random/|ns_last_pid|pty/nr|spl|perf_event_max_sample_rate|sched_domain/|tainted)|fs/([a-z-]*(nr|state)|binfmt_misc/|quota/)|net/netfilter/nf_conntrack_count|vm/stat_refresh|debug/)`)

// look takes stock of the calling thread's namespaces and of the machine's control groups.
func look(t *testing.T, queues string) belongings {
	t.Helper()
	b := belongings{}
	keep := func(kind, path string) {
		data, err := os.ReadFile(path)
		if err == nil {
			b[kind] = string(data)
		}
	}
	keep("mounts", "/proc/thread-self/mountinfo")
	for _, kind := range []string{"shm", "msg", "sem"} {
		keep(kind, "/proc/sysvipc/"+kind)
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		b["interface "+l.Name] = fmt.Sprint(l.Index, l.MTU, l.Flags)
	}
	names, err := os.ReadDir(queues)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b["message queue "+n.Name()] = ""
	}
	filepath.WalkDir("/dev/shm", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.Contains(path, "xtest") {
			b[path] = ""
		}
		return nil
	})
	filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "xtest-") {
			b[path] = ""
		}
		return nil
	})
	filepath.WalkDir("/proc/sys", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !restless.MatchString(path) {
			keep(path, path)
		}
		return nil
	})
	return b
}

// apart gives the calling goroutine a thread in namespaces of its own, which what it starts inherits: a
// view that nothing else on the machine disturbs. The thread ends with the goroutine. Queues is where
// message queues are shown.
func apart(t *testing.T) (queues string) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS); err != nil {
		t.Fatal(err)
	}
	queues = t.TempDir()
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("xtest", queues, "mqueue", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(queues, unix.MNT_DETACH) })
	return queues
}

// executing finds the processes that execute a program.
func executing(program string) (list []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/exe") // the pattern is a good one
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.TrimSuffix(to, " (deleted)") == program {
			list = append(list, filepath.Base(filepath.Dir(l)))
		}
	}
	return list
}

// A run on this machine leaves nothing on it, whenever it is ended.
func TestNothingLeft(t *testing.T) {
	needRoot(t)
	for _, c := range []struct {
		name string
		args []string
		at   string // the start of a spec at which it is killed; "" lets it end
	}{
		{"all", []string{"--suite", "namespaces"}, ""},
		{"all, killed at first", []string{"--suite", "namespaces"}, "/"},
		{"all, killed halfway", []string{"--suite", "namespaces", "--exclude", "teardown/*"}, "net/"},
		{"a crowd of processes", []string{"--spec", "teardown/pid-crowd"}, "/"},
		{"a full network namespace", []string{"--spec", "teardown/net-full"}, "/"},
		{"limits", []string{"--spec", "user/max-*", "--spec", "ipc/*"}, "ipc/"},
		{"mounts", []string{"--spec", "mnt/*", "--spec", "container/*"}, "mnt/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			queues := apart(t)
			dir, tmp := t.TempDir(), t.TempDir()
			own := filepath.Join(dir, "under-test") // executed by none but this run
			if data, err := os.ReadFile(program); err != nil {
				t.Fatal(err)
			} else if err := os.WriteFile(own, data, 0o755); err != nil {
				t.Fatal(err)
			}
			before := look(t, queues)
			if len(before) < 100 || before["mounts"] == "" || before["shm"] == "" || before["interface lo"] == "" {
				t.Fatalf("too little is looked at: %v", slices.Sorted(maps.Keys(before)))
			}
			cmd := call{dir: dir, tmp: tmp, bare: true, args: append([]string{own, "run", "local", "--seed", "1"}, c.args...)}.command(t)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if c.at != "" {
				started := regexp.MustCompile(`"kind":"spec-started".*"spec":"[a-z0-9-]*` + c.at)
				until(t, time.Minute, "a spec's start on the record", func() bool {
					records, _ := filepath.Glob(filepath.Join(dir, "runs/*/events.jsonl")) // the pattern is a good one
					return slices.ContainsFunc(records, func(f string) bool {
						data, err := os.ReadFile(f)
						return err == nil && started.Match(data)
					})
				})
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if err := cmd.Wait(); (err != nil) != (c.at != "") {
				t.Fatalf("it ended with %v:\n%s", err, &out)
			}
			until(t, 10*time.Second, "the end of its processes", func() bool { return len(executing(own))+len(processesIn(tmp)) == 0 })
			var changed []string
			defer func() {
				if t.Failed() {
					t.Logf("left behind: %q", changed)
				}
			}()
			until(t, 10*time.Second, "the machine as before", func() bool {
				after := look(t, queues)
				changed = nil
				for _, name := range slices.Sorted(maps.Keys(before)) {
					if was, is := before[name], after[name]; was != is {
						changed = append(changed, fmt.Sprintf("%s: %q, before %q", name, is, was))
					}
				}
				for name := range after {
					if _, known := before[name]; !known {
						changed = append(changed, name)
					}
				}
				files, err := os.ReadDir(tmp)
				if err != nil || len(files) > 0 {
					changed = append(changed, fmt.Sprintf("%s: %v, %v", tmp, files, err))
				}
				return len(changed) == 0
			})
		})
	}
}
