// Package late puts off what a package would else do when the program starts: this program also
// starts as a machine's init, as a guard and as a spec's child, which need none of it and in a guest
// pay dearly for it.
//
// Beware: a mistake in an expression shows when it is first used, so each needs a test that does.
package late

import (
	"regexp"
	"sync"
)

// Regexp compiles the expression when it is first asked for. It panics then if the expression is
// wrong.
func Regexp(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
