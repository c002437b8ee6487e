package late

import "testing"

func TestRegexp(t *testing.T) {
	wrong := Regexp(`(`)
	right := Regexp(`^a+$`)
	first, again := right(), right()
	if !first.MatchString("aaa") || first.MatchString("ab") || first != again {
		t.Error("the expression is not itself, or not the same twice")
	}
	defer func() {
		if recover() == nil {
			t.Error("a wrong expression was compiled")
		}
	}()
	wrong()
}
