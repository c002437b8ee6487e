package reports

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// What reports draw with stays as wide, in however small pieces it is written, and nothing beyond ASCII is left.
func TestASCII(t *testing.T) {
	const text = "━━┄ 1/2 · \"x…\" │ 3 × 4\n\x1b[31m–µ¹ é 漢\x1b[39m\xff"
	const want = "##- 1/2 - \"x~\" | 3 x 4\n\x1b[31m-u1 ? ?\x1b[39m?"
	for _, size := range []int{1, 2, 1000} {
		var b strings.Builder
		w := ASCII(&b)
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if wrote, err := fmt.Fprint(w, rest[:n]); err != nil || wrote != n {
				t.Fatal(wrote, err)
			}
			rest = rest[n:]
		}
		if b.String() != want {
			t.Errorf("in pieces of %d: %q", size, b.String())
		}
	}
	for r, b := range plainly {
		if displaywidth.Rune(r) != 1 || b >= utf8.RuneSelf {
			t.Errorf("%q is not as wide as %q", r, b)
		}
	}
}
