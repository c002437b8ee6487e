package html

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"xtest/reports"
	"xtest/runner/event"
)

// maxColumns is how many targets stand side by side on a page.
const maxColumns = 48

// data is the matrix as the page's script reads it. Lists with a place for each thing take half of what
// objects with names do.
type data struct {
	Columns []columnData `json:"columns"`
	Suites  []string     `json:"suites"`
	Rows    []rowData    `json:"rows"`
	Texts   []string     `json:"texts"`
	// Bare is how many rows have lost what they had to tell beyond their verdicts.
	Bare int `json:"bare"`
}

type columnData struct {
	Name  string `json:"name"`
	Mark  string `json:"mark"`
	What  string `json:"what"`
	Again string `json:"again"` // the command, up to the spec
	Flags string `json:"flags"` // what follows the spec
	Dir   string `json:"dir"`   // where the consoles' logs are
}

// rowData is one spec: its ID, suite, document of its clause, clause, level, verdicts, rank, flag on a command line,
// answers that are new, and observations.
type rowData [10]any

// observation is what several columns saw alike: their indices; call, got, expected, reason, known, notes, items
// and crash, which are texts; and the name of each column's console log, which are texts, too.
type observation [10]any

// account is what one column saw, as texts: what is alike in an observation.
type account [8]int

// letters are the verdicts in a row, one for each column.
const (
	passed     = 'p'
	failed     = 'f'
	known      = 'k'
	broken     = 'b'
	inapplied  = 'n'
	open       = 'o'
	notListed  = '.'
	undetailed = -1
)

func letter(s *reports.Spec) byte {
	switch {
	case s == nil:
		return notListed
	case s.Result.Excused():
		return known
	}
	switch s.Verdict() {
	case event.Pass:
		return passed
	case event.Fail:
		return failed
	case event.Broken:
		return broken
	case event.NotApplicable:
		return inapplied
	}
	return open
}

// matrix makes the data of the runs. Rows that lose their details, so that the page does not get too large,
// are those on which all targets agree, and the last of them.
func matrix(m *reports.Matrix, runs []*Run) *data {
	d := &data{Suites: []string{}, Rows: make([]rowData, 0, len(m.Rows)), Columns: []columnData{}}
	t := newTexts()
	for _, c := range m.Columns {
		run := runs[c.Run].Model
		command, flags := run.Again(c.Target)
		d.Columns = append(d.Columns, columnData{
			Name: line(c.Target.Name), Mark: c.Mark, What: line(c.Target.What()), Again: command, Flags: flags, Dir: runs[c.Run].Consoles,
		})
	}
	suites := map[string]int{}
	for _, r := range m.Rows {
		of := slices.IndexFunc(r.Specs, func(s *reports.Spec) bool { return s != nil })
		if of < 0 {
			continue // in columns that are not shown
		}
		row, bare := d.row(r, r.Specs[of], t, suites, m, runs)
		if bare {
			d.Bare++
		}
		d.Rows = append(d.Rows, row)
	}
	d.Texts = t.list
	return d
}

func (d *data) row(r *reports.Row, first *reports.Spec, t *texts, suites map[string]int, m *reports.Matrix, runs []*Run) (_ rowData, bare bool) {
	suite, ok := suites[first.Suite]
	if !ok {
		suite = len(d.Suites)
		suites[first.Suite] = suite
		d.Suites = append(d.Suites, line(cmp.Or(first.Suite, "no suite")))
	}
	var clause, level string
	for _, s := range r.Specs {
		if s != nil && s.Meta != nil {
			clause, level = s.Meta.Clause, s.Meta.Level
			break
		}
	}
	verdicts := make([]byte, len(r.Specs))
	for i, s := range r.Specs {
		verdicts[i] = letter(s)
	}
	id, flag := line(r.ID), ""
	if f := reports.SpecFlag(r.ID); f != "--spec "+id {
		flag = f
	}
	row := rowData{id, suite, t.line(Document(clause)), t.line(clause), t.line(level), string(verdicts), int(r.Rank), flag, 0, 0}
	if t.full() {
		row[9] = undetailed
		return row, strings.Trim(string(verdicts), "p.o") != ""
	}
	if news := fresh(r.Specs, t); len(news) > 0 {
		row[8] = news
	}
	if seen := observe(r.Specs, t, m, runs); len(seen) > 0 {
		row[9] = seen
	}
	return row, false
}

