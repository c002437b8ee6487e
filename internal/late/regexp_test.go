package late

import "testing"

func TestRegexp(t *testing.T) {
	wrong := Regexp(`(`)
	right := Regexp(`^a+$`)
	if !right().MatchString("aaa") || right().MatchString("ab") || right() != right() {
		t.Error("the expression is not itself, or not the same twice")
	}
	defer func() {
		if recover() == nil {
			t.Error("a wrong expression was compiled")
		}
	}()
	wrong()
}
