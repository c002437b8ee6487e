package html

import (
	"strings"

	"xtest/reports"
)

const (
	maxText  = 600     // bytes of one line from a guest
	maxLines = 24      // lines of a console, a reason or a note
	maxData  = 5 << 20 // bytes of all texts in a page's data
)

// texts keeps each text of the data once; others refer to it by its number. Number 0 is the empty one.
type texts struct {
	list  []string
	index map[string]int
	size  int
}

func newTexts() *texts { return &texts{list: []string{""}, index: map[string]int{"": 0}} }

// full says whether no more than names should be added.
func (t *texts) full() bool { return t.size > maxData }

// line adds a text of one line.
func (t *texts) line(s string) int { return t.add(reports.Clip(reports.Clean(s), maxText)) }

// block adds a text of several lines.
func (t *texts) block(s string) int { return t.add(block(s)) }

func (t *texts) add(clean string) int {
	if i, ok := t.index[clean]; ok {
		return i
	}
	i := len(t.list)
	t.list = append(t.list, clean)
	t.index[clean] = i
	t.size += len(clean) + 8
	return i
}

// block makes a text of several lines fit to be shown.
func block(s string) string {
	lines, more := reports.CleanLines(s, maxLines)
	for i, l := range lines {
		lines[i] = reports.Clip(l, maxText)
	}
	if more > 0 {
		lines = append(lines, "… and "+count(more, "more line", "more lines"))
	}
	return strings.Join(lines, "\n")
}
