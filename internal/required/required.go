// Package required is how a test says that it lacks a tool: it is skipped on a developer's machine, and fails where everything
// has been set up, since what is left out unseen is not tested.
//
// Beware: what a machine cannot have (root, a kernel's feature) is no tool; skip for it with [testing.T.Skip].
package required

import (
	"os"
	"os/exec"
	"testing"
)

// All says that every tool is there, so that one that is missing is a failure: XTEST_REQUIRE_TOOLS=1, as in CI.
func All() bool { return os.Getenv("XTEST_REQUIRE_TOOLS") == "1" }

// Missing ends a test that lacks what its arguments say.
func Missing(tb testing.TB, why ...any) {
	tb.Helper()
	if All() {
		tb.Fatal(why...)
	}
	tb.Skip(why...)
}

// Tool finds a program, also one that is outside of a user's PATH, or ends the test, naming the Debian package that has it.
func Tool(tb testing.TB, name, pkg string) string {
	tb.Helper()
	for _, at := range []string{name, "/sbin/" + name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(at); err == nil {
			return path
		}
	}
	Missing(tb, name+": not installed (apt-get install "+pkg+")")
	return ""
}
