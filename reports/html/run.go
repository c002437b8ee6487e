package html

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"xtest/reports"
	"xtest/reports/bench"
)

// Run is one run as a page needs it.
type Run struct {
	Model *reports.Model
	// Bench is what was measured.
	Bench *bench.Run
	// SHA256 is that of the record as it was read, in hexadecimal; empty when it grew meanwhile.
	SHA256 string
	// Dir is the run's folder.
	Dir string
	// Consoles is what stands before the name of a console's log to make an address of it, or empty: then the
	// name is text.
	Consoles string
}

// Load reads a run's folder. Bad lines of the record become the model's warnings.
func Load(dir string) (*Run, error) {
	measured := bench.NewCollector(dir)
	r := &Run{Dir: dir}
	path := filepath.Join(dir, reports.RecordName)
	before, err := os.Stat(path)
	if err != nil {
		before = nil // Load says what is the matter
	}
	if r.Model, err = reports.Load(dir, measured.Add); err != nil {
		return nil, err
	}
	r.Bench = measured.Run()
	if r.SHA256, err = hash(path); err != nil {
		return r, err
	}
	if after, err := os.Stat(path); err != nil || before == nil || after.Size() != before.Size() {
		r.SHA256 = ""
	}
	return r, nil
}

func hash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("hashing the record: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hashing the record: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// columns is how many columns of a matrix the run makes.
func (r *Run) columns() (n int) {
	for _, t := range r.Model.Targets {
		if len(t.Specs) > 0 {
			n++
		}
	}
	return n
}

// forget lets go of what the matrix alone needs, when the run is not in it.
func (r *Run) forget() {
	for _, t := range r.Model.Targets {
		t.Specs = nil
	}
}
