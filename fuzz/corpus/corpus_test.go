package corpus

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xtest/fuzz/call"
	"xtest/fuzz/program"
)

// written writes a file of programs.
func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "corpus")
	if err := os.WriteFile(file, []byte(program.Header(call.Xen())+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const (
	one = "xen_version/version(0, 0, 0, 0, 0)\n"
	two = "vcpu_op/get_physid(0xc, 1, 0, 0, 0)\nxen_version/version(0, 0, 0, 0, 0)\n"
	six = "vcpu_op/get_physid(0xc, 6, 0, 0, 0)\n"
)

// TestLoaded: what a program reached is told of that program, also where others tell nothing.
func TestLoaded(t *testing.T) {
	c, err := Load(written(t, "\n"+one+"\n# reached 10 20\n"+two+"\n# by hand\n"+six))
	if err != nil {
		t.Fatal(err)
	}
	list := c.Entries()
	if len(list) != 3 || list[0].Blocks != nil || !slices.Equal(list[1].Blocks, []uint64{0x10, 0x20}) || list[2].Blocks != nil || c.Blocks() != 2 {
		t.Errorf("%+v", list)
	}
	if order := c.Ordered(); order[0].String() != two || order[1].String() != one {
		t.Errorf("the program that reached most is not the first: %s", order[0])
	}
	file := filepath.Join(t.TempDir(), File)
	if err := c.Save(file); err != nil {
		t.Fatal(err)
	}
	back, err := Load(filepath.Dir(file))
	if err != nil || back.Len() != 3 || !slices.Equal(back.Entries()[1].Blocks, list[1].Blocks) {
		t.Errorf("read back: %v, %+v", err, back)
	}
}

// TestGrows: a program is kept when it is the first to reach something.
func TestGrows(t *testing.T) {
	_, list, err := program.ParseFile(program.Header(call.Xen()) + one + "\n" + two + "\n" + six)
	if err != nil {
		t.Fatal(err)
	}
	c := New(call.Xen())
	c.See(1)
	for i, want := range []int{0, 2, 1} {
		if got := c.Add(list[i], [][]uint64{{1}, {1, 2, 3}, {3, 4}}[i]); got != want {
			t.Errorf("program %d: %d blocks are new, not %d", i, got, want)
		}
	}
	if p, i := c.Pick(1); c.Len() != 2 || c.Blocks() != 4 || p.String() != c.Entries()[i].Program.String() {
		t.Errorf("%d programs, %d blocks", c.Len(), c.Blocks())
	}
	other := New(call.Xen())
	other.Add(list[0], []uint64{9})
	other.Add(list[1], []uint64{8})
	if err := c.Merge(other); err != nil || c.Len() != 3 || c.Blocks() != 6 {
		t.Errorf("merged: %v, %d programs, %d blocks", err, c.Len(), c.Blocks())
	}
	if err := c.Merge(New(call.KVM())); err == nil || !strings.Contains(err.Error(), "cannot be merged") {
		t.Errorf("of another space: %v", err)
	}
}

// TestPick: every entry has its turn, and the one whose changes lead on has more.
func TestPick(t *testing.T) {
	c := New(call.Xen())
	if p, _ := c.Pick(7); p != nil {
		t.Error("an empty corpus gave a program")
	}
	text := ""
	for i := range 10 {
		text += fmt.Sprintf("xen_version/version(%d, 0, 0, 0, 0)\n\n", i)
	}
	_, list, err := program.ParseFile(program.Header(call.Xen()) + text)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range list {
		c.Add(p, []uint64{uint64(i)})
	}
	var times [10]int
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		_, i := c.Pick(r.Uint64())
		if times[i]++; i == 3 {
			c.Led(i, 1)
		}
	}
	for i, n := range times {
		if n < 200 || i != 3 && n > times[3]/2 {
			t.Errorf("entry %d was chosen %d times; all: %v", i, n, times)
		}
	}
}