// fresh are the answers that the expectations do not know: column, call, value, what is known.
func fresh(specs []*reports.Spec, t *texts) (list [][4]int) {
	for i, s := range specs {
		if s == nil || s.Result == nil {
			continue
		}
		for _, a := range s.Result.Answers {
			if a.New && len(list) < 20 {
				list = append(list, [4]int{i, t.line(a.Call), t.line(a.Value), t.line(a.Known)})
			}
		}
	}
	return list
}

// observe groups the columns that saw the same. A pass without a remark needs no word.
func observe(specs []*reports.Spec, t *texts, m *reports.Matrix, runs []*Run) (groups []observation) {
	type key struct {
		letter byte
		account
	}
	byKey := map[key]int{}
	for i, s := range specs {
		if s == nil || s.Result == nil {
			continue
		}
		k := key{letter(s), describe(s, t)}
		if k.letter == passed && k.account == (account{}) {
			continue
		}
		at, ok := byKey[k]
		if !ok {
			at = len(groups)
			byKey[k] = at
			o := observation{[]int{}}
			o[9] = []int{}
			for n, text := range k.account {
				o[n+1] = text
			}
			groups = append(groups, o)
		}
		groups[at][0] = append(groups[at][0].([]int), i)
		log := 0
		if k.letter == broken || k.letter == failed {
			c := m.Columns[i]
			log = t.line(runs[c.Run].Model.ConsoleLog(c.Target, s.Boot))
		}
		groups[at][9] = append(groups[at][9].([]int), log)
	}
	return groups
}

func describe(s *reports.Spec, t *texts) (o account) {
	r := s.Result
	if f := r.Failure; f != nil {
		o[0], o[1], o[2] = t.block(f.Call), t.block(f.Got), t.block(f.Expected)
	}
	o[3] = t.block(r.Reason)
	if r.Known != nil {
		o[4] = t.line(reports.Excuse(r.Known))
	}
	if r.Verdict != event.Pass {
		o[5] = t.block(strings.Join(r.Notes, "\n"))
	}
	if n := len(r.Deviations); n > 0 && r.Verdict == event.Fail {
		var b strings.Builder
		for _, d := range r.Deviations {
			fmt.Fprintf(&b, "%s: %s\n", reports.Clean(d.Kind), reports.Clean(d.String()))
		}
		o[6] = t.block(b.String())
	}
	if s.Crash != nil {
		o[7] = t.block(s.Crash.Kind + ": " + s.Crash.Signature + "\n" + s.Crash.Excerpt)
	}
	return o
}

// Document is what a clause is of, without what it says and where exactly: a page of the manual, a header, a
// standard and its chapter. It is for grouping: "LSB 5.0 Core 13.5: ..." is of "LSB 5.0 Core 13".
func Document(clause string) string {
	head, _, _ := strings.Cut(clause, ": ")
	head, _, _ = strings.Cut(head, ", ")
	words := strings.Fields(head)
	digit := func(i int) bool { return i < len(words) && words[i][0] >= '0' && words[i][0] <= '9' }
	switch {
	case len(words) == 0:
		return "no clause"
	case digit(1) && digit(3): // a standard, its version, a part and a chapter
		words[3], _, _ = strings.Cut(words[3], ".")
		return strings.Join(words[:4], " ")
	case digit(1): // a standard and its version
		return strings.Join(words[:2], " ")
	}
	return words[0]
}

// write gives the data as JSON that is safe within a script element: encoding/json writes <, > and & as
// escapes, and inert what else a reader could obey.
func (d *data) write(w io.Writer) error {
	_, err := io.WriteString(w, `<script type="application/json" id="data">`)
	if err == nil {
		err = json.NewEncoder(reports.Inert(w)).Encode(d)
	}
	if err == nil {
		_, err = io.WriteString(w, "</script>\n")
	}
	return err
}

// line makes a text of one line fit to be shown.
func line(s string) string { return reports.Clip(reports.Clean(s), maxText) }
