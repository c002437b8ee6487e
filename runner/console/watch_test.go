package console

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const cry = "Kernel panic - not syncing: on purpose"

func TestCryBehindALongLine(t *testing.T) {
	// Every place relative to where a long line is broken.
	for n := maxLine - 2*overlap; n < 2*maxLine+overlap; n++ {
		long := strings.Repeat("x", n)
		c, ok, cries := heard(long + cry + "\nnext\n")
		if !ok || cries != 1 || c.Signature != cry {
			t.Fatalf("behind %d bytes: %v %q", n, ok, c.Signature)
		}
	}
	if _, ok, _ := heard(strings.Repeat("Kernel panic -", 100_000)); ok {
		t.Error("half a cry is a cry")
	}
}

func TestCryWithoutALineEnd(t *testing.T) {
	c, ok, _ := heard("before\n" + cry)
	if !ok || c.Kind != "panic" || c.Excerpt != "before\n"+cry {
		t.Errorf("heard %v %+v", ok, c)
	}
	c, _, _ = heard(cry + "\nand its last wor")
	if c.Excerpt != cry+"\nand its last wor" {
		t.Errorf("excerpt %q", c.Excerpt)
	}
}

func TestNULsAndEscapes(t *testing.T) {
	for _, line := range []string{
		"\x00\x00\x00BUG: workqueue lockup - pool cpus=0\n",
		"BUG: \x00workqueue lockup - pool cpus=0\n",
		"\x1b[0m\x1b[2JBUG: workqueue lockup - pool cpus=0\r\n",
		"\rBUG: workqueue lockup - pool cpus=0\r\n",
	} {
		if c, ok, _ := heard(line); !ok || c.Signature != "BUG: workqueue lockup - pool cpus=N" || strings.Contains(c.Excerpt, "\x00") {
			t.Errorf("%q: %v %+v", line, ok, c)
		}
	}
}

func TestExcerptIsBounded(t *testing.T) {
	var log strings.Builder
	for i := range 500 {
		fmt.Fprintf(&log, "line %d before\n", i)
	}
	log.WriteString(cry + "\n")
	for i := range 500 {
		fmt.Fprintf(&log, "line %d behind\n", i)
	}
	c, _, _ := heard(log.String())
	lines := strings.Split(c.Excerpt, "\n")
	if len(lines) != keepBefore+keepBehind || lines[0] != "line 492 before" || lines[keepBefore] != cry || lines[len(lines)-1] != "line 38 behind" {
		t.Errorf("%d lines, from %q to %q", len(lines), lines[0], lines[len(lines)-1])
	}
}

func TestTail(t *testing.T) {
	w := NewWatcher(nil, nil)
	if got := w.Tail(); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	for i := range 200 {
		fmt.Fprintf(w, "line %d\n", i)
	}
	fmt.Fprint(w, "and a ha\x00lf")
	lines := strings.Split(w.Tail(), "\n")
	if len(lines) != keepTail+1 || lines[0] != "line 175" || lines[keepTail] != "and a half" {
		t.Errorf("%q", lines)
	}
	fmt.Fprintln(w, cry) // onHit may be nil
}

func TestFloodKeepsMemoryBounded(t *testing.T) {
	w := NewWatcher(nil, nil)
	chunk := []byte(strings.Repeat("BUG: flood "+strings.Repeat("x", 500)+"\n", 64) + strings.Repeat("y", 32<<10))
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	for range 500 { // 32 MB
		w.Write(chunk)
	}
	if after := held(); after > before+2<<20 {
		t.Errorf("%d bytes are held", after-before)
	}
	if c, ok := w.Crash(); !ok || len(c.Excerpt) > 128<<10 || len(c.Signature) > 2*maxLine {
		t.Errorf("%v, excerpt of %d, signature of %d bytes", ok, len(c.Excerpt), len(c.Signature))
	}
}
