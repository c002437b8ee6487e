package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
	"xtest/runner/wire"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// roleEnv tells a copy of the test program what to play, if it is no agent.
const roleEnv = "XTEST_TEST_ROLE"

func TestMain(m *testing.M) {
	child.Main()
	if filepath.Base(os.Args[0]) == Marker {
		plant()
	}
	Main(nil, nil)
	if role := os.Getenv(roleEnv); role != "" {
		roles[role]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// plant is a tiny suite.
func plant() {
	suite := spec.NewSuite("tiny")
	it := func(id string, grade spec.Grade, body func(*spec.T)) {
		suite.It(spec.Meta{ID: "tiny/" + id, Clause: "c", Level: spec.Must, Grade: grade}, body)
	}
	suite.Describe("tiny", func() {
		it("passes", spec.Safe, func(t *spec.T) { fmt.Println("this is no console's business") })
		it("fails", spec.Safe, func(t *spec.T) { t.Errno("close(-1)", nil, unix.EBADF) })
		it("is-dangerous", spec.Guest, func(*spec.T) {})
		it("leaves-a-child", spec.Safe, func(t *spec.T) { t.Setup("starting a child", start("orphaner").Wait()) })
		it("is-not-asked-for", spec.Safe, func(*spec.T) {})
	})
}

type talk struct {
	cmd     *exec.Cmd
	channel *os.File
	stdout  strings.Builder
	stderr  strings.Builder
	reader  *wire.Reader
	key     []byte
}

// call starts an agent and waits for its hello.
func call(t *testing.T) *talk {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(pair[1], false)
	theirs := os.NewFile(uintptr(pair[1]), "theirs")
	defer theirs.Close()
	c := &talk{channel: os.NewFile(uintptr(pair[0]), "ours"), key: wire.NewKey()}
	c.channel.SetDeadline(time.Now().Add(20 * time.Second))
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd = exec.CommandContext(t.Context(), exe)
	c.cmd.Args, c.cmd.ExtraFiles, c.cmd.Stderr = []string{"/somewhere/" + Marker}, []*os.File{theirs}, &c.stderr
	c.cmd.Env, c.cmd.Stdout = []string{}, &c.stdout
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.channel.Close() })
	c.reader = wire.NewReader(c.channel, c.key)
	if line, err := c.reader.Line(); err != nil || string(line) != wire.Hello {
		t.Fatalf("instead of a hello: %q, %v", line, err)
	}
	return c
}

func (c *talk) order(t *testing.T, o wire.Order) {
	t.Helper()
	o.Key = c.key
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.channel.Write(append(text, '\n')); err != nil {
		t.Fatal(err)
	}
}

func TestAgentJudgesWhatIsAsked(t *testing.T) {
	t.Parallel()
	c := call(t)
	c.order(t, wire.Order{
		Token: "known", Scale: 1, Seed: 3, Modules: []string{"not-for-us"},
		Specs: []string{"tiny/passes", "tiny/leaves-a-child", "tiny/fails", "tiny/is-dangerous", "tiny/not-here"},
	})
	var kinds []string
	results := map[string]event.Result{}
	for {
		e, err := c.reader.Event()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if kinds = append(kinds, string(e.Kind)); e.Kind == event.SpecEnded {
			results[e.Spec] = *e.Result
		}
		if e.Kind == event.Booted && (e.Machine == nil || e.Machine.Kernel == "") {
			t.Errorf("the machine is %+v", e.Machine)
		}
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, c.stderr.String())
	}
	one := " spec-started spec-ended"
	if got := strings.Join(kinds, " "); got != "booted"+one+one+one+one+" finished" {
		t.Errorf("it sent %s", got)
	}
	if ids := slices.Sorted(maps.Keys(results)); len(ids) != 4 {
		t.Errorf("it judged %v", ids)
	}
	for id, want := range map[string]event.Verdict{
		"passes": event.Pass, "fails": event.Fail, "is-dangerous": event.NotApplicable, "leaves-a-child": event.Broken,
	} {
		if r := results["tiny/"+id]; r.Verdict != want {
			t.Errorf("%s: %s, %s", id, r.Verdict, r.Reason)
		}
	}
	if r := results["tiny/leaves-a-child"]; !strings.HasPrefix(r.Reason, "left behind: process ") {
		t.Errorf("the reason is %q", r.Reason)
	}
	if got := c.stderr.String(); strings.Count(got, "xtest: tiny/") != 4 {
		t.Errorf("the console says %q", got)
	}
	// Ginkgo would chatter there.
	if got := c.stdout.String(); got != "" {
		t.Errorf("standard output says %q", got)
	}
}

func TestAgentThatIsNotInitRefuses(t *testing.T) {
	t.Parallel()
	for want, send := range map[string]func(c *talk){
		"only where the agent is init":             func(c *talk) { c.order(t, wire.Order{Install: &wire.Install{Device: "/dev/null"}}) },
		"reading the runner's order: invalid char": func(c *talk) { c.channel.WriteString("nonsense\n") },
		"reading the runner's order: EOF":          func(c *talk) { c.channel.Close() },
	} {
		c := call(t)
		send(c)
		var exit *exec.ExitError
		if err := c.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(c.stderr.String(), want) {
			t.Errorf("want %q: %v, %s", want, err, c.stderr.String())
		}
	}
}

func TestParameters(t *testing.T) {
	got := parameters("console=ttyS0 xtest.channel=/dev/ttyS1 panic=-1 xtest.token=a=b xtest.empty= xtest.bare notxtest.x=1 xtest.twice=1 xtest.twice=2\n")
	want := map[string]string{"channel": "/dev/ttyS1", "token": "a=b", "empty": "", "twice": "2"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := parameters(""); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestDescribe(t *testing.T) {
	m := describe()
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	if m.Kernel != strings.TrimSpace(string(kernel)) || m.Cores < 1 || m.Memory < 16<<20 || m.Flavour != "" && m.Flavour != "User-Mode Linux" {
		t.Errorf("this machine is %+v", m)
	}
	file := filepath.Join(t.TempDir(), "os-release")
	if err := os.WriteFile(file, []byte("NAME=\"x\"\nPRETTY_NAME=\"A = B\"\nvendor_id\t: User Mode Linux\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := value(file, "PRETTY_NAME", "="); got != "A = B" {
		t.Errorf("got %q", got)
	}
	if got := value(file, "vendor_id", ":"); got != "User Mode Linux" {
		t.Errorf("got %q", got)
	}
	if got := value(file, "none", "=") + value("/no/such", "x", "=") + read("/no/such"); got != "" {
		t.Errorf("got %q", got)
	}
}
