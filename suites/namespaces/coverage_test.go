package namespaces

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"xtest/suites/spec"
)

// assertions are the kinds of the table that the suite was made from, with how many each has: they are
// numbered from 1.
var assertions = map[string]int{
	"GEN": 20, "IOC": 14, "LST": 10, "SET": 20, "UNS": 16, "CLN": 18, "PID": 30, "UTS": 11, "IPC": 20, "USR": 34, "MNT": 34,
	"NET": 24, "TIM": 14, "CGR": 24, "PFD": 13, "TDN": 28, "CRT": 10,
}

// unjudged are the assertions without a spec, each with the reason.
var unjudged = map[string]string{
	"UTS-010": "gethostname(2) with a small buffer is the C library's doing: on this architecture there is no such system call, and uname(2) takes no size",
	"NET-016": "no machine that xtest boots has a physical interface to lose, and a virtual one is destroyed with its namespace by design",
	"TDN-021": "judged with the teardown of IPC namespaces as a whole: ipc/mqueue-mount-stays has the mount, the teardown specs the count of objects",
	"TDN-023": "judged by listns/ended and ioctl/mount-walk, which see a namespace go; that none stays over many cycles is the teardown specs' matter",
	"CRT-010": "criu dumps pidfds from 4.0 on; the releases' subjects have none",
}

func declared(t *testing.T) []spec.Listed {
	t.Helper()
	var own []spec.Listed
	for _, l := range spec.All() {
		if l.Suite == "namespaces" {
			own = append(own, l)
		}
	}
	return own
}

// Every assertion of the table has a spec or a reason why not, and nothing has both.
func TestEveryAssertionIsJudged(t *testing.T) {
	judged := map[string][]string{}
	for _, l := range declared(t) {
		for _, s := range l.Sources {
			judged[s] = append(judged[s], l.ID)
		}
	}
	total := 0
	for kind, n := range assertions {
		total += n
		for i := range n {
			id := fmt.Sprintf("%s-%03d", kind, i+1)
			reason, excused := unjudged[id]
			switch specs := judged[id]; {
			case len(specs) == 0 && reason == "":
				t.Errorf("%s: neither a spec nor a reason", id)
			case len(specs) > 0 && excused:
				t.Errorf("%s has a reason why not, and %s", id, strings.Join(specs, ", "))
			}
			delete(judged, id)
		}
	}
	for id, specs := range judged {
		t.Errorf("%s of %v is not in the table", id, specs)
	}
	if total != 340 {
		t.Errorf("the table has %d assertions, expected 340", total)
	}
	if n := len(declared(t)); n < 340 {
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
	for _, l := range declared(t) {
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
