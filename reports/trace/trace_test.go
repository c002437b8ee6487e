package trace

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

func open(t *testing.T, name string) *Trace {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tr, err := Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestReal: traces of four munmap(2) of 8 kB each on Debian 12's cloud kernel, whose clock counted
// instructions, without and with init_on_free=1. Untraced they take 12,664 and 14,493 instructions.
func TestReal(t *testing.T) {
	good, bad := open(t, "good.txt"), open(t, "bad.txt")
	d := Compare(good, bad)
	if d.Total[0] < 11000 || d.Total[0] > 13500 || d.Total[1]-d.Total[0] < 1500 || d.Total[1]-d.Total[0] > 2300 {
		t.Errorf("without what the tracer adds an operation takes %.0f and %.0f", d.Total[0], d.Total[1])
	}
	guilty, part := d.Guilty()
	if len(guilty) == 0 || guilty[0].Name != "free_pcp_prepare" || guilty[0].Caller != "free_unref_page_list" || part < 0.8 {
		t.Errorf("guilty are %+v, for %.2f", guilty, part)
	}
	var out strings.Builder
	if err := Table(&out, d, 3); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s\n%s", out.String(), strings.Join(d.Sentences(), "\n"))
	if strings.Count(out.String(), "\n") != 4 || !strings.Contains(out.String(), "free_pcp_prepare") {
		t.Errorf("the table:\n%s", out.String())
	}
	if text := strings.Join(d.Sentences(), " "); !strings.Contains(text, "free_pcp_prepare, called by free_unref_page_list") {
		t.Error(text)
	}
	// The same trace twice does not differ.
	if d := Compare(good, open(t, "good.txt")); len(d.Functions) > 0 || !strings.HasPrefix(d.Sentences()[0], "No function's") {
		t.Errorf("%+v", d.Functions)
	}
	// And the other way round the same functions are guilty.
	if guilty, _ := Compare(bad, good).Guilty(); len(guilty) == 0 || guilty[0].Name != "free_pcp_prepare" || guilty[0].Change() > 0 {
		t.Errorf("the other way round guilty are %+v", guilty)
	}
}

// round is a traced operation: sys() calls a() and, with an interrupt in between, b().
const head = "# operations: 3\n"

func lines(list ...string) string {
	var b strings.Builder
	for _, l := range list {
		b.WriteString("    2.083817 |   0)   memfd:x-87   |" + l + "\n")
	}
	return b.String()
}

var (
	calm = lines(
		"               |  sys() {",
		"   1.000 us    |    a();",
		"               |    b() {",
		" + 11.000 us   |      c [mod]();",
		" ! 120.000 us  |    } /* b */",
		"   125.000 us  |  }")
	disturbed = lines(
		"               |  sys() {",
		"               |    b() {",
		"               |      __sysvec_apic_timer_interrupt() {",
		"   700.000 us  |        tick();",
		"   800.000 us  |      }",
		"   900.000 us  |    }",
		"   925.000 us  |  }")
	torn = lines(
		"   2.000 us    |    }", // began before
		"               |  sys() {",
		"               |    off() {") // and here it was switched off
	other = strings.ReplaceAll(lines("   5.000 us    |  noise();"), "memfd:x-87", "kworker/0:1-9")
)

func TestRead(t *testing.T) {
	tr, err := Read(strings.NewReader(head + torn + calm + other + " 0)   ==========> |\n ------\n" + calm + disturbed + torn))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range tr.Calls {
		if c.Task != "memfd:x-87" {
			t.Errorf("another process's call is kept: %+v", c)
		}
	}
	d := Compare(tr, tr)
	// A third of the operations is disturbed; the others stand for it.
	self := map[string]float64{}
	weights := tr.weights()
	for _, c := range tr.Calls {
		self[c.Function] += weights[c.root] * c.Self
	}
	for name, want := range map[string]float64{"sys": 3 * 4000, "a": 3 * 1000, "b": 3 * 109000, "c [mod]": 3 * 11000} {
		if math.Abs(self[name]-want) > 1e-6 {
			t.Errorf("%s takes %g by itself, not %g", name, self[name], want)
		}
	}
	if self["tick"] != 0 || d.Own[0] != 1000 {
		t.Errorf("an interrupt counts %g; the tracer's own is %g", self["tick"], d.Own[0])
	}
	for _, bad := range []string{"", head, calm, "# operations: x\n" + calm, "# operations: -1\n" + calm} {
		if tr, err := Read(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is read as %+v", bad, tr)
		}
	}
	tr, err = Read(strings.NewReader(head + calm + " CPU:0 [LOST 17 EVENTS]\n" + calm))
	if err != nil || tr.Lost != 17 {
		t.Errorf("%+v, %v", tr, err)
	}
}

// TestTracersOfTwoKernels: the same work under a tracer that takes twice as long is no difference.
func TestTracersOfTwoKernels(t *testing.T) {
	dear := lines(
		"               |  sys() {",
		"   2.000 us    |    a();",
		"               |    b() {",
		" + 12.000 us   |      c [mod]();",
		" ! 123.500 us  |    } /* b */",
		" ! 133.500 us  |  }")
	var sides [2]*Trace
	for i, text := range []string{calm, dear} {
		tr, err := Read(strings.NewReader(head + text))
		if err != nil {
			t.Fatal(err)
		}
		sides[i] = tr
	}
	if d := Compare(sides[0], sides[1]); len(d.Functions) != 0 || d.Own != [2]float64{1000, 2000} || d.Inner != [2]float64{1500, 3000} {
		t.Errorf("%+v", d)
	}
}

func TestChrome(t *testing.T) {
	tr, err := Read(strings.NewReader(head + calm))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Chrome(&b, tr); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		TraceEvents []struct {
			Ph, Name string
			Dur      float64
		}
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil || len(doc.TraceEvents) != 5 || doc.TraceEvents[4].Name != "sys" || doc.TraceEvents[4].Dur != 125 {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func FuzzRead(f *testing.F) {
	f.Add(head + calm + disturbed + torn)
	f.Fuzz(func(t *testing.T, text string) {
		tr, err := Read(strings.NewReader(text))
		if err == nil {
			Compare(tr, tr).Sentences()
		}
	})
}
