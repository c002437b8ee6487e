package elfmaker

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const native = "/lib64/ld-linux-x86-64.so.2"

// run executes an object beside libraries, and gives its status and output.
func run(t *testing.T, program Object, libraries ...Object) (string, error) {
	t.Helper()
	if _, err := os.Stat(native); err != nil {
		t.Skipf("no dynamic linker here: %v", err)
	}
	dir := t.TempDir()
	for _, l := range libraries {
		if err := os.WriteFile(filepath.Join(dir, l.Soname), l.Bytes(), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "program")
	if err := os.WriteFile(file, program.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	var complaint bytes.Buffer
	cmd := exec.Command(file)
	cmd.Env = []string{"LD_LIBRARY_PATH=" + dir}
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Logf("%v: %s", err, complaint.String())
	}
	return string(out), err
}

func TestProgramRuns(t *testing.T) {
	own := Symbol{Name: "seven", Version: "MINE_1", Library: "libmine.so"}
	datum := Symbol{Name: "number", Library: "libmine.so", Copy: true}
	thread := Symbol{Name: "local", Library: "libmine.so"}
	program := Object{
		Interp: native, Needed: []string{"libmine.so", "libc.so.6"},
		Steps: []Step{
			Call(Libc("strlen"), Text("hello")),
			Call(Libc("access"), Text("/nonexistent"), Int(0)),
			Call(own),
			Load(datum),
			LoadThread(thread),
			Address(Symbol{Name: "xtest_none", Weak: true}),
			Call(Libc("memset"), Space(8), Int('a'), Int(7)),
			Call(Libc("strlen"), Result(6)),
			Call(Libc("abs"), Int(-3)),
			Load(Symbol{Name: "number", Library: "libmine.so"}),
		},
	}
	library := Object{
		Soname:    "libmine.so",
		Functions: []Function{{Name: "seven", Version: "MINE_1", Returns: 7, Prints: "s"}, {Name: "i", Prints: "i"}, {Name: "a", Prints: "a"}, {Name: "f", Prints: "f"}, {Name: "z", Prints: "z"}},
		Data:      []Datum{{Name: "number", Value: 1 << 40}},
		Threads:   []Datum{{Name: "other", Value: 1}, {Name: "local", Value: 42}},
		Init:      "i", InitArray: []string{"a"}, Fini: "f", FiniArray: []string{"z"},
	}
	out, err := run(t, program, library)
	if err != nil {
		t.Fatal(err)
	}
	if out[:3] != "ias" || out[len(out)-2:] != "zf" {
		t.Errorf("functions wrote %q ... %q", out[:3], out[len(out)-2:])
	}
	got, _, err := Outcomes(out[:len(out)-2], len(program.Steps))
	if err != nil {
		t.Fatal(err)
	}
	want := []Outcome{{5, 0}, {-1, 2}, {7, 0}, {1 << 40, 0}, {42, 0}, {0, 0}, got[6], {7, 0}, {3, 0}, {1 << 40, 0}}
	for i := range want {
		if i == 1 {
			got[i].Value = int64(int32(got[i].Value))
		}
		if got[i] != want[i] {
			t.Errorf("step %d gave %+v, want %+v", i, got[i], want[i])
		}
	}
	program.Steps = []Step{Call(Symbol{Name: "seven", Version: "MINE_2", Library: "libmine.so"})}
	if _, err := run(t, program, library); err == nil {
		t.Error("a version that is not there was found")
	}
}

// What is written reads back as ELF.
func TestReadsBack(t *testing.T) {
	o := Object{Interp: "/x", Needed: []string{"libc.so.6"}, Steps: []Step{Call(Libc("getpid"))}, RunPath: "$ORIGIN"}
	f, err := elf.NewFile(bytes.NewReader(o.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_EXEC || f.Machine != elf.EM_X86_64 || f.Progs[0].Type != elf.PT_INTERP {
		t.Errorf("read back %v %v %v", f.Type, f.Machine, f.Progs[0].Type)
	}
	if _, _, err := Outcomes("short", 1); err == nil {
		t.Error("half an outcome was read")
	}
}
