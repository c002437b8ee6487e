package perf

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

// TestSuite measures the machine at hand.
func TestSuite(t *testing.T) { spec.Test(t) }
