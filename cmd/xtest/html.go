package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"xtest/reports"
	"xtest/reports/html"
)

// pageMemory is the collector's goal while a page is made of large records, in bytes; see memoryGoal.
const pageMemory = 150 << 20

// loadRuns reads runs and fuzzing campaigns for a page. It is an error when none can be read; the others are named on the page.
func loadRuns(dirs []string) ([]*html.Run, html.Options, error) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(pageMemory)
	}
	var o html.Options
	var rest []string
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, html.CampaignFile)); err != nil {
			rest = append(rest, dir)
			continue
		}
		c, err := html.LoadCampaign(dir)
		if err != nil {
			o.Unread = append(o.Unread, reports.Clean(err.Error()))
			continue
		}
		o.Campaigns = append(o.Campaigns, c)
	}
	runs, unread := html.LoadAll(rest)
	o.Unread = append(o.Unread, unread...)
	if len(runs)+len(o.Campaigns) == 0 {
		return nil, o, fmt.Errorf("no run could be read: %s", strings.Join(o.Unread, "; "))
	}
	return runs, o, nil
}

// renderPage draws the page of one run, whose record is read again for what was measured.
func renderPage(w io.Writer, m *reports.Model) error {
	runs, o, err := loadRuns([]string{m.Dir})
	if err != nil {
		return err
	}
	return html.Write(w, runs, o)
}

// writePage draws runs as one page. The exit status is the worst of theirs; a run that cannot be read is not
// judged.
func writePage(path string, dirs []string, files outputs) error {
	runs, o, err := loadRuns(dirs)
	if err != nil {
		return err
	}
	if len(runs) > 1 && files.besides("html").wanted() {
		return usagef("a page is drawn of several runs, the other files of one; several are put together by `xtest merge`")
	}
	if err := writeFile(path, func(w io.Writer) error { return html.Write(w, runs, o) }); err != nil {
		return err
	}
	if len(runs) == 1 {
		if err := files.besides("html").write(runs[0].Model); err != nil {
			return err
		}
	}
	code := exitGood
	for _, r := range runs {
		if c := r.Model.Exit(); code != exitFailed && c != exitGood {
			code = c
		}
	}
	for _, c := range o.Campaigns {
		if c.Found() {
			code = exitFailed
		}
	}
	for _, u := range o.Unread {
		fmt.Fprintf(os.Stderr, "xtest: not on the page: %s\n", u)
	}
	if code == exitGood && len(o.Unread) > 0 {
		code = exitUnjudged
	}
	if code != exitGood {
		return exit(code)
	}
	return nil
}
