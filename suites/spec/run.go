package spec

import (
	"fmt"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"xtest/runner/event"
	"xtest/suites/spec/child"
)

// grace is how long a spec whose time is up may take to see its context end, before it is left
// running and the next one starts.
const grace = time.Second

// Environment is what the specs are told about the machine they run on.
type Environment struct {
	// Booted is true inside a machine that xtest booted itself: only there may specs above [Safe] run.
	Booted bool
	// Scale multiplies time limits: 1 on hardware, more under emulation.
	Scale float64
	// Suites are those that the selected specs belong to; none stands for all.
	Suites []string
	// Seed is the run's.
	Seed uint64
	// Counted says that the machine's clock counts executed instructions, a nanosecond each.
	Counted bool
	// Traced says that benchmarks are to be traced, not measured.
	Traced bool
	// Luggage is what specs that move have, by their IDs. A machine that shares no disk with another has none.
	Luggage map[string]Luggage
	// Emit puts an event on the record before it returns.
	Emit func(event.Event)
	// Drain waits until what was put on the record has left the machine. It may be nil.
	Drain func()
	// Sweep ends what a spec left running and describes it, or gives "". It may be nil.
	Sweep func() string
}

var environment = Environment{Scale: 1, Emit: func(event.Event) {}}

// current is the running spec. Ginkgo runs specs one after the other.
var current *T

// Run judges the selected specs, putting their starts and results on the record. It can be called
// once in a process, since Ginkgo's tree can be run only once.
func Run(env Environment, selected func(Listed) bool) {
	environment = env
	plant(env.Suites, selected)
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.RandomSeed = int64(env.Seed >> 1)
	reporter.Succinct, reporter.NoColor = true, true
	ginkgo.RunSpecs(outcome{}, "xtest", suite, reporter)
}

// outcome is the Fail method that Ginkgo asks for; verdicts are taken from each spec instead.
type outcome struct{}

func (outcome) Fail() {}

// Test judges the specs of the linked suites on the machine at hand, as safe ones may be, for
// `go test` and `ginkgo`.
func Test(t *testing.T) {
	plant(nil, nil)
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "xtest")
}

func judge(ctx ginkgo.SpecContext, l Listed, body func(*T)) {
	t := &T{Context: ctx, listed: l}
	current = t
	// Here and not in a node of Ginkgo's own, which would run a goroutine more for each spec.
	environment.Emit(event.Event{Kind: event.SpecStarted, Spec: l.ID})
	if l.Grade > Safe && !environment.Booted {
		t.NotApplicable("%s specs run only inside a machine that xtest booted", l.Grade)
	}
	for _, p := range l.Needs {
		if err := t.lacks(p); err != nil {
			t.NotApplicable("%s: %v", p.Name, err)
		}
	}
	// However the body ends, and if long after its time.
	defer func() { t.hold()() }()
	body(t)
}

var _ = ginkgo.ReportAfterEach(func(r ginkgo.SpecReport) {
	// Behind the spec's own clean-up, for specs may leave their children to this.
	child.KillAll()
	if current == nil {
		environment.Emit(event.Event{Kind: event.SpecStarted, Spec: r.LeafNodeText})
	}
	res := result(r)
	current = nil
	if environment.Sweep != nil {
		if left := environment.Sweep(); left != "" && res.Verdict != event.Fail {
			res.Verdict, res.Reason = event.Broken, "left behind: "+left
		}
	}
	environment.Emit(event.Event{Kind: event.SpecEnded, Spec: r.LeafNodeText, Result: &res})
})

// result takes the verdict from what the spec itself said and from how Ginkgo saw it end.
func result(r ginkgo.SpecReport) event.Result {
	var res event.Result
	if current != nil {
		res = current.close()
	}
	res.Duration = r.RunTime
	said := res.Verdict
	switch r.State {
	case types.SpecStatePassed:
		res.Verdict = event.Pass
	case types.SpecStateSkipped:
		// Ginkgo also skips what it does not come to.
		res.Verdict = event.NotApplicable
		if current == nil {
			res.Verdict, res.Reason = event.Broken, "it was not run: "+r.Failure.Message
		}
		if res.Reason == "" {
			res.Reason = r.Failure.Message
		}
	case types.SpecStateFailed:
		// Where the spec did not say, an assertion of its own is about the target, and all else
		// about us.
		if said != event.Fail && said != event.Broken {
			res.Verdict = event.Broken
			if r.Failure.FailureNodeType == types.NodeTypeIt {
				res.Verdict = event.Fail
			}
		}
		if res.Reason == "" && res.Failure == nil {
			res.Reason = r.Failure.Message
			if r.Failure.FailureNodeType != types.NodeTypeIt {
				res.Reason = "its clean-up failed: " + res.Reason
			}
		}
	case types.SpecStateTimedout:
		res.Verdict, res.Failure = event.Broken, nil
		res.Reason = fmt.Sprintf("no end within its limit (%v so far)", r.RunTime.Round(time.Millisecond))
	case types.SpecStatePanicked:
		res.Verdict, res.Failure = event.Broken, nil
		res.Reason = fmt.Sprintf("the spec panicked: %s\n%s", r.Failure.ForwardedPanic, r.Failure.Location.FullStackTrace)
	default:
		res.Verdict, res.Failure = event.Broken, nil
		res.Reason = fmt.Sprintf("%s: %s", r.State, r.Failure.Message)
	}
	return res
}
