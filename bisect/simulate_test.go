package bisect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const seed = 20260701

// TestSearchUnderNoise holds the search to the figures that it promises: 1,024 commits, one answer in
// twenty wrong, and still the right commit in 99 of 100 with at most 30 questions on average.
func TestSearchUnderNoise(t *testing.T) {
	for _, c := range []struct {
		commits, runs int
		noise         float64
		right, most   float64
	}{
		{1024, 2500, 0.05, 0.99, 30},
		{1024, 200, 0, 1, 13},
		{2, 500, 0.05, 0.99, 10},
	} {
		dice := rand.New(rand.NewPCG(seed, uint64(c.commits)))
		var commits []string
		for i := range c.commits {
			commits = append(commits, strconv.Itoa(i))
		}
		right, asked, longest := 0, 0, 0
		for range c.runs {
			culprit := 1 + dice.IntN(c.commits-1)
			s := Session{Noise: c.noise, Confidence: 0.997, Ask: func(_ context.Context, candidate string) (Answer, error) {
				i, _ := strconv.Atoi(candidate)
				return lying(dice, c.noise, i >= culprit), nil
			}}
			got, err := s.Search(t.Context(), commits)
			if err != nil {
				t.Fatal(err)
			}
			if got.Kind == Found && got.First == culprit && got.Last == culprit {
				right++
			}
			n, _ := s.Asked()
			asked += n
			longest = max(longest, n)
		}
		share, mean := float64(right)/float64(c.runs), float64(asked)/float64(c.runs)
		t.Logf("%d commits, %g %% wrong: right in %.2f %% of %d, %.1f questions on average, %d at most",
			c.commits, 100*c.noise, 100*share, c.runs, mean, longest)
		if share < c.right || mean > c.most {
			t.Errorf("%d commits, noise %g: want right in %g %% with %g questions", c.commits, c.noise, 100*c.right, c.most)
		}
	}
}

// lying gives the answer, or with that probability the other one.
func lying(dice *rand.Rand, noise float64, bad bool) Answer {
	if noise > 0 && dice.Float64() < noise {
		bad = !bad
	}
	if bad {
		return Answer{Verdict: Bad}
	}
	return Answer{Verdict: Good}
}

// TestReduceUnderNoise: one culprit among 24 in at most 10 boots and a pair in at most 24, each of them
// when no answer is wrong, on average when one in a hundred is.
func TestReduceUnderNoise(t *testing.T) {
	const n = 24
	for _, c := range []struct {
		culprits int
		noise    float64
		runs     int
		mean     float64 // boots at most on average
		most     int     // and in each, or 0
	}{
		{1, 0, n, 10, 10}, {1, 0.01, 2000, 10, 0}, {1, 0.05, 2000, 16, 0},
		{2, 0, n * (n - 1) / 2, 24, 24}, {2, 0.01, 2000, 24, 0}, {2, 0.05, 2000, 28, 0},
		{3, 0, 500, 30, 0},
	} {
		dice := rand.New(rand.NewPCG(seed, uint64(c.culprits)))
		var pairs [][]int
		for i := range n {
			for j := range i {
				pairs = append(pairs, []int{j, i})
			}
		}
		right, asked, longest := 0, 0, 0
		for run := range c.runs {
			culprits := dice.Perm(n)[:c.culprits]
			switch { // without noise each case is tried
			case c.noise == 0 && c.culprits == 1:
				culprits = []int{run}
			case c.noise == 0 && c.culprits == 2:
				culprits = pairs[run]
			}
			slices.Sort(culprits)
			s := Session{Noise: c.noise, Confidence: 0.99, Ask: func(_ context.Context, candidate string) (Answer, error) {
				on := numbers(candidate)
				bad := !slices.ContainsFunc(culprits, func(i int) bool { return !slices.Contains(on, i) })
				return lying(dice, c.noise, bad), nil
			}}
			got, err := s.Reduce(t.Context(), numbered(n))
			if err == nil && len(got.Sets) == 1 && slices.Equal(got.Sets[0], culprits) {
				right++
			}
			boots, _ := s.Asked()
			asked += boots
			longest = max(longest, boots)
		}
		share, mean := float64(right)/float64(c.runs), float64(asked)/float64(c.runs)
		t.Logf("%d of %d, %g %% wrong: right in %.2f %% of %d, %.1f boots on average, %d at most",
			c.culprits, n, 100*c.noise, 100*share, c.runs, mean, longest)
		if share < 0.98 || c.noise == 0 && share < 1 || mean > c.mean || c.most > 0 && longest > c.most {
			t.Errorf("%d culprits, noise %g: too often wrong, or too many boots", c.culprits, c.noise)
		}
	}
}

// numbered is a set whose candidates are lists of numbers.
func numbered(n int) Set {
	s := Set{Candidate: func(items []int) string {
		return strings.Trim(fmt.Sprint(items), "[]")
	}}
	for i := range n {
		s.Items = append(s.Items, "p"+strconv.Itoa(i))
	}
	return s
}

func numbers(candidate string) (list []int) {
	for f := range strings.FieldsSeq(candidate) {
		n, _ := strconv.Atoi(f)
		list = append(list, n)
	}
	return list
}
