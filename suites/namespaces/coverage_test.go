package namespaces

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"xtest/suites/spec"
	"xtest/suites/spec/coverage"
)

// assertions is the table that the suite was made from.
var assertions = coverage.Table{
	Kinds: map[string]int{
		"GEN": 20, "IOC": 14, "LST": 10, "SET": 20, "UNS": 16, "CLN": 18, "PID": 30, "UTS": 11, "IPC": 20, "USR": 34, "MNT": 34,
		"NET": 24, "TIM": 14, "CGR": 24, "PFD": 13, "TDN": 28, "CRT": 10,
	},
	Unjudged: map[string]string{
		"UTS-010": "gethostname(2) with a small buffer is the C library's doing: on this architecture there is no such system call, and uname(2) takes no size",
		"NET-016": "no machine that xtest boots has a physical interface to lose, and a virtual one is destroyed with its namespace by design",
		"CRT-010": "criu dumps pidfds from 4.0 on; the releases' subjects have none",
	},
}

func declared() []spec.Listed { return coverage.Declared("namespaces") }

// Every assertion of the table has a spec or a reason why not, and nothing has both.
func TestEveryAssertionIsJudged(t *testing.T) {
	for _, f := range assertions.Faults(declared()) {
		t.Error(f)
	}
	if n := assertions.Size(); n != 340 {
		t.Errorf("the table has %d assertions, expected 340", n)
	}
	if n := len(declared()); n < 340 {
		t.Errorf("%d specs, expected at least 340", n)
	}
}

// isolation are the words with which clauses claim that something is not shared.
var isolation = regexp.MustCompile(`isolated|to no other|distinct in each|each (namespace's|PID namespace's) own|in that namespace alone|namespace only|does not separate`)

// uncontrolled are specs whose clause sounds like isolation, though not of a namespace from another
// (personality), or whose own act is seen on both sides (the veth pair's move).
var uncontrolled = []string{"net/veth-moves", "uts/personality-26"}

// What a namespace separates is judged by isolates and crosses alone, which run the negative control.
func TestIsolationHasAControl(t *testing.T) {
	n := 0
	for _, l := range declared() {
		has := slices.Contains(l.Labels, controlled)
		if has {
			n++
		}
		claims := strings.HasSuffix(l.ID, "-isolated") || isolation.MatchString(l.Clause)
		if claims && !has && !slices.Contains(uncontrolled, l.ID) {
			t.Errorf("%s claims isolation without a negative control: %s", l.ID, l.Clause)
		}
	}
	if n < 55 {
		t.Errorf("%d specs have a control, expected at least 55", n)
	}
}
