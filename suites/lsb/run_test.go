package lsb

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/lsb/inspection"
)

func TestRun(t *testing.T) {
	m, dir := newMachine("/"), t.TempDir()
	t.Setenv("LEAK", "secret")
	o, err := m.run(t.Context(), command{argv: []string{"/bin/sh", "-c", `read x; echo "$x:$LC_ALL:${LEAK-none}:$PWD"; echo bad >&2; exit 3`}, stdin: "in\n", dir: dir})
	want := "in:C:none:" + dir + "\n"
	if err != nil || o.status != 3 || o.stdout != want || o.stderr != "bad\n" {
		t.Errorf("got %v, %v; want %q", o, err, want)
	}
	o, err = m.run(t.Context(), command{argv: []string{"/bin/sh", "-c", "kill -9 $$"}, dir: dir})
	if err != nil || o.status != -1 || o.died != "killed by SIGKILL" {
		t.Errorf("killed: %+v, %v", o, err)
	}
	o, err = m.run(t.Context(), command{argv: []string{"/bin/sh", "-c", "while :; do echo 0123456789; done | head -c 1000000"}, dir: dir})
	if err != nil || len(o.stdout) != maxOutput {
		t.Errorf("a flood of output: %d bytes kept, %v", len(o.stdout), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "s"), []byte("#!/nonexistent\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if o, err = m.run(t.Context(), command{argv: []string{"./s"}, dir: dir}); err != nil || !strings.HasPrefix(o.died, "not executed") {
		t.Errorf("a script without interpreter: %+v, %v", o, err)
	}
	if _, err = m.run(t.Context(), command{argv: []string{"xtest-no-such"}, dir: dir}); err == nil {
		t.Error("a command that is not there was run")
	}
}

// Neither a command that hangs nor what one leaves behind lives on.
func TestRunEndsEverything(t *testing.T) {
	m, dir := newMachine("/"), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := m.run(ctx, command{argv: []string{"/bin/sh", "-c", "sleep 100 & echo $! >hung; sleep 100"}, dir: dir})
	if err == nil || !strings.Contains(err.Error(), "no end in time") || time.Since(began) > 3*time.Second {
		t.Errorf("a hanging command: %v after %v", err, time.Since(began))
	}
	o, err := m.run(t.Context(), command{argv: []string{"/bin/sh", "-c", "sleep 100 & echo $!"}, dir: dir})
	if err != nil || o.status != 0 {
		t.Fatalf("a command that leaves a child: %v, %v", o, err)
	}
	for _, line := range []string{text(t, filepath.Join(dir, "hung")), o.stdout} {
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		// A killed process closes its files, which is what run waits for, before it counts as dead.
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(5 * time.Second); alive(pid); <-tick.C {
			if time.Now().After(deadline) {
				t.Fatalf("process %d lives on", pid)
			}
		}
	}
}

func text(t *testing.T, name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// alive counts a process that its new parent has not reaped yet as dead.
func alive(pid int) bool {
	if unix.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

func TestTry(t *testing.T) {
	f := fixture{t, newMachine("/")}
	good := do("/bin/sh s").with("s", "cat >out; echo hi; exit 2").in("x").out("hi\n").exits(2).leaves("out", "x")
	f.passes(try(good))
	for _, spoil := range []func(*step){
		func(s *step) { s.stdout = "ho\n" },
		func(s *step) { s.status = 0 },
		func(s *step) { s.status, s.above, s.files = 0, true, map[string]string{"s": "cat >out; echo hi"} },
		func(s *step) { s.makes = map[string]string{"out": "y"} },
		func(s *step) { s.makes = map[string]string{"absent": ""} },
		func(s *step) { s.files = map[string]string{"s": "kill -9 $$"} },
		func(s *step) {
			s.files, s.above, s.stdout, s.makes = map[string]string{"s": "kill -9 $$"}, true, "", nil
		},
	} {
		bad := good
		spoil(&bad)
		f.fails(try(good, bad), "/bin/sh s")
	}
	before, _ := filepath.Glob(filepath.Join(os.TempDir(), "xtest-lsb-*"))
	f.passes(try(good))
	if after, _ := filepath.Glob(filepath.Join(os.TempDir(), "xtest-lsb-*")); len(after) > len(before) {
		t.Errorf("left behind: %v", after)
	}
}

// The interpreter of a script is the kernel's choice, so the scripts themselves are spoilt.
func TestScriptsCanFail(t *testing.T) {
	f := fixture{t, newMachine("/")}
	for _, b := range scriptBehaviours() {
		steps := slices.Clone(b.steps)
		for i := range steps {
			steps[i].files = map[string]string{filepath.Base(steps[i].argv[0]): "#!/bin/sh\necho other\n"}
		}
		f.fails(try(steps...), "./s")
	}
}

// conformingFunctions are those of 22.8.
const conformingFunctions = `log_success_msg() { echo "$@"; }
log_failure_msg() { echo "$@"; }
log_warning_msg() { echo "$@"; }
start_daemon() { f= n=0; while :; do case $1 in -f) f=1; shift;; -n) n=$2; shift 2;; -p) at=$2; shift 2;; *) break;; esac; done
	[ "$f" ] || ! kill -0 $(cat $at) 2>/dev/null || return 0; nice -n $n "$@"; }
pidofproc() { [ -e "$2" ] || return 3; read pid <"$2"; kill -0 $pid 2>/dev/null || return 1; echo $pid; }
killproc() { pid=$(pidofproc "$1" "$2" "$3"); if [ -z "$pid" ]; then [ -z "$4" ] || return 3; return 0; fi; kill -${4:-TERM} $pid || return; [ -n "$4" ] || rm -f "$2"; }
`

// A made-up file of functions that conform, and one spoilt function after the other.
func TestInitFunctions(t *testing.T) {
	dir := t.TempDir()
	judge := func(functions, only string) map[string]bool {
		file := filepath.Join(dir, "functions")
		if err := os.WriteFile(file, []byte(functions), 0o644); err != nil {
			t.Fatal(err)
		}
		holds := map[string]bool{}
		for _, b := range initBehaviours(file) {
			if only != "" && b.id != only {
				continue
			}
			got, err := try(b.steps...)(t.Context(), newMachine("/"))
			if err != nil {
				t.Fatal(err)
			}
			holds[b.id] = got.Holds()
		}
		return holds
	}
	for id, holds := range judge(conformingFunctions, "") {
		if !holds {
			t.Errorf("%s fails on conforming functions", id)
		}
	}
	for id, spoilt := range map[string]string{
		"messages":             "log_warning_msg() { :; }",
		"pidofproc-absent":     "pidofproc() { return 1; }",
		"pidofproc-dead":       "pidofproc() { return 3; }",
		"pidofproc-running":    "pidofproc() { echo 1; }",
		"killproc-signal":      "killproc() { :; }",
		"killproc-absent":      "killproc() { :; }",
		"killproc-ends":        "killproc() { kill -9 $(cat $2); }",
		"killproc-pidfile":     "killproc() { kill $(cat $2); }",
		"start-daemon-running": "start_daemon() { shift 2; \"$@\"; }",
		"start-daemon-forced":  "start_daemon() { :; }",
	} {
		if judge(conformingFunctions+spoilt, id)[id] {
			t.Errorf("%s holds with %s", id, spoilt)
		}
	}

	f := newFixture(t)
	f.put("/bin/sh", "#!/bin/sh\nexec /bin/sh \"$@\"\n")
	f.fails(checkInitFunctions, "no such file")
	f.put(inspection.InitFunctions, conformingFunctions)
	f.passes(checkInitFunctions)
	f.put(inspection.InitFunctions, strings.ReplaceAll(conformingFunctions, "killproc", "other"))
	f.fails(checkInitFunctions, "killproc")
	f.put(inspection.InitFunctions, "exit 5")
	f.fails(checkInitFunctions, "status 5")
}
