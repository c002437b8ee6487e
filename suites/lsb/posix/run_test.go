package posix

import (
	"os"
	"testing"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(m.Run())
}

// The machine at hand conforms.
func TestPOSIX(t *testing.T) { spec.Test(t) }
