package spec

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/onsi/ginkgo/v2"

	"xtest/runner/event"
)

// T is a spec's hand on its own verdict. Its methods must be called from the spec's own goroutine:
// those that end the spec do so by a panic that Ginkgo catches. The first verdict stands: a clean-up
// that goes wrong behind it changes nothing.
type T struct {
	context.Context // ends with the spec's time limit
	listed          Listed

	mu     sync.Mutex
	over   bool
	result event.Result
}

// hold takes t for a change. A spec that did not end when its time was up is held here for ever,
// should it come back: its verdict is on the record, and Ginkgo would charge what it does to the
// spec that runs by then.
func (t *T) hold() (release func()) {
	t.mu.Lock()
	if t.over {
		t.mu.Unlock()
		select {}
	}
	return t.mu.Unlock
}

// close gives the result; nothing can change it afterwards.
func (t *T) close() event.Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	return t.result
}

// ID is the running spec's ID.
func (t *T) ID() string { return t.listed.ID }

// Rand is a source of random values that depends on the run's seed and the spec's ID alone.
func (t *T) Rand() *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(t.listed.ID))
	return rand.New(rand.NewPCG(environment.Seed, h.Sum64()))
}

// Setup ends the spec as broken when err is not nil: something that had to work before the clause
// could be judged did not. What says what was being done.
func (t *T) Setup(what string, err error) {
	if err != nil {
		t.Broken("%s: %v", what, err)
	}
}

// Broken ends the spec as broken: it could not be judged.
func (t *T) Broken(format string, args ...any) {
	t.end(event.Broken, fmt.Sprintf(format, args...))
}

// NotApplicable ends the spec as not-applicable. Call it only on the word of something that was
// tried on this machine; where several specs share the condition, make it a [Probe].
func (t *T) NotApplicable(format string, args ...any) {
	t.end(event.NotApplicable, fmt.Sprintf(format, args...))
}

// Note keeps a sentence with the result, whatever the verdict. The same one is kept once.
func (t *T) Note(format string, args ...any) {
	defer t.hold()()
	if note := fmt.Sprintf(format, args...); !slices.Contains(t.result.Notes, note) {
		t.result.Notes = append(t.result.Notes, note)
	}
}

// Answer keeps a raw answer of the target, for comparison with other versions.
func (t *T) Answer(call string, value any) {
	t.Record(event.Answer{Call: call, Value: fmt.Sprint(value)})
}

// New keeps a raw answer that the expectations do not know: neither right nor wrong, and shown to
// people as new. Known says in words which answers are known.
func (t *T) New(call string, value any, known string) {
	t.Record(event.Answer{Call: call, Value: fmt.Sprint(value), New: true, Known: known})
}

// Record keeps a raw answer with all that is known of it. The same answer to the same call is kept
// once.
func (t *T) Record(a event.Answer) {
	defer t.hold()()
	if slices.Contains(t.result.Answers, a) {
		return
	}
	t.result.Answers = append(t.result.Answers, a)
}

// Has asks a probe in the middle of a spec, for what makes another answer right.
func (t *T) Has(p Probe) bool { return t.lacks(p) == nil }

// lacks gives the reason of a probe that says no. One that did not end makes the spec broken.
func (t *T) lacks(p Probe) error {
	err := p.ask()
	if errors.Is(err, context.DeadlineExceeded) {
		t.Broken("probing for %s: %v", p.Name, err)
	}
	return err
}

// Level is how binding the spec's clause is.
func (t *T) Level() Level { return t.listed.Level }

// Deviates keeps the items that are not as the clause asks, where it speaks of many. The verdict is
// said apart from them.
func (t *T) Deviates(list []event.Deviation) {
	defer t.hold()()
	t.result.Deviations = append(t.result.Deviations, list...)
}

// Sample records one raw measurement. Unit is written as in Go's benchmark format.
func (t *T) Sample(name string, value float64, unit string) {
	defer t.hold()()
	environment.Emit(event.Event{
		Kind: event.Sampled, Suite: t.listed.Suite, Spec: t.listed.ID,
		Sample: &event.Sample{Name: name, Value: value, Unit: unit},
	})
}

// Counted says that the machine's clock counts executed instructions, a nanosecond each.
func (t *T) Counted() bool { return environment.Counted }

// Samples records raw measurements of the same, in the order in which they were made.
func (t *T) Samples(name string, values []float64, unit string) {
	defer t.hold()()
	environment.Emit(event.Event{
		Kind: event.Sampled, Suite: t.listed.Suite, Spec: t.listed.ID,
		Sample: &event.Sample{Name: name, Values: values, Unit: unit},
	})
}

// Traced says that benchmarks are to be traced, not measured.
func (t *T) Traced() bool { return environment.Traced }

// part is how much of a file goes into one event: a line of the channel's has room for it.
const part = 256 << 10

// Keep gives a file to the run's folder, under a name that says what it is; what has been given under it
// before is added to. All that the specs of a boot give is bounded.
func (t *T) Keep(name string, data []byte) {
	defer t.hold()()
	for chunk := range slices.Chunk(data, part) {
		environment.Emit(event.Event{
			Kind: event.Kept, Suite: t.listed.Suite, Spec: t.listed.ID,
			File: &event.File{Name: name, Size: len(chunk), Data: chunk},
		})
	}
}

// Drain waits until what was put on the record has left the machine, for it may disturb what is measured.
func (t *T) Drain() {
	if environment.Drain != nil {
		environment.Drain()
	}
}

// Cleanup runs f when the spec has ended, whatever its verdict, last in first out.
func (t *T) Cleanup(f func()) {
	defer t.hold()()
	ginkgo.DeferCleanup(f)
}

// say keeps a verdict, unless there is one.
func (t *T) say(v event.Verdict, reason string, failure *event.Failure) {
	defer t.hold()()
	if t.result.Verdict == "" {
		t.result.Verdict, t.result.Reason, t.result.Failure = v, reason, failure
	}
}

func (t *T) end(v event.Verdict, reason string) {
	t.say(v, reason, nil)
	if v == event.NotApplicable {
		ginkgo.Skip(reason, 2)
	}
	ginkgo.Fail(reason, 2)
}
