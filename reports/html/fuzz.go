package html

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The files of a fuzzing campaign's folder, as docs/fuzz.md has them.
const (
	CampaignFile = "fuzz.json"
	curveFile    = "curve.tsv"
	findingFile  = "finding.json"
	figuresFile  = "figures.json"
	pageFile     = "index.html"
	maxFindings  = 200
	maxFile      = 64 << 20 // bytes that are read of a file
)

// Campaign is what fuzzing left in its folder.
type Campaign struct {
	Dir           string `json:"-"`
	Target, Space string
	Seed, Calls   uint64
	figures       *Figures // nil where there are none: the campaign is at work, or was ended before it was done
	findings      []findingView
	points        []reached // the coverage curve
	unread        []string
	beside        bool // the page is written into the folder, and can link to what lies there
}

// Figures are what a campaign comes to beyond what its folder's other files tell.
type Figures struct {
	// Took is how long it was at work, in nanoseconds.
	Took time.Duration `json:"took"`
	// Machines is how many were booted.
	Machines int64 `json:"machines"`
	// Booted is how many blocks of code booting alone reached.
	Booted int `json:"booted"`
	// Answers are the different ones, and Functions those in which something was reached that booting does not.
	Answers   []CampaignAnswer   `json:"answers,omitempty"`
	Functions []CampaignFunction `json:"functions,omitempty"`
}

// CampaignAnswer is a call with an answer to it in words.
type CampaignAnswer struct {
	Text  string `json:"text"`
	Times uint64 `json:"times"`
}

// CampaignFunction is one of the hypervisor's in which something new was reached.
type CampaignFunction struct {
	Name   string `json:"name"`
	Blocks int    `json:"blocks"`
	// Call was the first to reach it.
	Call string `json:"call"`
}

// KeepCampaign keeps a campaign's figures in its folder, and draws its page there from all that the folder
// holds, as index.html.
func KeepCampaign(dir string, f Figures) error {
	text, err := json.Marshal(f)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, figuresFile), append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("keeping the campaign's figures: %w", err)
	}
	c, err := LoadCampaign(dir)
	if err != nil {
		return err
	}
	c.beside = true
	var page bytes.Buffer
	if err := Write(&page, nil, Options{Campaigns: []*Campaign{c}}); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, pageFile), page.Bytes(), 0o644); err != nil {
		return fmt.Errorf("drawing the campaign's page: %w", err)
	}
	return nil
}

// reached is a point of the coverage curve.
type reached struct{ seconds, calls, blocks float64 }

// findingView is a finding as its file has it; what else is in the file is for the fuzzer.
type findingView struct {
	Class, Signature, Story, Call string
	Tried, Again, Seen            int
	After                         time.Duration
	Minimal                       bool
	dir                           string
}

// LoadCampaign reads a campaign's folder. What else cannot be read of it is told on the page.
func LoadCampaign(dir string) (*Campaign, error) {
	c := &Campaign{Dir: dir}
	err := readJSON(filepath.Join(dir, CampaignFile), c)
	if err != nil {
		return nil, fmt.Errorf("reading the campaign in %s: %w", dir, err)
	}
	var f Figures
	switch err := readJSON(filepath.Join(dir, figuresFile), &f); {
	case err == nil:
		c.figures = &f
	case !errors.Is(err, os.ErrNotExist):
		c.unread = append(c.unread, fmt.Sprintf("its figures: %v", err))
	}
	if c.points, err = readCurve(filepath.Join(dir, curveFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.unread = append(c.unread, err.Error())
	}
	files, _ := filepath.Glob(filepath.Join(dir, "findings", "*", findingFile)) // the pattern is constant but for a folder that is there
	for _, file := range files[:min(len(files), maxFindings)] {
		f := findingView{dir: filepath.Dir(file)}
		if err := readJSON(file, &f); err != nil {
			c.unread = append(c.unread, fmt.Sprintf("a finding: %v", err))
			continue
		}
		c.findings = append(c.findings, f)
	}
	order := []string{"hypervisor", "contract", "divergence", "caller"}
	slices.SortStableFunc(c.findings, func(a, b findingView) int {
		return cmp.Compare(slices.Index(order, a.Class), slices.Index(order, b.Class))
	})
	if n := len(files) - maxFindings; n > 0 {
		c.unread = append(c.unread, count(n, "more finding", "more findings"))
	}
	return c, nil
}

// Found says whether there are findings that count: the caller's own death is by design.
func (c *Campaign) Found() bool {
	return slices.ContainsFunc(c.findings, func(f findingView) bool { return f.Class != "caller" })
}

// readJSON reads a file that is not unreasonably large.
func readJSON(path string, to any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

func readCurve(path string) (list []reached, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 0; lines.Scan(); n++ {
		fields := strings.Split(lines.Text(), "\t")
		if n == 0 {
			if len(fields) < 3 || fields[0] != "seconds" || fields[1] != "calls" || fields[2] != "blocks" {
				return nil, fmt.Errorf("%s is no coverage curve", path)
			}
			continue
		}
		var p reached
		for i, to := range []*float64{&p.seconds, &p.calls, &p.blocks} {
			if i >= len(fields) {
				return list, fmt.Errorf("%s, line %d: it is torn", path, n+1)
			}
			if *to, err = strconv.ParseFloat(fields[i], 64); err != nil {
				return list, fmt.Errorf("%s, line %d: %w", path, n+1, err)
			}
			if !(*to >= 0 && *to < 1e15) {
				return list, fmt.Errorf("%s, line %d: %q is no count", path, n+1, fields[i])
			}
		}
		list = append(list, p)
	}
	if err := lines.Err(); err != nil {
		return list, fmt.Errorf("reading %s: %w", path, err)
	}
	return list, nil
}
