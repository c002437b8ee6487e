package namespaces

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

func TestNamespaces(t *testing.T) { spec.Test(t) }
