package selftest

import (
	"errors"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

var never = spec.Probe{Name: "impossible", Check: func() error { return errors.New("nothing can do this") }}

var _ = suite.Describe("verdicts", func() {
	suite.It(meta("passes", "what holds passes"), func(t *spec.T) {
		t.Equal("1 + 1", 1+1, 2)
		t.Note("a note that is kept")
	})

	suite.It(meta("fails", "what does not hold fails, with call, got and expected"), func(t *spec.T) {
		t.Errno("close(-1)", unix.EBADF, unix.EINVAL)
	})

	suite.It(meta("fails-matcher", "a Gomega matcher fails the same way"), func(t *spec.T) {
		t.That("len(\"abc\")", 3, gomega.BeNumerically(">", 4))
	})

	suite.It(meta("fails-plain-gomega", "an assertion of Gomega's own fails as well"), func(t *spec.T) {
		gomega.Expect("one").To(gomega.Equal("two"))
	})

	notApplicable := meta("does-not-apply", "a probe that says no makes a spec not-applicable")
	notApplicable.Needs = []spec.Probe{never}
	suite.It(notApplicable, func(t *spec.T) {
		t.Broken("the spec ran although its probe said no")
	})

	suite.It(meta("breaks-in-setup", "what fails before the clause can be judged is broken"), func(t *spec.T) {
		t.Setup("opening what is not there", unix.ENOENT)
	})

	suite.It(meta("breaks-in-cleanup", "a clean-up that fails makes a passed spec broken"), func(t *spec.T) {
		t.Cleanup(func() { gomega.Expect(1).To(gomega.Equal(2)) })
	})

	suite.It(meta("panics", "a spec that panics is broken"), func(t *spec.T) {
		panic("on purpose")
	})

	slow := meta("heeds-its-limit", "a spec that ends when its time is up is broken")
	slow.Limit = 100 * time.Millisecond
	suite.It(slow, func(t *spec.T) { <-t.Done() })

	deaf := meta("ignores-its-limit", "a spec that does not end is broken, and the next one runs")
	deaf.Limit = 100 * time.Millisecond
	suite.It(deaf, func(t *spec.T) { select {} })

	suite.It(meta("measures", "what a spec measures is kept"), func(t *spec.T) {
		const rounds = 1 << 20
		n := uint64(1)
		start := monotonic(t)
		for range rounds {
			n = n*6364136223846793005 + 1442695040888963407 // Knuth's MMIX generator: each step needs the one before
		}
		took := monotonic(t) - start
		t.Answer("the last number", n)
		t.Sample("loop", float64(took), "ns")
		t.True("CLOCK_MONOTONIC over a loop", took > 0, fmt.Sprint(took), "more than 0 ns")
	})

	suite.It(meta("passes-after-verdicts", "the rest is judged"), func(t *spec.T) {})
})

// monotonic is CLOCK_MONOTONIC in nanoseconds, clock_gettime(2).
func monotonic(t *spec.T) int64 {
	var now unix.Timespec
	t.Setup("reading the clock", unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	return now.Nano()
}
