package hypercall

import (
	"strings"
	"testing"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
	"xtest/suites/spec"
)

// An expectation that both a success and an error satisfy would judge nothing.
func TestEveryFactCanFail(t *testing.T) {
	none := func(spec.Probe) bool { return false }
	n := 0
	for _, h := range xen.Table() {
		for _, o := range h.Ops {
			for _, f := range factsOf(h, o) {
				n++
				success, _ := f.want.Of(expect.Got{Text: "0"}, none)
				other, _ := f.want.Of(expect.Got{Text: "-EIO", Refused: true}, none)
				if success != expect.Wrong && other != expect.Wrong {
					t.Errorf("%s: %s is expected to be %v: nothing is wrong", h.Name, f.input, f.want)
				}
			}
		}
	}
	t.Logf("%d facts on sub-operations", n)
	if n < 400 {
		t.Errorf("%d facts on sub-operations, expected 400 at least", n)
	}
}

// At least nine of ten sub-operations that the public headers declare have a spec of their own.
func TestShareOfSubOperations(t *testing.T) {
	specs, total, without := Covered()
	t.Logf("%d of %d sub-operations of the headers of libxen-dev %s have a spec (%.1f %%); without: %v",
		specs, total, strings.Join(xen.HeaderVersions, ", "), 100*float64(specs)/float64(total), without)
	if specs*10 < total*9 {
		t.Errorf("%d of %d sub-operations have a spec, less than 90 %%", specs, total)
	}
}
