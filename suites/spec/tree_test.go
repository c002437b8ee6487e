package spec

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/runner/event"
	"xtest/suites/spec/child"
)

// roleEnv tells a copy of the test program what to do: Ginkgo's tree can be run only once in a
// process, and only in one that is not itself a test of something else.
const roleEnv = "XTEST_TEST_ROLE"

func TestMain(m *testing.M) {
	child.Main()
	role := os.Getenv(roleEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	out := json.NewEncoder(os.NewFile(3, "events"))
	sow()
	switch role {
	case "list":
		for _, l := range All() {
			out.Encode(l.ID)
		}
	default:
		var mu sync.Mutex
		Run(Environment{
			Booted: role == "booted", Scale: 1, Seed: 7, Sweep: sweepOne,
			Emit: func(e event.Event) {
				mu.Lock()
				defer mu.Unlock()
				out.Encode(e)
			},
		}, func(l Listed) bool {
			return (role == "safe") == (l.Grade == Safe) && l.ID != "t/not-chosen"
		})
	}
	os.Exit(0)
}

// orphan is what the next sweep finds.
var orphan string

func sweepOne() string {
	left := orphan
	orphan = ""
	return left
}

var probes int

var (
	never  = Probe{"never", func() error { probes++; return fmt.Errorf("probe number %d said no", probes) }}
	always = Probe{"always", func() error { return nil }}
	slow   = Probe{"slow", func() error { return fmt.Errorf("asking: %w", context.DeadlineExceeded) }}
	burst  = Probe{"burst", func() error { panic("a probe on its own") }}
)

// sow declares a spec for each way in which a spec can end. Its name says how it must.
func sow() {
	suite := NewSuite("tree")
	it := func(id string, body func(*T), change ...func(*Meta)) {
		m := Meta{ID: "t/" + id, Clause: "the clause of " + id, Level: Must, Limit: 5 * time.Second}
		for _, c := range change {
			c(&m)
		}
		suite.It(m, body)
	}
	needs := func(p ...Probe) func(*Meta) { return func(m *Meta) { m.Needs = p } }
	short := func(m *Meta) { m.Limit = 50 * time.Millisecond }
	wrong := func() { gomega.Expect(1).To(gomega.Equal(2)) }
	fail := func(t *T) { t.Errno("close(-1)", unix.EBADF, unix.EINVAL, unix.EPERM) }

	suite.Describe("tree", func() {
		it("pass", func(t *T) {
			t.Note("a %s", "note")
			t.Answer("getpid()", 42)
			t.Sample("speed", 2.5, "ns/op")
			t.Answer("random", t.Rand().Uint64())
		})
		it("pass-probed", func(*T) {}, needs(always))
		it("not-chosen", func(*T) {})
		it("fail-errno", fail)
		it("fail-equal", func(t *T) { t.Equal("1 + 1", 3, 2) })
		it("fail-true", func(t *T) { t.True("uname()", false, "nothing", "a name") })
		it("fail-success", func(t *T) { t.Success("close(3)", os.NewSyscallError("close", unix.EIO)) })
		it("fail-matcher", func(t *T) { t.That("len(x)", 3, gomega.BeNumerically(">", 4)) })
		it("fail-plain", func(*T) { wrong() })
		it("fail-then-broken-cleanup", func(t *T) { t.Cleanup(func() { t.Broken("the clean-up") }); fail(t) })
		it("fail-then-setup-in-defer", func(t *T) { defer func() { t.Setup("closing", unix.EIO) }(); fail(t) })
		it("fail-then-skip", func(t *T) { t.Cleanup(func() { t.NotApplicable("too late") }); fail(t) })
		it("fail-then-panic", func(t *T) { t.Cleanup(func() { panic("the clean-up") }); fail(t) })
		it("fail-with-orphan", func(t *T) { orphan = "process 1"; fail(t) })
		it("fail-in-cleanup", func(t *T) { t.Cleanup(func() { fail(t) }) })
		it("broken-then-fail", func(t *T) { t.Cleanup(func() { fail(t) }); t.Broken("first") })
		it("broken-setup", func(t *T) { t.Setup("opening", unix.ENOENT) })
		it("broken-matcher", func(t *T) { t.That("call()", "text", gomega.BeNumerically(">", 4)) })
		it("broken-panic", func(*T) { panic("on purpose") })
		it("broken-cleanup", func(t *T) { t.Cleanup(wrong) })
		it("broken-cleanup-panic", func(t *T) { t.Cleanup(func() { panic("on purpose") }) })
		it("broken-with-orphan", func(*T) { orphan = "process 7 (thing)" })
		it("broken-heeds-limit", func(t *T) { <-t.Done() }, short)
		it("broken-fails-too-late", func(t *T) { <-t.Done(); fail(t) }, short)
		it("broken-probe", func(*T) {}, needs(burst))
		it("broken-probe-late", func(*T) {}, needs(slow))
		it("not-applicable-1", func(t *T) { t.Broken("it ran") }, needs(always, never))
		it("not-applicable-2", func(t *T) { t.Broken("it ran") }, needs(never))
		it("not-applicable-skip", func(*T) { ginkgo.Skip("plainly") })
		it("not-applicable-said", func(t *T) { t.NotApplicable("seen %d", 1) })

		// These come back while the next one runs.
		late := make(chan struct{})
		it("broken-late-fail", func(t *T) { <-late; t.Sample("late", 1, "B"); fail(t) }, short)
		it("broken-late-panic", func(*T) { <-late; panic("late") }, short)
		it("pass-meanwhile", func(*T) {
			close(late)
			<-time.After(200 * time.Millisecond)
		})

		returns := make(chan struct{})
		it("broken-late-return", func(*T) { <-returns }, short)
		it("fail-while-late-returns", func(t *T) {
			// Between a failure and the moment when Ginkgo looks.
			defer func() {
				close(returns)
				<-time.After(100 * time.Millisecond)
			}()
			fail(t)
		})

		it("guest", func(*T) {}, func(m *Meta) { m.Grade = Guest })
		it("destructive", func(*T) {}, func(m *Meta) { m.Grade = Destructive })
	})
	suite.Describe("grade", func() {
		// Chosen where only safe ones are, to see what comes of it.
		m := Meta{ID: "t/grade", Clause: "c", Level: Should}
		suite.It(m, func(*T) {})
	})
}

// grow runs a copy of the test program and gives what it sent.
func grow(t *testing.T, role string) (lines []string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.ExtraFiles = []*os.File{w}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return lines
}

func events(t *testing.T, role string) (list []event.Event) {
	for _, line := range grow(t, role) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, e)
	}
	return list
}
