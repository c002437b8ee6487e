package perf

import (
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// load is what a benchmark puts a kernel to. Its parts add to a program; all but start are run again in
// every round.
type load struct {
	ops    int                   // operations in a round
	start  func(s *steps)        // once, before the first round; may be nil
	before func(s *steps)        // before the clock is read; may be nil
	timed  func(s *steps)        // what is measured
	after  func(s *steps)        // behind the clock; may be nil
	files  func() ([]int, error) // opens what the program is to inherit, as steps.files; may be nil
}

const (
	// rounds are those of one program, warm-up included.
	rounds = 40
	// kept is how many samples are kept of a program: the last ones, when they show that it has settled.
	kept = 2 * window
	// programs is how often a benchmark that does not settle is started.
	programs = 3
	limit    = 30 * time.Second
)

// stamps are the readings of the clock in a round: around what is timed, and around the same without calls.
const stamps = 4

// measure runs the load until it has settled, and records samples.
func (l load) measure(t *spec.T) {
	unit := unit(t)
	var files []int
	if l.files != nil {
		var err error
		files, err = l.files()
		defer closeAll(files)
		t.Setup("opening what is mapped", err)
	}
	if t.Traced() {
		l.trace(t, files)
		return
	}
	t.Drain()
	before := readCounters()
	total := 0
	for n := 1; ; n++ {
		values, empty := l.run(t, files)
		total += rounds * l.ops
		values = values[len(values)-kept:]
		settled := settled(values)
		if !settled && n < programs {
			continue
		}
		if !settled {
			t.Note("it did not settle: the medians of its last rounds are more than %g %% apart", 100*closeness)
		}
		t.Samples(t.ID(), values, unit)
		t.Note("taken off: %.4g %s", empty, unit)
		break
	}
	before.sample(t, total)
	l.count(t, files)
}

// unit is what an operation is measured in.
func unit(t *spec.T) string {
	if t.Counted() {
		return "insns/op"
	}
	return "ns/op"
}

func closeAll(files []int) {
	for _, fd := range files {
		unix.Close(fd)
	}
}

// run gives each round's cost of an operation, in nanoseconds or instructions, without the cost of an empty
// round, which it gives as well.
func (l load) run(t *spec.T, files []int) (values []float64, empty float64) {
	p := child.NewProgram()
	s := &steps{Program: p, files: files}
	clock := l.program(s, rounds)
	t.Setup("running the benchmark", p.Run(t))
	t.Setup("running the benchmark", s.failed())
	var took, idle []float64
	for i := range rounds {
		at := func(n int) time.Duration { return clock.At(i*stamps + n) }
		took = append(took, float64(at(1)-at(0)))
		idle = append(idle, float64(at(3)-at(2)))
	}
	empty = median(idle)
	for _, v := range took {
		values = append(values, round((v-empty)/float64(l.ops)))
	}
	return values, round(empty / float64(l.ops))
}

// program adds the whole benchmark to s.
func (l load) program(s *steps, rounds int) *child.Clock {
	clock := s.Clock(rounds * stamps)
	s.pin()
	add := func(part func(*steps)) {
		if part != nil {
			part(s)
		}
	}
	call := func(hook func()) {
		if hook != nil {
			hook()
		}
	}
	add(l.start)
	s.Repeat(rounds, func() {
		add(l.before)
		call(s.on)
		clock.Stamp(0, stamps)
		l.timed(s)
		s.plant()
		clock.Stamp(1, stamps)
		call(s.off)
		add(l.after)
		s.idle = true
		clock.Stamp(2, stamps)
		l.timed(s)
		clock.Stamp(3, stamps)
		s.idle = false
	})
	return clock
}
