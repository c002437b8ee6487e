package lsb

import (
	"flag"
	"os"
	"testing"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// judgeHere lets the specs judge the machine at hand. Few machines conform to the whole of the LSB,
// so `go test` of the suite's own code does not depend on that of the machine it runs on.
var judgeHere = flag.Bool("lsb.judge", false, "judge this machine against the LSB: go test ./suites/lsb -run TestLSB -args -lsb.judge")

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(m.Run())
}

func TestLSB(t *testing.T) {
	if !*judgeHere {
		t.Skip("judging this machine is asked for by: go test ./suites/lsb -run TestLSB -args -lsb.judge")
	}
	spec.Test(t)
}
