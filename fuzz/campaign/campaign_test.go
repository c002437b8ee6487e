package campaign

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/corpus"
	"xtest/fuzz/executor"
	"xtest/fuzz/finding"
	"xtest/fuzz/program"
	"xtest/fuzz/session"
	"xtest/internal/xen"
	"xtest/runner/agent"
	"xtest/runner/event"
	"xtest/runner/guard"
	"xtest/runner/machine"
	"xtest/runner/wire"
	"xtest/suites/spec/child"
)

// fakeEnv has a copy of the test program be a machine whose hypervisor is a function of the test's.
const fakeEnv = "XTEST_TEST_FAKE"

func TestMain(m *testing.M) {
	child.Main()
	guard.Main()
	agent.Main(nil, executor.Run)
	if what := os.Getenv(fakeEnv); what != "" {
		if err := fake(what); err != nil {
			fmt.Println("fake:", err)
			os.Exit(9)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fake is a machine: it takes the memory that it is given as QEMU would, and answers calls.
func fake(what string) error {
	path := ""
	for _, a := range os.Args {
		for part := range strings.SplitSeq(a, ",") {
			if p, ok := strings.CutPrefix(part, "mem-path="); ok {
				path = p
			}
		}
	}
	ram, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	channel := os.NewFile(3, "channel")
	fmt.Fprintf(channel, "\n%s\n", wire.Hello)
	line, err := bufio.NewReader(channel).ReadBytes('\n')
	if err != nil {
		return err
	}
	var order wire.Order
	if err := json.Unmarshal(line, &order); err != nil {
		return err
	}
	a, err := area.Map(int(ram.Fd()), 1<<20, order.Fuzz.Key)
	if err != nil {
		return err
	}
	nap := func() { time.Sleep(50 * time.Microsecond) }
	wire.NewWriter(channel, order.Key).Send(event.Event{Kind: event.Booted, Machine: &event.Machine{Kernel: "fake"}})
	if err := a.Await(nap); err != nil {
		return err
	}
	for n := uint64(0); !a.Stopping(); {
		if a.Produced() <= n {
			nap()
			continue
		}
		if what == "overwrites" && n == 1 {
			a.Done(1 << 40)
			for !a.Stopping() {
				nap()
			}
			return nil
		}
		s := a.Slot(n)
		if s.Mode() == area.Multicall {
			a.SetBatch(n, s, s.Calls())
			for i := range s.Calls() {
				e := s.Entry(i)
				e[1] = uint64(answer(what, e[0], [6]uint64(e[2:])))
			}
			a.EndBatch()
		} else {
			for i := range s.Calls() {
				r := s.Record(i)
				s.Apply(r)
				a.SetCurrent(n, i)
				r.Result = answer(what, r.Op, r.Args)
				if m := s.At(r.Args[0], 64); r.Op == xen.SysctlOp && len(m) == 64 && m[0] == getDomainInfoList {
					m[8+16], r.Result = byte(made), 0
				}
				r.State = area.Returned
			}
		}
		a.Done(n)
		n++
	}
	return nil
}

// made is how many domains the fake has.
var made = 1

// getDomainInfoList is XEN_SYSCTL_getdomaininfolist.
const getDomainInfoList = 6

// answer is the fake's hypervisor. All is well but for one operation and one argument.
func answer(what string, op uint64, args [6]uint64) int64 {
	if op == xen.VCPUOp && args[0] == xen.VCPUGetPhysID && args[1] == 63 {
		switch what {
		case "trap":
			fmt.Println("(XEN) FATAL TRAP: vec 6, #UD[0000] IN INTERRUPT CONTEXT")
			time.Sleep(time.Hour)
		case "loop":
			time.Sleep(time.Hour)
		case "vanish":
			os.Exit(3)
		case "wrong":
			return -2000
		case "leak":
			made++
		}
	}
	if op == xen.TmemOp && what == "other" {
		return -int64(unix.EPERM)
	}
	if op == xen.XenVersion {
		return 0
	}
	return -int64(unix.ENOSYS)
}

func fakeTarget(t *testing.T, what string) *session.Target {
	t.Helper()
	return &session.Target{Name: "fake:" + what, Space: call.Xen(), Image: &machine.Image{
		Plan: event.Plan{Backend: "fake"}, Memory: 16 << 20, BootLimit: 20 * time.Second, Scale: 1,
		Launch: func(machine.Boot) (machine.Launch, error) {
			return machine.Launch{Args: []string{"/proc/self/exe"}, Env: []string{fakeEnv + "=" + what}}, nil
		},
	}}
}

// fuzzFake fuzzes a fake machine until there is something.
func fuzzFake(t *testing.T, what string, change func(*Config)) *Campaign {
	t.Helper()
	target := fakeTarget(t, what)
	ops, err := target.Space.Choose(call.Allocates, []string{"vcpu_op", "xen_version", "tmem_op"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	config := Config{
		Target: target, Ops: ops, Seed: 5, Most: 40_000, Jobs: 1, Dir: t.TempDir(), Mode: Both, Replays: 2, Boots: 100, Silence: 2 * time.Second,
		Say: t.Logf, For: time.Minute,
	}
	if change != nil {
		change(&config)
	}
	c := New(config)
	if err := c.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFindsInFakes: whatever way a machine goes wrong, the call is named, made minimal, and replayed.
func TestFindsInFakes(t *testing.T) {
	for what, want := range map[string]struct{ class, signature string }{
		"trap":   {finding.Hypervisor, "FATAL TRAP: vec N"},
		"loop":   {finding.Hypervisor, "hang in vcpu_op/get_physid"},
		"vanish": {finding.Hypervisor, "the machine ended in vcpu_op/get_physid"},
		"wrong":  {finding.Contract, "contract: vcpu_op/get_physid answers -2000"},
		"leak":   {finding.Contract, "invariant: the number of domains changed"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := fuzzFake(t, what, func(c *Config) { c.Dump = true })
			list := c.All()
			if len(list) != 1 {
				t.Fatalf("%d findings", len(list))
			}
			f := list[0]
			if f.Class != want.class || !strings.HasPrefix(f.Signature, want.signature) || f.Call != "vcpu_op/get_physid" || f.Tried != 2 || f.Again != 2 {
				t.Errorf("%+v", f)
			}
			text := f.Programs[0].String()
			if len(f.Programs) != 1 || text != "vcpu_op/get_physid(0xc, 0x3f, 0, 0, 0)\n" {
				t.Errorf("%d programs, not minimal:\n%s", len(f.Programs), text)
			}
			back, err := finding.List(filepath.Join(c.Dir, "findings"))
			if err != nil || len(back) != 1 || back[0].Programs[0].String() != text {
				t.Fatalf("read back: %v, %v", back, err)
			}
			files := []string{"README.md", "repro.c", "repro_test.go"}
			if what != "leak" { // which nobody met at once
				files = append(files, "first.txt")
			}
			for _, name := range files {
				if _, err := os.Stat(filepath.Join(back[0].Dir, name)); err != nil {
					t.Error(err)
				}
			}
			if want.class == finding.Hypervisor {
				keptMemory(t, filepath.Join(back[0].Dir, back[0].Memory), c.Target.Image.Memory)
			}
			again, _, err := Replay(context.Background(), New(Config{Target: c.Target, Silence: c.Silence}), back[0], 2)
			if err != nil || again != 2 {
				t.Errorf("replayed %d of 2: %v", again, err)
			}
		})
	}
}

// keptMemory judges the memory of a machine that died: it holds the calls, and no room is taken by what is empty.
func keptMemory(t *testing.T, file string, size int64) {
	t.Helper()
	st, err := os.Stat(file)
	if err != nil || filepath.Ext(file) != session.RawSuffix {
		t.Fatalf("no memory: %s, %v", file, err)
	}
	if taken := st.Sys().(*syscall.Stat_t).Blocks * 512; st.Size() != size || taken == 0 || taken > 3*size/4 {
		t.Errorf("%d bytes in %d, of a machine of %d", st.Size(), taken, size)
	}
	text, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(text[1<<20:], []byte{byte(xen.VCPUOp), 0, 0, 0, 0, 0, 0, 0, byte(xen.VCPUGetPhysID), 0, 0, 0, 0, 0, 0, 0, 63}) {
		t.Errorf("it does not hold the call: %v", err)
	}
}

func TestNothingInSoundFake(t *testing.T) {
	t.Parallel()
	c := fuzzFake(t, "sound", func(c *Config) { c.Jobs = 2 })
	if n := len(c.All()); n != 0 || c.Calls.Load() < 40_000 || c.Distinct.Load() == 0 {
		t.Errorf("%d findings, %d calls, %d answers", n, c.Calls.Load(), c.Distinct.Load())
	}
}

// TestOverwritten: what a machine says counts for nothing once a call wrote over it, and another machine goes on.
func TestOverwritten(t *testing.T) {
	t.Parallel()
	c := fuzzFake(t, "overwrites", func(c *Config) { c.Most, c.Silence = 8000, time.Minute })
	if n := c.Machines.Load(); n < 2 || len(c.All()) != 0 {
		t.Errorf("%d machines, %d findings", n, len(c.All()))
	}
}

func TestCompareFakes(t *testing.T) {
	t.Parallel()
	c := New(Config{Target: fakeTarget(t, "sound"), Seed: 1, Most: 2000, Dir: t.TempDir(), Silence: time.Second, Say: t.Logf})
	c.Ops, _ = c.Target.Space.Choose(call.Allocates, []string{"vcpu_op", "tmem_op"}, nil)
	list, err := c.Compare(context.Background(), fakeTarget(t, "other"))
	if err != nil || len(list) != 1 {
		t.Fatalf("%d differences, %v", len(list), err)
	}
	f := list[0]
	if f.Signature != "tmem_op: ENOSYS here, EPERM there" || len(f.Programs) != 1 || f.Programs[0].String() != "tmem_op(0, 0, 0, 0, 0)\n" {
		t.Errorf("%+v: %s", f, f.Programs[0])
	}
	back, err := finding.Load(f.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]int{"other": 2, "sound": 0} {
		if again, err := ReplayParting(context.Background(), c, fakeTarget(t, what), back, 2); err != nil || again != want {
			t.Errorf("%s: came again %d times of 2: %v", what, again, err)
		}
	}
}

// TestFullDisk: what cannot be kept ends the campaign with a reason.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gone")
	target := fakeTarget(t, "wrong")
	ops, err := target.Space.Choose(call.Allocates, []string{"vcpu_op"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // no folder can be below a file
		t.Fatal(err)
	}
	c := New(Config{Target: target, Ops: ops, Seed: 5, Most: 40_000, Jobs: 1, Dir: dir, Mode: Singles, For: time.Minute})
	if err := c.Run(context.Background()); err == nil {
		t.Error("the campaign went on")
	}
}

// TestGoesOnBehindDeaths: a program that ends machines costs one, wherever it stands, and the rest is looked at.
func TestGoesOnBehindDeaths(t *testing.T) {
	t.Parallel()
	const deadly = "vcpu_op/get_physid(0xc, 0x3f, 0, 0, 0)\n"
	text := program.Header(call.Xen())
	for n := range 40 {
		text += fmt.Sprintf("\nvcpu_op/get_physid(0xc, %#x, 0, 0, 0)\n", 64+n)
		if n == 30 {
			text += "\n" + deadly
		}
	}
	file := filepath.Join(t.TempDir(), "corpus")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	old, err := corpus.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Config{Target: fakeTarget(t, "vanish"), Silence: time.Second, Say: t.Logf})
	if _, err := c.Minimise(context.Background(), old); err != nil || c.Machines.Load() != 2 {
		t.Errorf("%d machines: %v", c.Machines.Load(), err)
	}
	var list []*program.Program
	for _, e := range old.Entries() {
		list = append(list, e.Program)
	}
	for _, apart := range []bool{true, false} {
		c.Machines.Store(0)
		answers, err := c.answersOf(context.Background(), c.Target, list, apart)
		if err != nil || len(answers) != len(list) || c.Machines.Load() != 2 {
			t.Fatalf("%d answers of %d, %d machines: %v", len(answers), len(list), c.Machines.Load(), err)
		}
		behind := false
		for i, p := range list {
			dead := p.String() == deadly
			behind = behind || dead
			// What shares the slot with it, and stands before it, is lost.
			if (apart || behind) && (answers[i] == nil) != dead {
				t.Errorf("apart %v: %s: %q", apart, p, answers[i])
			}
		}
	}
}

// TestNoSpace: a device without room ends the campaign, and says so.
func TestNoSpace(t *testing.T) {
	t.Parallel()
	for _, file := range []string{corpus.File + ".new", CurveFile} {
		dir := t.TempDir()
		if err := os.Symlink("/dev/full", filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
		c := New(Config{Target: fakeTarget(t, "sound"), Ops: sound(t), Seed: 5, Most: 500, Jobs: 1, Dir: dir, Mode: Singles, For: time.Minute})
		if err := c.Run(context.Background()); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// sound are operations that a sound fake answers.
func sound(t *testing.T) []*call.Op {
	t.Helper()
	ops, err := call.Xen().Choose(call.Allocates, []string{"vcpu_op"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ops
}

func TestCorpusIsKept(t *testing.T) {
	t.Parallel()
	c := fuzzFake(t, "sound", func(c *Config) { c.Most = 2000 })
	if _, err := corpus.Load(c.Dir); err != nil {
		t.Error(err)
	}
}
