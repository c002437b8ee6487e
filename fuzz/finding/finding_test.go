package finding

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xtest/fuzz/call"
	"xtest/fuzz/program"
	"xtest/internal/required"
)

func example(t *testing.T) *Finding {
	t.Helper()
	_, list, err := program.ParseFile(program.Header(call.Xen()) + `event_channel_op/alloc_unbound(6, &8{dom@0:2=0x7ff0, remote@2:2=0x7ff0}, 0, 0, 0)
event_channel_op/close(3, &short8{port@0:4=from0+4:4}, result0, unmapped, noncanonical)
sysctl/physinfo(&straddle136{cmd@0:4=3, version@4:4=version35, a@8:8=&edge32"te\"xt"{w@8:8=same0}}, readonly, hypervisor, 0, 0)
`)
	if err != nil {
		t.Fatal(err)
	}
	return &Finding{
		Class: Hypervisor, Signature: "FATAL TRAP: vec N */ in do_x", Story: "The hypervisor dies.", Target: "xen:debian-12", Space: "xen", Call: "sysctl/physinfo",
		Tried: 3, Again: 2, After: time.Minute, Sysctl: 0x15, Command: []string{"xtest", "fuzz"}, Programs: list, Original: list[0], Console: "(XEN) \x1b[2J dies",
	}
}

func TestKeptAndRead(t *testing.T) {
	f := example(t)
	dir := t.TempDir()
	if err := f.Save(dir); err != nil {
		t.Fatal(err)
	}
	other := example(t)
	if err := other.Save(dir); err != nil || other.Dir == f.Dir {
		t.Fatalf("%v, both in %s", err, f.Dir)
	}
	list, err := List(dir)
	if err != nil || len(list) != 2 || list[0].Programs[0].String() != f.Programs[0].String() || list[0].Again != 2 {
		t.Fatalf("%v %v", list, err)
	}
	text, err := os.ReadFile(filepath.Join(f.Dir, readmeFile))
	if err != nil || !strings.Contains(string(text), "came again in 2 of 3") || strings.Contains(string(text), "\x1b") ||
		!strings.Contains(string(text), "2. event_channel_op/close with argument 2 the address of 8 bytes of which the second half is not mapped (port what call 1 left at offset 4)") {
		t.Errorf("%v:\n%s", err, text)
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no finding") {
		t.Errorf("of nothing: %v", err)
	}
}

// TestSpecExpects: a spec is red for the answer that is the finding.
func TestSpecExpects(t *testing.T) {
	for signature, want := range map[string]string{
		"contract: sysctl/physinfo answers -2000":   `Expect(r2).NotTo(BeEquivalentTo(-2000), `,
		"contract: sysctl/physinfo answers a value": `Expect(r2).To(BeNumerically("<=", 0), `,
		"privilege: sysctl/physinfo succeeds":       `Expect(r2).To(BeNumerically("<", 0), `,
	} {
		f := example(t)
		f.Class, f.Signature = Contract, signature
		if text := f.spec(); strings.Count(text, want) != 1 {
			t.Errorf("%s: no %s in\n%s", signature, want, text)
		}
	}
	f := example(t)
	if f.expected() != "" {
		t.Errorf("of a crash: %s", f.expected())
	}
	f.Signature = "FATAL\nimport \"os\""
	if _, err := parser.ParseFile(token.NewFileSet(), specFile, f.spec(), parser.AllErrors); err != nil {
		t.Errorf("a signature of two lines: %v", err)
	}
}

// TestCodeIsCode: what is generated compiles.
func TestCodeIsCode(t *testing.T) {
	f := example(t)
	if err := f.Save(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), filepath.Join(f.Dir, specFile), nil, parser.AllErrors); err != nil {
		text, _ := os.ReadFile(filepath.Join(f.Dir, specFile))
		t.Errorf("%v\n%s", err, text)
	}
	compiles(t, f)
	plain := example(t)
	_, list, err := program.ParseFile(program.Header(call.Xen()) + "vcpu_op/get_physid(0xc, 0x3f, 0, 0, 0)\n")
	if err != nil {
		t.Fatal(err)
	}
	plain.Programs = list
	if err := plain.Save(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	compiles(t, plain)
	cc := required.Tool(t, "cc", "gcc libc6-dev")
	for _, f := range []*Finding{f, plain} {
		if out, err := exec.Command(cc, "-Wall", "-Werror", "-o", filepath.Join(t.TempDir(), "repro"), filepath.Join(f.Dir, sourceFile)).CombinedOutput(); err != nil {
			text, _ := os.ReadFile(filepath.Join(f.Dir, sourceFile))
			t.Errorf("%v: %s\n%s", err, out, text)
		}
	}
}

// compiles has the finding's spec compiled where it may import what it does, without a file being there.
func compiles(t *testing.T, f *Finding) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "repro", "repro.go"): filepath.Join(f.Dir, specFile)}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "./repro").CombinedOutput(); err != nil {
		code, _ := os.ReadFile(filepath.Join(f.Dir, specFile))
		t.Errorf("%v: %s\n%s", err, out, code)
	}
}
