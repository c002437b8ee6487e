package bisect

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Set is a set of changes between a good end, without any, and a bad one, with all.
type Set struct {
	Items []string
	// Candidate is what is judged when these items, sorted by number, are applied.
	Candidate func(items []int) string
	// Known says whether the machine heeds an item, when the answer about all items named these boot
	// parameters as unknown. Nil has all known.
	Known func(item int, unknown []string) bool
	// LeftOut is told the items that are not known, if there are any; it may be nil.
	LeftOut func(items []string)
}

// All are the numbers of all items.
func (s Set) All() []int {
	all := make([]int, len(s.Items))
	for i := range all {
		all[i] = i
	}
	return all
}

// Culprits is what was found in a set.
type Culprits struct {
	Kind Kind
	// Sets are the least sets that are bad alone, by the items' numbers. Without a part of the first of
	// them all is good, unless another of them is bad still.
	Sets [][]int
	// Fused are items of Sets that could not be told from each other: what would could not be judged.
	Fused bool
	// More says that without a part of the last set all is bad still, and what makes it so was not found.
	More       bool
	Confidence float64
}

const (
	// enough is how probable it is, beforehand, that what was found so far is bad alone.
	enough = 0.8
	// early is how sure a stage has to be before its result is tried both ways, which tells more.
	early    = 0.9
	attempts = 8
	// maxSets bounds the culprits that are bad each on its own.
	maxSets = 4
)

// Reduce finds the least bad part of a set, by bisection of what is left until what is found is bad
// alone. Each culprit is tried both ways last: alone it is bad, all without it is good.
func (s *Session) Reduce(ctx context.Context, set Set) (Culprits, error) {
	if err := s.check(); err != nil {
		return Culprits{}, err
	}
	r := reduction{Session: s, set: set}
	all := set.All()
	r.heeded = all
	kind, err := r.ends(ctx, all)
	if err != nil || kind != Found {
		return Culprits{Kind: kind}, err
	}
	c := Culprits{Kind: Found, Confidence: 1}
	if all = r.leaveOut(all); len(all) == 0 {
		return c, fmt.Errorf("%w: the machine heeds none of %s", ErrUndecided, strings.Join(set.Items, " "))
	}
	for len(c.Sets) < maxSets {
		found, p, err := r.least(ctx, all)
		if err != nil {
			return c, err
		}
		c.Sets = append(c.Sets, found)
		c.Confidence = min(c.Confidence, p)
		c.Fused, c.More = c.Fused || r.fused, r.more
		if all = slices.DeleteFunc(slices.Clone(all), func(i int) bool { return slices.Contains(found, i) }); !r.more || len(all) == 0 {
			break
		}
		// Several may be bad each on its own: what is left is bad without this one.
		bad, _, err := r.settle(ctx, all, 0.5)
		if err != nil {
			return c, err
		}
		if !bad {
			break
		}
	}
	return c, nil
}

type reduction struct {
	*Session
	set    Set
	heeded []int
	fused  bool // of the last set that was found
	more   bool // all without one of it is bad still
}

// ends judges the ends, and says whether they differ.
func (r *reduction) ends(ctx context.Context, all []int) (Kind, error) {
	a := r.axis(nil, all)
	a.allBad, a.noneBad, a.ends = wrongEnd, wrongEnd, true
	// Only the ends are asked: all between them is one hypothesis.
	a.candidates = []string{a.candidates[0], a.candidates[len(all)]}
	about := a.about
	a.about = func(i int) string { return about(i * len(all)) }
	p, err := r.locate(ctx, a, early)
	if err != nil {
		return "", err
	}
	return r.kind(a, p), nil
}

// leaveOut parts what the machine heeds from what it does not. What was answered about all holds without
// the latter, too.
func (r *reduction) leaveOut(all []int) (known []int) {
	if r.set.Known == nil {
		return all
	}
	var unknown []string
	t := r.tally(r.set.Candidate(all))
	for _, i := range all {
		if r.set.Known(i, t.unknown) {
			known = append(known, i)
		} else {
			unknown = append(unknown, r.set.Items[i])
		}
	}
	if len(unknown) > 0 {
		r.tallies[r.set.Candidate(known)] = t
		r.heeded = known
		if r.set.LeftOut != nil {
			r.set.LeftOut(unknown)
		}
	}
	return known
}

// axis has what is fixed, and of the items none, the first, the first two and so on.
func (r *reduction) axis(fixed, items []int) axis {
	var a axis
	for k := 0; k <= len(items); k++ {
		a.candidates = append(a.candidates, r.set.Candidate(union(fixed, items[:k])))
	}
	a.about = func(k int) string {
		if on := union(fixed, items[:k]); len(on) == 1 {
			return r.describe(on) + " alone"
		} else if len(fixed) == 0 || k == 0 {
			return r.describe(on)
		}
		return r.describe(fixed) + " with " + r.describe(items[:k])
	}
	return a
}

