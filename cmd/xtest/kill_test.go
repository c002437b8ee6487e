package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/reports"
	"xtest/runner/event"
)

// underWay is a run of the selftest suite with some results on its record and more to come.
type underWay struct {
	cmd            *exec.Cmd
	dir, tmp       string
	stdout, stderr bytes.Buffer
}

// begin starts a run and waits for so many results.
func begin(t *testing.T, target string, results int) *underWay {
	t.Helper()
	u := &underWay{dir: t.TempDir(), tmp: t.TempDir()}
	c := call{dir: u.dir, tmp: u.tmp, args: []string{"run", target, "--no-rootfs", "--suite", "selftest"}}
	u.cmd = c.command(t)
	u.cmd.Stdout, u.cmd.Stderr = &u.stdout, &u.stderr
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, 5*time.Minute, "the machine's start, before which its kernel may be fetched", func() bool { return len(processesIn(u.tmp)) > 0 })
	until(t, time.Minute, "results on the record", func() bool { return len(endedSpecs(t, u.dir)) >= results })
	return u
}

// gone waits until neither a process nor a file of the guests is left.
func (u *underWay) gone(t *testing.T) {
	t.Helper()
	until(t, 10*time.Second, "the end of the guest's processes", func() bool { return len(processesIn(u.tmp)) == 0 })
	until(t, 10*time.Second, "the end of the guest's files", func() bool {
		left, err := os.ReadDir(u.tmp)
		return err == nil && len(left) == 0
	})
}

// endedSpecs reads the verdicts off the record while it is being written.
func endedSpecs(t *testing.T, dir string) map[string]event.Verdict {
	t.Helper()
	ended := map[string]event.Verdict{}
	found, err := filepath.Glob(filepath.Join(dir, "runs", "*", "events.jsonl"))
	if err != nil || len(found) == 0 {
		return ended
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event.Event
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Kind == event.SpecEnded {
			ended[e.Spec] = e.Result.Verdict
		}
	}
	return ended
}

// processesIn finds processes that work in a folder below dir or name it in their arguments.
func processesIn(dir string) []int {
	entries, _ := os.ReadDir("/proc") // nothing is found where there is no /proc, which the caller sees
	var list []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cwd, _ := os.Readlink("/proc/" + e.Name() + "/cwd") // it may have ended meanwhile
		args, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if strings.HasPrefix(cwd, dir+"/") || bytes.Contains(args, []byte(dir+"/")) {
			list = append(list, pid)
		}
	}
	return list
}

// checkKept compares what a report shows with what had been judged.
func checkKept(t *testing.T, dir string, ended map[string]event.Verdict) *reports.Model {
	t.Helper()
	m := theRun(t, dir)
	if len(m.Targets) != 1 || len(m.Targets[0].Specs) != len(wanted) {
		t.Fatalf("%d targets, not all specs of which are listed", len(m.Targets))
	}
	for _, s := range m.Targets[0].Specs {
		v, judged := ended[s.ID]
		switch {
		case judged && s.Verdict() != v:
			t.Errorf("%s ended as %q and is reported as %q", s.ID, v, s.Verdict())
		case !judged && s.Verdict() != "" && s.Verdict() != event.Broken:
			t.Errorf("%s never ended and is reported as %q", s.ID, s.Verdict())
		}
	}
	if m.Counts.NotJudged == 0 {
		t.Error("the run was over before it was cut off: nothing is shown")
	}
	return m
}

func TestKilled(t *testing.T) {
	for _, target := range []string{"uml:debian-12", "qemu:debian-12"} {
		t.Run(strings.ReplaceAll(target, ":", "-"), func(t *testing.T) {
			if strings.HasPrefix(target, "qemu") {
				needTool(t, "qemu-system-x86_64")
			}
			needBoots(t)
			u := begin(t, target, 3)
			if err := u.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := u.cmd.Wait(); err == nil {
				t.Fatal("it ended by itself")
			}
			u.gone(t)
			m := checkKept(t, u.dir, endedSpecs(t, u.dir))
			if m.Whole {
				t.Error("the record says that the run came to its end")
			}
			out := call{dir: u.dir, args: []string{"report"}}.run(t)
			if out.code == exitGood || !strings.Contains(out.stdout, "xtest ended before") || !strings.Contains(out.stdout, "not judged") {
				t.Errorf("xtest report does not tell of the killing: %s", out)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	// Before the machine is up, and when some specs are judged.
	for _, results := range []int{0, 3} {
		t.Run(fmt.Sprint(results, " results"), func(t *testing.T) {
			needBoots(t)
			u := begin(t, "uml:debian-12", results)
			interrupt(t, u)
			m := checkKept(t, u.dir, endedSpecs(t, u.dir))
			if results == 0 && m.Counts.NotJudged != len(wanted) {
				t.Errorf("nothing could be judged, and yet: %+v", m.Counts)
			}
			if !m.Whole || !strings.Contains(m.EndReason, "interrupted") {
				t.Errorf("the record's end is %v, %q", m.Whole, m.EndReason)
			}
			if !strings.Contains(u.stdout.String(), "interrupted") {
				t.Errorf("nothing tells the user of the interruption:\n%s%s", &u.stdout, &u.stderr)
			}
			again := call{dir: u.dir, args: []string{"report"}}.run(t)
			if !strings.Contains(again.stdout, "interrupted") {
				t.Errorf("xtest report does not tell of the interruption: %s", again)
			}
		})
	}
}

func interrupt(t *testing.T, u *underWay) {
	t.Helper()
	if err := u.cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	u.cmd.Wait() // the exit status says how
	if code := u.cmd.ProcessState.ExitCode(); code != 128+int(unix.SIGINT) {
		t.Errorf("exit status %d, want %d", code, 128+int(unix.SIGINT))
	}
	// It waits for its guests: what is left now is left for good.
	if left := processesIn(u.tmp); len(left) > 0 {
		t.Errorf("processes of the guest are left: %v", left)
	}
	u.gone(t)
}

// Folders that specs on this machine work in go with the run.
func TestKilledLocal(t *testing.T) {
	t.Parallel()
	u := &underWay{dir: t.TempDir(), tmp: t.TempDir()}
	c := call{dir: u.dir, tmp: u.tmp, args: []string{"run", "local", "--spec", "behaviour/sleep"}}
	u.cmd = c.command(t)
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, time.Minute, "a spec's folder", func() bool {
		inside, err := filepath.Glob(filepath.Join(u.tmp, "xtest-machine-*", "xtest-lsb-*"))
		beside, _ := filepath.Glob(filepath.Join(u.tmp, "xtest-lsb-*"))
		return err == nil && len(inside)+len(beside) > 0
	})
	if err := u.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := u.cmd.Wait(); err == nil {
		t.Error("the run was over before it was killed")
	}
	u.gone(t)
}
