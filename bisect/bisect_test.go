package bisect

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// judging answers by a function of the candidate: what is neither in bad nor skipped is good.
func judging(f func(candidate string) Verdict) Predicate {
	return func(_ context.Context, candidate string) (Answer, error) { return Answer{Verdict: f(candidate)}, nil }
}

// TestSkips: what cannot be judged in the middle widens the result; an end that cannot be is an error.
func TestSkips(t *testing.T) {
	list := strings.Fields("a b c d e f g h")
	for _, c := range []struct {
		skip        string
		first, last int
		undecided   bool
	}{{"", 4, 4, false}, {"b", 4, 4, false}, {"bcf", 4, 4, false}, {"cde", 2, 5, false}, {"bcdefg", 1, 7, false}, {"a", 0, 0, true}, {"h", 0, 0, true}} {
		s := Session{Noise: 0.01, Confidence: 0.99, Ask: judging(func(candidate string) Verdict {
			switch {
			case strings.Contains(c.skip, candidate):
				return Skip
			case candidate >= "e":
				return Bad
			}
			return Good
		})}
		got, err := s.Search(t.Context(), list)
		if c.undecided {
			if !errors.Is(err, ErrUndecided) {
				t.Errorf("skipping %s: %v", c.skip, err)
			}
			continue
		}
		if err != nil || got.Kind != Found || got.First != c.first || got.Last != c.last || got.Confidence < 0.99 {
			t.Errorf("skipping %q: %+v, %v; want %d to %d", c.skip, got, err, c.first, c.last)
		}
	}
}

// TestEnds: ends that do not differ are no result, in any kind of search.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		first, last Verdict
		want        Kind
	}{{Good, Good, NoneBad}, {Bad, Bad, AllBad}, {Bad, Good, Swapped}} {
		for _, noise := range []float64{0, 0.05} {
			f := func(first, last string) Predicate {
				return judging(func(candidate string) Verdict {
					switch candidate {
					case first:
						return c.first
					case last:
						return c.last
					}
					if noise == 0 {
						t.Errorf("%s is judged although the ends do not differ", candidate)
					}
					return c.first
				})
			}
			s := Session{Noise: noise, Confidence: 0.99, Ask: f("1", "4")}
			if got, err := s.Search(t.Context(), []string{"1", "2", "3", "4"}); err != nil || got.Kind != c.want {
				t.Errorf("noise %g: %+v, %v; want %s", noise, got, err, c.want)
			}
			s = Session{Noise: noise, Confidence: 0.99, Ask: f("", "0 1 2")}
			if got, err := s.Reduce(t.Context(), numbered(3)); err != nil || got.Kind != c.want {
				t.Errorf("a set, noise %g: %+v, %v; want %s", noise, got, err, c.want)
			}
		}
	}
}

// TestReduceSeveral: culprits that are bad each on its own are all found.
func TestReduceSeveral(t *testing.T) {
	for _, noise := range []float64{0, 0.01} {
		s := Session{Noise: noise, Confidence: 0.99, Ask: judging(func(candidate string) Verdict {
			on := numbers(candidate)
			if slices.Contains(on, 3) || slices.Contains(on, 17) && slices.Contains(on, 9) {
				return Bad
			}
			return Good
		})}
		got, err := s.Reduce(t.Context(), numbered(24))
		slices.SortFunc(got.Sets, slices.Compare)
		if err != nil || got.Kind != Found || !slices.EqualFunc(got.Sets, [][]int{{3}, {9, 17}}, slices.Equal) || got.More {
			t.Errorf("noise %g: %+v, %v", noise, got, err)
		}
	}
}

