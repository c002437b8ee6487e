package ssh

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner"
	"xtest/runner/agent"
	"xtest/runner/event"
	"xtest/runner/guard"
	"xtest/runner/machine"
	"xtest/runner/record"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// runnerMarker makes this test program a runner that can be killed.
const runnerMarker = "ssh-test-runner"

func TestMain(m *testing.M) {
	child.Main()
	guard.Main()
	Main()
	agent.Main(nil, nil)
	if os.Args[0] == runnerMarker {
		if err := judge(os.Args[1], "waits", func(e event.Event) {
			if e.Kind == event.SpecStarted {
				fmt.Println(e.Spec)
			}
		}); err != nil {
			fmt.Println(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// specs are those that the far side can be asked for.
var specs = map[string]struct {
	grade spec.Grade
	body  func(t *spec.T)
}{
	"passes":    {spec.Safe, func(*spec.T) {}},
	"fails":     {spec.Safe, func(t *spec.T) { t.Equal("1", 1, 2) }},
	"dangerous": {spec.Guest, func(*spec.T) {}},
	"waits": {spec.Safe, func(t *spec.T) {
		f, err := os.CreateTemp("", "left-by-spec-")
		t.Setup("making a file", err)
		t.Cleanup(func() {
			t.Sample("last words", 1, "B") // to nobody, which must not keep the rest from being done
			os.Remove(f.Name())
		})
		<-t.Done()
	}},
}

func meta(id string) spec.Meta {
	return spec.Meta{ID: "remote/" + id, Clause: "docs/ssh.md: " + id, Level: spec.Must, Grade: specs[id].grade, Limit: time.Minute}
}

var suite = spec.NewSuite("remote")

var _ = suite.Describe("remote", func() {
	for id, s := range specs {
		suite.It(meta(id), s.body)
	}
})

// judge runs the named specs on "board" and shows each event of the record.
func judge(dir, ids string, see func(event.Event)) error {
	plan := runner.Plan{
		Targets:  []runner.Target{{Name: "ssh:board", Backend: Backend{}, What: "board", Suites: []string{"remote"}}},
		Supplies: &machine.Supplies{}, Seed: 1,
	}
	for id := range specs {
		if m := meta(id); slices.Contains(strings.Fields(ids), id) {
			plan.Specs = append(plan.Specs, runner.Spec{ID: m.ID, Meta: *m.Event("remote", 1)})
		}
	}
	rec, err := record.Create(dir, "t", time.Now(), see)
	if err != nil {
		return err
	}
	defer rec.Close()
	return runner.Run(context.Background(), plan, rec)
}

func run(t *testing.T, ids string, see func(event.Event)) []event.Event {
	t.Helper()
	var events []event.Event
	if err := judge(t.TempDir(), ids, func(e event.Event) {
		events = append(events, e)
		see(e)
	}); err != nil {
		t.Fatal(err)
	}
	return events
}

func verdicts(events []event.Event) map[string]event.Result {
	m := map[string]event.Result{}
	for _, e := range events {
		if e.Kind == event.SpecEnded {
			m[strings.TrimPrefix(e.Spec, "remote/")] = *e.Result
		}
	}
	return m
}

func one(t *testing.T, events []event.Event, kind event.Kind) event.Event {
	t.Helper()
	i := slices.IndexFunc(events, func(e event.Event) bool { return e.Kind == kind })
	if i < 0 {
		t.Fatalf("no %s event in %+v", kind, events)
	}
	return events[i]
}

func ignore(event.Event) {}

func TestJudgesAMachineThatIsUp(t *testing.T) {
	f := startFar(t)
	events := run(t, "passes fails dangerous", ignore)
	got := verdicts(events)
	for id, want := range map[string]event.Verdict{"passes": event.Pass, "fails": event.Fail, "dangerous": event.NotApplicable} {
		if got[id].Verdict != want {
			t.Errorf("%s: got %+v, expected %s", id, got[id], want)
		}
	}
	kernel := strings.TrimSpace(output(t, "uname", "-r"))
	if parts := one(t, events, event.TargetPlanned).Plan.Parts; len(parts) != 1 || !strings.HasPrefix(parts[0].Version, kernel+" ") {
		t.Errorf("the plan's parts are %+v, expected the kernel %s", parts, kernel)
	}
	if m := one(t, events, event.Booted).Machine; m.Kernel != kernel {
		t.Errorf("the machine's kernel is %q, expected %q", m.Kernel, kernel)
	}
	f.mustBeEmpty(t)
}

func TestLostConnectionIsBroken(t *testing.T) {
	f := startFar(t)
	ended := func() { t.Error("the spec did not start") }
	events := run(t, "passes waits", func(e event.Event) {
		if e.Kind == event.SpecStarted && e.Spec == "remote/waits" {
			if copies, _ := filepath.Glob(filepath.Join(f.remote, "xtest-*")); len(copies) > 0 {
				t.Errorf("the agent runs, and its copy is still there: %v", copies)
			}
			ended = hold(t, f.pid)
			f.cut()
		}
	})
	got := verdicts(events)
	if r := got["waits"]; r.Verdict != event.Broken || !strings.HasSuffix(r.Reason, ": connection lost") {
		t.Errorf("the spec that ran: got %+v, expected broken, connection lost", r)
	}
	if r := got["passes"]; r.Verdict != event.Pass {
		t.Errorf("the other spec: got %+v, expected pass", r)
	}
	ended()
	f.mustBeEmpty(t)
}

func TestHostGoneBeforeTheBoot(t *testing.T) {
	f := startFar(t)
	got := verdicts(run(t, "passes fails waits", func(e event.Event) {
		if e.Kind == event.BootStarted && e.Boot == 1 {
			unix.Kill(f.pid, unix.SIGKILL)
		}
	}))
	for id, r := range got {
		if r.Verdict != event.Broken || !strings.Contains(r.Reason, "no connection: ") || !strings.Contains(r.Reason, "refused") {
			t.Errorf("%s: got %+v, expected broken with the client's words", id, r)
		}
	}
	if len(got) != 3 {
		t.Errorf("got %d verdicts, expected 3", len(got))
	}
}

func TestUnreachable(t *testing.T) {
	f := startFar(t)
	mute, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	_, mutePort, _ := net.SplitHostPort(mute.Addr().String())
	good := f.client(t, "user", "host")
	for name, c := range map[string]struct{ command, reason, fix string }{
		"refused":     {"ssh -F /dev/null -p " + freePort(t) + " -o HostName=127.0.0.1", "Connection refused", "is sshd running"},
		"mute":        {good + " -o ConnectTimeout=1 -p " + mutePort, "timed out", "board true"},
		"wrong key":   {f.client(t, "stranger", "host"), "Permission denied (publickey", "ssh-copy-id board"},
		"unknown":     {f.client(t, "user", ""), "Host key verification failed", "compare the key's fingerprint"},
		"changed":     {f.client(t, "user", "stranger"), "Host key verification failed", "ssh-keygen -R 'board'"},
		"no program":  {filepath.Join(f.dir, "nothing"), "is not there", "unset XTEST_SSH"},
		"bad setting": {good + " -o NoSuchOption=1", "Bad configuration option", "settings"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(variable, c.command)
			start := time.Now()
			missed := one(t, run(t, "passes", ignore), event.TargetMissed)
			if !strings.Contains(missed.Reason, c.reason) || !strings.Contains(missed.Fix, c.fix) {
				t.Errorf("got %q, fix %q; expected %q, fix %q", missed.Reason, missed.Fix, c.reason, c.fix)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			f.mustBeEmpty(t)
		})
	}
}

func TestKilledRunnerLeavesNothing(t *testing.T) {
	f := startFar(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{runnerMarker, t.TempDir()}
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	line := make([]byte, 200)
	n, _ := out.Read(line)
	if got := string(bytes.TrimSpace(line[:n])); got != "remote/waits" {
		t.Fatalf("the runner said %q", got)
	}
	near, remote := hold(t, cmd.Process.Pid), hold(t, f.pid)
	cmd.Process.Kill()
	near()
	remote()
	f.mustBeEmpty(t)
}