// least finds a least bad part of all, and how sure that is.
func (r *reduction) least(ctx context.Context, all []int) ([]int, float64, error) {
	threshold, doubt := early, 1-r.Confidence
	for range attempts {
		found, p, alone, err := r.descend(ctx, all, threshold)
		if err != nil {
			return nil, 0, err
		}
		if found == nil {
			continue // the answers that brought this about count when it is tried again
		}
		var sure float64
		for tried := 0; tried != len(found) && err == nil; {
			tried = len(found)
			found, sure, err = r.tryWithout(ctx, all, found, p, alone)
		}
		if err != nil || sure >= r.Confidence {
			return found, sure, err
		}
		threshold, doubt = 1-doubt, doubt/4
	}
	return nil, 0, fmt.Errorf("%w: what was found bad was good when it was asked again; are the answers wrong more often than %g %% of the time?",
		ErrUndecided, 100*r.Noise)
}

// descend finds one item after the other until they are bad alone, or nil when the answers contradict
// each other. P is how sure it is that each is part of the culprit, alone that they are all of it.
func (r *reduction) descend(ctx context.Context, all []int, threshold float64) (found []int, p, alone float64, err error) {
	r.fused = false
	p = 1
	for rest := all; ; {
		a := r.axis(found, rest)
		if len(found) == 0 {
			a.allBad, a.noneBad = wrongEnd, wrongEnd
		} else {
			// The axis ends where the one before turned bad. How sure that is p says already: the answers
			// about it are not to count twice.
			end := r.tally(a.candidates[len(rest)])
			none := (1 - p) * math.Pow((1-r.noise())/r.noise(), float64(end.bad-end.good))
			a.allBad, a.noneBad = enough*p/(p+none), none/(p+none)
			if len(rest) == 0 { // there is nothing else
				a.allBad = 1 - a.noneBad
			}
		}
		at, err := r.locate(ctx, a, threshold)
		switch {
		case err != nil:
			return nil, 0, 0, err
		case at.first == 0 && len(found) > 0:
			return found, p, at.p, nil
		case at.first == 0 || at.first > len(rest):
			return nil, 0, 0, nil
		}
		p *= at.p
		r.fused = r.fused || at.last > at.first
		found = union(found, rest[at.first-1:at.last])
		rest = rest[:at.first-1]
	}
}

// tryWithout tries all without each of the found ones, which is good when they are the culprit. It gives
// how sure the culprit is with that: each answer speaks for or against it as an answer does that is
// wrong as often as others.
//
// One that is found out to be needless is taken out of the found ones: they are to be tried again.
func (r *reduction) tryWithout(ctx context.Context, all, found []int, p, alone float64) (left []int, sure float64, err error) {
	r.more = false
	odds := p / max(1-p, 1e-9)
	for _, one := range found {
		rest := slices.DeleteFunc(slices.Clone(all), func(i int) bool { return i == one })
		was := *r.tally(r.set.Candidate(rest))
		bad, t, err := r.settleAfresh(ctx, rest, 0.1)
		if err != nil {
			return nil, 0, err
		}
		if bad {
			// Either it was found by mistake, or another one is bad without it.
			if others := slices.DeleteFunc(slices.Clone(found), func(i int) bool { return i == one }); len(others) > 0 {
				if needless, _, err := r.settleAfresh(ctx, others, 0.5); err != nil || needless {
					return others, 0, err
				}
			}
			r.more = true
			continue
		}
		// What was answered before is in p.
		odds *= math.Pow((1-r.noise())/r.noise(), float64(t.good-t.bad-was.good+was.bad))
	}
	return found, alone * odds / (1 + odds), nil
}

// settleAfresh settles what may have been asked before, for another reason: an answer of old alone is not
// enough, unless none is ever wrong.
func (r *reduction) settleAfresh(ctx context.Context, items []int, likely float64) (bad bool, t *tally, err error) {
	if r.Noise > 0 && r.tally(r.set.Candidate(items)).judged() {
		if err := r.ask(ctx, r.set.Candidate(items), r.describe(items)); err != nil {
			return false, nil, err
		}
	}
	return r.settle(ctx, items, likely)
}

// settle judges a part of the set until it is sure; likely is how probable it is beforehand that it is bad.
// One that cannot be judged tells nothing, and is no error.
func (r *reduction) settle(ctx context.Context, items []int, likely float64) (bad bool, t *tally, err error) {
	a := axis{candidates: []string{r.set.Candidate(items)}, about: func(int) string { return r.describe(items) },
		allBad: likely, noneBad: 1 - likely, ends: true}
	t = r.tally(a.candidates[0])
	at, err := r.locate(ctx, a, early+(1-early)/2)
	if err != nil && t.skip >= endTries {
		return false, t, nil
	}
	return err == nil && at.first == 0, t, err
}

// describe says which items a question is about, in the shortest way.
func (r *reduction) describe(items []int) string {
	var with, without []string
	for _, i := range r.heeded {
		if name := r.set.Items[i]; slices.Contains(items, i) {
			with = append(with, name)
		} else {
			without = append(without, name)
		}
	}
	const few = 3
	switch {
	case len(with) == 0:
		return "without all"
	case len(without) == 0:
		return "with all"
	case len(with) == 1, len(with) <= few && len(with) <= len(without):
		return strings.Join(with, " ")
	case len(without) <= few:
		return "all but " + strings.Join(without, " ")
	}
	return fmt.Sprintf("%d of %d, %s to %s", len(with), len(r.heeded), with[0], with[len(with)-1])
}

func union(a, b []int) []int {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
