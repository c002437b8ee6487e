package history

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xtest/reports/bench"
)

// suffix is that of a run's file.
const suffix = ".bench"

// Add puts what a run measured into the folder, which is made when it is not there. Label says what the run
// is of, as a version or a commit. It gives the file's path.
func Add(dir string, r *bench.Run, label string) (string, error) {
	if len(r.Sides) == 0 {
		return "", fmt.Errorf("%s holds no measurement: `xtest bench` makes runs that do", r.Source)
	}
	if r.ID == "" || r.When.IsZero() {
		return "", fmt.Errorf("%s does not say which run it is, or when it was", r.Source)
	}
	r.Label = label
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the history's folder: %w", err)
	}
	path := filepath.Join(dir, strings.ReplaceAll(r.ID, string(filepath.Separator), "-")+suffix)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("the run is in the history already: %s; remove the file to add it anew", path)
	}
	if err != nil {
		return "", fmt.Errorf("adding to the history: %w", err)
	}
	if err := errors.Join(bench.Write(f, r), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(path))
	}
	return path, nil
}

// Read reads all runs of the folder, the oldest first. A file that cannot be read is an error: without it
// the next run would be compared with the wrong ones.
func Read(dir string) ([]*bench.Run, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s holds no history: `xtest history add RUN --dir %s` begins one", dir, dir)
	}
	var runs []*bench.Run
	for _, path := range files {
		r, err := bench.Open(path)
		if err != nil {
			return nil, err
		}
		if r.When.IsZero() {
			return nil, fmt.Errorf("%s does not say when its run was (a line \"date: 2026-11-20T18:00:00Z\")", path)
		}
		runs = append(runs, r)
	}
	slices.SortFunc(runs, func(a, b *bench.Run) int { return cmp.Or(a.When.Compare(b.When), cmp.Compare(a.ID, b.ID)) })
	return runs, nil
}

// Line is the history of one benchmark in one unit on one target. Of wall clock it holds the runs of the
// newest one's machine alone.
type Line struct {
	Target, Name, Unit string
	Entries            []Entry // the oldest first
	// Elsewhere is how many runs of other machines were left out.
	Elsewhere int
	Counter   bool
}

// Entry is what one run measured.
type Entry struct {
	ID, Label string
	When      time.Time
	Values    []float64 // of each boot
	side      *bench.Side
}

// Median is that of the entry's boots.
func (e Entry) Median() float64 { return bench.Median(e.Values) }

// Name is the entry's label, or its run's ID.
func (e Entry) Name() string { return cmp.Or(e.Label, e.ID) }

// Lines takes the runs apart into the histories of their benchmarks, in the order of the newest run.
func Lines(runs []*bench.Run) []*Line {
	type key struct{ target, name, unit string }
	var lines []*Line
	byKey := map[key]*Line{}
	for _, r := range slices.Backward(runs) {
		for _, s := range r.Sides {
			for _, one := range s.Series {
				k := key{s.Target, one.Name, one.Unit}
				l := byKey[k]
				if l == nil {
					l = &Line{Target: s.Target, Name: one.Name, Unit: one.Unit, Counter: s.Counts(one.Unit)}
					byKey[k], lines = l, append(lines, l)
				} else if !bench.Comparable(l.Entries[0].side, s, one.Unit) {
					l.Elsewhere++
					continue
				}
				l.Entries = append(l.Entries, Entry{ID: r.ID, Label: r.Label, When: r.When, Values: one.Values, side: s})
			}
		}
	}
	for _, l := range lines {
		slices.Reverse(l.Entries)
	}
	return lines
}

// Points are the line's changes.
func (l *Line) Points(s bench.Settings) []Point {
	runs := make([][]float64, len(l.Entries))
	for i, e := range l.Entries {
		runs[i] = e.Values
	}
	return Points(runs, s)
}

// Newest gives what the newest run is to be held against: the runs before it, back to the last change
// among them.
func Newest(runs []*bench.Run, s bench.Settings) (pairs [][2]*bench.Side) {
	newest := runs[len(runs)-1]
	lines := Lines(runs)
	for _, side := range newest.Sides {
		base := &bench.Side{Source: "history", Target: side.Target, What: "the runs before", Host: side.Host, Clock: side.Clock}
		for _, l := range lines {
			n := len(l.Entries)
			if l.Target != side.Target || n == 0 || l.Entries[n-1].ID != newest.ID {
				// It is not in the newest run: a line of those before.
				if l.Target == side.Target && n > 0 {
					base.Put(l.Name, l.Unit, l.Entries[n-1].Values)
				}
				continue
			}
			before := Line{Entries: l.Entries[:n-1]}
			from := 0
			if points := before.Points(s); len(points) > 0 {
				from = points[len(points)-1].Run
			}
			var values []float64
			for _, e := range before.Entries[from:] {
				values = append(values, e.Values...)
			}
			if len(values) > 0 {
				base.Put(l.Name, l.Unit, values)
			}
		}
		pairs = append(pairs, [2]*bench.Side{base, side})
	}
	return pairs
}