// TestReduceSkips: parameters that cannot be told apart, because a machine with only some of them does
// not boot, are given together and said to be.
func TestReduceSkips(t *testing.T) {
	s := Session{Noise: 0, Confidence: 0.99, Ask: judging(func(candidate string) Verdict {
		on := numbers(candidate)
		switch {
		case slices.Contains(on, 2) != slices.Contains(on, 3):
			return Skip
		case slices.Contains(on, 2):
			return Bad
		}
		return Good
	})}
	got, err := s.Reduce(t.Context(), numbered(6))
	if err != nil || !slices.EqualFunc(got.Sets, [][]int{{2, 3}}, slices.Equal) || !got.Fused {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestLeftOut: what the machine does not heed is named and never asked about.
func TestLeftOut(t *testing.T) {
	p := NewParams(strings.Fields("x=1 old"), strings.Fields("x=2 none=1 a b nothing nopti"))
	set := p.Set()
	if want := "x=1→x=2|without old|none=1|a|b|nothing|nopti"; strings.Join(set.Items, "|") != want {
		t.Fatalf("the changes are %q, want %s", set.Items, want)
	}
	var left []string
	set.LeftOut = func(items []string) { left = items }
	asked := 0
	s := Session{Noise: 0.01, Confidence: 0.99, Ask: func(_ context.Context, candidate string) (Answer, error) {
		a := Answer{Verdict: Good}
		if asked++; strings.Contains(candidate, "none=1") && asked != 2 {
			t.Errorf("question %d is about %q", asked, candidate)
		}
		if asked == 2 {
			if candidate != "x=2 none=1 a b nothing nopti" {
				t.Errorf("the bad end is %q", candidate)
			}
			a.Unknown = []string{"nothing", "none=1", "nopti"} // the last is heeded all the same
		}
		if strings.Contains(" "+candidate+" ", " x=2 ") && strings.Contains(" "+candidate+" ", " b ") {
			a.Verdict = Bad
		}
		return a, nil
	}}
	got, err := s.Reduce(t.Context(), set)
	if err != nil || !slices.EqualFunc(got.Sets, [][]int{{0, 4}}, slices.Equal) || strings.Join(left, " ") != "none=1 nothing" {
		t.Errorf("%+v, %v, left out %q", got, err, left)
	}
}

func TestUnknown(t *testing.T) {
	for text, want := range map[string]string{
		"[    0.2] Unknown kernel command line parameters \"flag x=3\", will be passed to user space.\n": "flag x=3",
		"[    0.2] Unknown command line parameters: flag x=3\n[    0.3] next":                            "flag x=3",
		"nothing of the kind": "",
	} {
		if got := strings.Join(Unknown([]byte(text)), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestResume: a search that is cut off after any answer goes on from there, and ends as it would have.
func TestResume(t *testing.T) {
	list := strings.Split("abcdefghijklmnopqrstuvwxyz", "")
	header := Header{Axis: "kernels", Judged: []string{"x"}, Candidates: list}
	f := judging(func(candidate string) Verdict {
		if candidate >= "k" {
			return Bad
		}
		return Good
	})
	run := func(path string, most int) (Span, int, error) {
		j, err := OpenJournal(path, header)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		fresh := 0
		s := Session{Noise: 0.02, Confidence: 0.99, Journal: j, Ask: func(ctx context.Context, candidate string) (Answer, error) {
			if fresh++; most > 0 && fresh > most {
				return Answer{}, errors.New("cut off")
			}
			return f(ctx, candidate)
		}}
		got, err := s.Search(t.Context(), list)
		return got, fresh, err
	}
	whole, questions, err := run(filepath.Join(t.TempDir(), "j"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < questions; cut++ {
		path := filepath.Join(t.TempDir(), "j")
		if _, _, err := run(path, cut); err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Fatalf("cut after %d: %v", cut, err)
		}
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		file.WriteString(`{"number":99,"cand`) // the machine went down
		file.Close()
		got, fresh, err := run(path, 0)
		if err != nil || got != whole || fresh != questions-cut {
			t.Errorf("cut after %d of %d: %+v with %d more, %v", cut, questions, got, fresh, err)
		}
	}
	path := filepath.Join(t.TempDir(), "j")
	run(path, 1)
	other := header
	other.Judged = []string{"y"}
	if _, err := OpenJournal(path, other); err == nil || !strings.Contains(err.Error(), "another search") {
		t.Errorf("the journal of another search: %v", err)
	}
	if err := os.WriteFile(path, []byte("no journal\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(path, header); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("no journal: %v", err)
	}
}

func TestCatalogue(t *testing.T) {
	for _, theme := range Catalogue() {
		seen := map[string]bool{}
		for _, p := range theme.Params {
			if len(strings.Fields(p)) != 1 || seen[p] {
				t.Errorf("%s: %q", theme.Name, p)
			}
			seen[p] = true
		}
		if theme.About == "" || theme.Source == "" || len(seen) < 5 {
			t.Errorf("%+v", theme)
		}
	}
}
