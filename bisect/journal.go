package bisect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
)

// Journal is a file of JSON lines, a [Header] and then the answers, from which a search can be continued.
// A nil Journal keeps nothing.
type Journal struct {
	f    *os.File
	past map[string][]Step // not taken yet, by candidate
}

// Header says what is searched. An answer means nothing in another search.
type Header struct {
	Axis string `json:"axis"` // kernels, params or commits
	// Judged says by what a candidate is judged, word for word.
	Judged     []string `json:"judged"`
	Candidates []string `json:"candidates"` // in their order; of a set, its items
}

func (h Header) equal(o Header) bool {
	return h.Axis == o.Axis && slices.Equal(h.Judged, o.Judged) && slices.Equal(h.Candidates, o.Candidates)
}

// OpenJournal opens the file for the search, or begins it. It is an error when the file is of another search.
func OpenJournal(path string, h Header) (*Journal, error) {
	j := &Journal{past: map[string][]Step{}}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the search's journal: %w", err)
	}
	whole := bytes.LastIndexByte(text, '\n') + 1 // what follows was cut off while it was written
	if whole > 0 {
		if err := j.load(text[:whole], h); err != nil {
			return nil, fmt.Errorf("resuming from %s: %w", path, err)
		}
	}
	if j.f, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err == nil {
		err = j.f.Truncate(int64(whole))
	}
	if err == nil && whole == 0 {
		err = j.write(h)
	}
	if err != nil {
		return nil, fmt.Errorf("beginning the search's journal: %w", err)
	}
	return j, nil
}

func (j *Journal) load(text []byte, h Header) error {
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		if i == 0 {
			var was Header
			if err := json.Unmarshal(line, &was); err != nil {
				return fmt.Errorf("line 1: %w", err)
			}
			if !was.equal(h) {
				return fmt.Errorf("it is the journal of another search: over %s by %q among %d, not over %s by %q among %d or not the same ones",
					was.Axis, was.Judged, len(was.Candidates), h.Axis, h.Judged, len(h.Candidates))
			}
			continue
		}
		var s Step
		if err := json.Unmarshal(line, &s); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		j.past[s.Candidate] = append(j.past[s.Candidate], s)
	}
	return nil
}

func (j *Journal) write(v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = j.f.Write(append(line, '\n'))
	}
	return err
}

// next takes what was answered about the candidate and was not taken before.
func (j *Journal) next(candidate string) (Step, bool) {
	if j == nil || len(j.past[candidate]) == 0 {
		return Step{}, false
	}
	s := j.past[candidate][0]
	j.past[candidate] = j.past[candidate][1:]
	return s, true
}

func (j *Journal) add(s Step) error {
	if j == nil {
		return nil
	}
	if err := j.write(s); err != nil {
		return fmt.Errorf("keeping the answer in the search's journal: %w", err)
	}
	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.f.Close() }
