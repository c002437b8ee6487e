package expect

import (
	"errors"
	"testing"

	"xtest/suites/spec"
)

func TestJudgement(t *testing.T) {
	built := spec.Probe{Name: "profiling", Check: func() error { return nil }}
	absent := spec.Probe{Name: "tracing", Check: func() error { return errors.New("not built in") }}
	has := func(p spec.Probe) bool { return p.Check() == nil }
	no, other, yes := Got{Text: "-EINVAL", Refused: true}, Got{Text: "-EIO", Refused: true}, Got{Text: "0"}
	for _, c := range []struct {
		want Want
		got  Got
		j    Judgement
		why  string
		says string
	}{
		{Exactly("-EINVAL"), no, Right, "", "-EINVAL"},
		{Exactly("-EINVAL", "-EPERM"), other, Wrong, "", "-EINVAL or -EPERM"},
		{Refusal("-EINVAL"), no, Right, "", "a refusal, -EINVAL"},
		{Refusal("-EINVAL"), other, New, "", "a refusal, -EINVAL"},
		{Refusal("-EINVAL"), yes, Wrong, "", "a refusal, -EINVAL"},
		{Refusal(), yes, Wrong, "", "a refusal"},
		{Success(), yes, Right, "", "success"},
		{Success("1"), yes, New, "", "success, 1"},
		{Success("1"), no, Wrong, "", "success, 1"},
		{Any("1"), no, New, "", "any answer, 1"},
		{Any("-EINVAL"), no, Right, "", "any answer, -EINVAL"},
		{Refusal("-EPERM").Also("0", "kexec.c"), yes, Right, "kexec.c", "a refusal, -EPERM or 0"},
		{Exactly("-EIO").If(built, "0", "xenoprof.c"), yes, Right, "xenoprof.c", "-EIO or 0 (with profiling)"},
		{Exactly("-EIO").If(absent, "0", "trace.c"), yes, Wrong, "", "-EIO or 0 (with tracing)"},
	} {
		if j, why := c.want.Of(c.got, has); j != c.j || why != c.why {
			t.Errorf("%v of %s: %d, %q; expected %d, %q", c.want, c.got.Text, j, why, c.j, c.why)
		}
		if s := c.want.String(); s != c.says {
			t.Errorf("got %q, expected %q", s, c.says)
		}
	}
}

// Entries made from one another must not share their lists.
func TestAlsoLeavesTheOriginal(t *testing.T) {
	base := Exactly("-EINVAL")
	a, b := base.Also("1", "a"), base.Also("2", "b")
	if len(base.Known) != 1 || a.Known[1].Text != "1" || b.Known[1].Text != "2" {
		t.Errorf("%v, %v, %v", base, a, b)
	}
}
