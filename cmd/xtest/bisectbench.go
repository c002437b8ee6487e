package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xtest/bisect"
	"xtest/reports"
	"xtest/reports/bench"
	"xtest/runner/qemu"
	"xtest/suites/spec"
)

// endsFile keeps what was measured of the ends in the search's folder.
const endsFile = "ends.json"

// endTries is how often an end that can be built may fail to be measured.
const endTries = 2

// asMeasured is of an answer that took no boot.
const asMeasured = "as measured"

// yardstick judges candidates by a benchmark.
type yardstick struct {
	bench.Ends
	Unit string `json:"unit"`
	// Unknown are the boot parameters of the bad end that its kernel does not know.
	Unknown []string `json:"unknown,omitempty"`

	settings bench.Settings
	repeats  int
	boots    int // that were started, before it was resumed too
	took     time.Duration
	given    map[string]int // answers about a candidate, resumed ones included
	good     string
	bad      string
}

// checkBench checks and completes the flags of a search by a benchmark.
func (f *bisectFlags) checkBench() error {
	if f.bench == "" {
		return nil
	}
	if f.command != "" {
		return usagef("--bench and --run are two ways to judge a candidate: give one of them")
	}
	if len(f.options.Specs) == 0 {
		if !slices.ContainsFunc(spec.All(), func(s spec.Listed) bool { return s.ID == f.bench }) {
			var names []string
			for _, s := range spec.All() {
				names = append(names, s.ID)
			}
			return usagef("no spec is called --bench %s: name the one that measures it with --spec ID; %s", f.bench, suggest(f.bench, names, "`xtest targets show TARGET` lists them"))
		}
		f.options.Specs = []string{f.bench}
	}
	if f.seed == 0 {
		f.seed = 1 // a boot can be repeated
	}
	if f.options.Rootfs == "" && len(f.options.Packages) == 0 && f.options.Params == nil {
		f.noRoot = true
	}
	return nil
}

// counts has a target's clock count instructions where it can and the user did not say otherwise.
func (f *bisectFlags) counts(target string) error {
	if f.bench == "" || f.options.Clock != "" || f.wall {
		return nil
	}
	plan, err := f.planFor(subject{target: target})
	if err != nil {
		return err
	}
	if all := plan.Targets; len(all) == 1 && countable(all[0].Backend) {
		f.options.Clock = qemu.Icount
	}
	return nil
}

// gauge measures both ends until it is known whether they differ, and has the answers that follow drawn from
// that. Without a benchmark there is nothing to gauge.
func (h *hunt) gauge(ctx context.Context, good, bad string) error {
	y := h.yardstick
	if y == nil {
		return nil
	}
	y.good, y.bad = good, bad
	before, err := filepath.Glob(filepath.Join(h.dir, "*", reports.RecordName))
	if err != nil {
		return fmt.Errorf("resuming: %w", err)
	}
	y.boots = len(before)
	path := filepath.Join(h.dir, endsFile)
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, y)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("resuming: reading what was measured of the ends: %w", err)
	}
	if err := h.measureEnds(ctx); err != nil {
		return err
	}
	if y.State(y.settings) != bench.Apart {
		f := bench.Judge(y.Good, y.Bad, y.settings, 1)
		return fmt.Errorf("the ends do not differ in %s by what matters: %s, in %d boots of each (p=%.2g); the runs are in %s", h.bench, y.Say(y.Unit), len(y.Good), f.P, h.dir)
	}
	wrong := 0.0
	y.repeats, wrong = y.Repeats(y.settings)
	if !h.noiseSet {
		if h.Noise = wrong; wrong < 1e-6 {
			h.Noise = 0 // not in a lifetime
		}
	}
	h.say(" ends      %s; boots %d and %d; an answer, from %d, is wrong with a probability of %.1g", y.Say(y.Unit), len(y.Good), len(y.Bad), y.repeats, max(wrong, 1e-9))
	return nil
}

// keep writes what is known of the ends, in one step.
func (y *yardstick) keep(path string) error {
	text, err := json.Marshal(y)
	if err == nil {
		err = os.WriteFile(path+".new", text, 0o644)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("keeping what was measured of the ends: %w", err)
	}
	return nil
}

