package debian

import (
	"os/exec"
	"testing"
)

func TestCompareVersions(t *testing.T) {
	for _, tc := range []struct {
		a, op, b string
	}{
		{"1.0", "eq", "1.0-0"},
		{"1.0", "eq", "0:1.0"},
		{"1.0", "eq", "1.00"},
		{"1.0~rc1", "lt", "1.0"},
		{"1.0~~", "lt", "1.0~"},
		{"1.0~~a", "lt", "1.0~"},
		{"1.0", "lt", "1.0a"},
		{"1.0a", "lt", "1.0+"},
		{"1.9", "lt", "1.10"},
		{"1:0.1", "gt", "9.9"},
		{"6.1um4+b13", "gt", "6.1um4"},
		{"6.1.170-3", "gt", "6.1.99-10"},
		{"1.2-3-4", "gt", "1.2-3"},
		{"2.36-9+deb12u10", "gt", "2.36-9+deb12u9"},
		{"5.0~alpha1-0exp1", "lt", "5.0"},
		{"99999999999999999999999", "gt", "9999999999999999999999"},
		{"1.0-1~deb12u1", "lt", "1.0-1"},
		{"", "lt", "1"},
		{"1.a", "gt", "1.1"},
	} {
		c := CompareVersions(tc.a, tc.b)
		got := map[bool]string{c < 0: "lt", c == 0: "eq", c > 0: "gt"}[true]
		if got != tc.op {
			t.Errorf("%q is %s %q, want %s", tc.a, got, tc.b, tc.op)
		}
		if r := CompareVersions(tc.b, tc.a); (r < 0) != (c > 0) || (r == 0) != (c == 0) {
			t.Errorf("%q and %q: not antisymmetric", tc.a, tc.b)
		}
		if dpkg, err := exec.LookPath("dpkg"); err == nil && tc.a != "" {
			if exec.Command(dpkg, "--compare-versions", tc.a, tc.op, tc.b).Run() != nil {
				t.Errorf("dpkg does not say that %q is %s %q", tc.a, tc.op, tc.b)
			}
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("1:2-3", "~", "a")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if CompareVersions(a, a) != 0 {
			t.Errorf("%q differs from itself", a)
		}
		if CompareVersions(a, b) <= 0 && CompareVersions(b, c) <= 0 && CompareVersions(a, c) > 0 {
			t.Errorf("%q, %q, %q: not transitive", a, b, c)
		}
	})
}