// measureEnds boots the ends in turns, A B B A, as long as it is open whether they differ.
func (h *hunt) measureEnds(ctx context.Context) error {
	y := h.yardstick
	failed := 0
	for y.State(y.settings) == bench.Unsettled {
		ofBad := len(y.Bad) < len(y.Good) || len(y.Bad) == len(y.Good) && len(y.Good)%2 == 1
		candidate, what := y.good, "good"
		if ofBad {
			candidate, what = y.bad, "bad"
		}
		m, err := h.measureOnce(ctx, candidate)
		if err != nil {
			return err
		}
		if m.why != "" {
			if failed++; m.unbuilt || failed >= endTries {
				return fmt.Errorf("%w: the %s end cannot be measured: %s", bisect.ErrUndecided, what, m.why)
			}
			continue
		}
		y.Unit = m.unit
		if ofBad {
			y.Bad, y.Unknown = append(y.Bad, m.value), m.unknown
		} else {
			y.Good = append(y.Good, m.value)
		}
		h.say(" boot %-4d %-5s end: %s", y.boots, what, bench.Amount(m.value, m.unit))
		if err := y.keep(filepath.Join(h.dir, endsFile)); err != nil {
			return err
		}
	}
	return nil
}

// measured is what one boot gave.
type measured struct {
	value   float64
	unit    string
	why     string // nothing was measured
	unbuilt bool   // which another try would not change
	unknown []string
}

// byBench answers from the benchmark's side of the middle. The first answer about an end is what was measured
// of it before.
func (h *hunt) byBench(ctx context.Context, candidate string) (bisect.Answer, error) {
	y := h.yardstick
	if y.given[candidate] == 0 && (candidate == y.good || candidate == y.bad) {
		a := bisect.Answer{Verdict: bisect.Good, Why: asMeasured}
		if candidate == y.bad {
			a.Verdict, a.Unknown = bisect.Bad, y.Unknown
		}
		return a, nil
	}
	var values []float64
	var last measured
	for len(values) < y.repeats || len(values) < y.repeats+2 && y.Unclear(bench.Median(values)) {
		m, err := h.measureOnce(ctx, candidate)
		if err != nil {
			return bisect.Answer{}, err
		}
		if m.why != "" {
			return bisect.Answer{Verdict: bisect.Skip, Why: m.why, Unknown: m.unknown}, nil
		}
		last, values = m, append(values, m.value)
	}
	value := bench.Median(values)
	a := bisect.Answer{Verdict: bisect.Good, Why: bench.Amount(value, y.Unit), Unknown: last.unknown}
	if y.IsBad(value) {
		a.Verdict = bisect.Bad
	}
	if len(values) > 1 {
		a.Why += fmt.Sprintf(", the median of %d boots", len(values))
	}
	return a, nil
}

// measureOnce boots a candidate once, with a salt that no other boot of the search has.
func (h *hunt) measureOnce(ctx context.Context, candidate string) (m measured, err error) {
	s, err := h.prepared(ctx, candidate)
	if why, ok := errors.AsType[unbuilt](err); ok {
		return measured{why: why.Error(), unbuilt: true}, nil
	}
	if err != nil {
		return m, err
	}
	y := h.yardstick
	y.boots++
	start := time.Now()
	model, unknown, err := h.lab.boot(ctx, fmt.Sprintf("%03d", y.boots), s.salted(y.boots))
	if err != nil {
		return m, err
	}
	y.took += time.Since(start)
	if m.unknown = unknown; s.built {
		m.unknown = s.unheeded
	}
	run, err := bench.Load(model.Dir)
	if err != nil {
		return m, err
	}
	for _, side := range run.Sides {
		if one := side.Main(h.bench); one != nil && len(one.Values) > 0 {
			m.value, m.unit = one.Values[0], one.Unit
			return m, nil
		}
	}
	a := h.verdict(model)
	m.why = fmt.Sprintf("%s was not measured", h.bench)
	if a.Why != "" {
		why, _, _ := strings.Cut(a.Why, "\n")
		m.why += ": " + why
	}
	return m, nil
}

// prepared makes a candidate a subject, once for questions in a row about the same.
func (h *hunt) prepared(ctx context.Context, candidate string) (subject, error) {
	if h.ready == nil || h.readyFor != candidate {
		s, err := h.subjectOf(ctx, candidate)
		if err != nil {
			h.ready = nil
			return s, err
		}
		h.ready, h.readyFor = &s, candidate
	}
	return *h.ready, nil
}
