package main

import (
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"xtest/reports"
	"xtest/reports/bench"
)

// format is a document that a run's record can be drawn as.
type format struct {
	flag, what string
	render     func(io.Writer, *reports.Model) error
}

// formats are all of them.
var formats = []format{
	{"junit", "JUnit XML", reports.JUnit},
	{"json", "JSON", reports.JSON},
	{"tap", "TAP 14", reports.TAP},
	{"ktap", "KTAP, the kernel's variant of TAP,", reports.KTAP},
	{"sarif", "SARIF 2.1.0", reports.SARIF},
	{"markdown", "Markdown for a merge request or a job's summary", reports.Markdown},
	{"annotations", "GitHub's annotations", reports.Annotations},
	{"html", "a page for a browser, one file without a connection to anything,", renderPage},
	{"gobench", "Go's benchmark format, for benchstat and as a baseline,", bench.ForModel},
}

// outputs are the files that the user wants beside the table, by the formats' flags.
type outputs map[string]*string

func (o *outputs) add(c *cobra.Command) {
	*o = outputs{}
	for _, f := range formats {
		(*o)[f.flag] = c.Flags().String(f.flag, "", "write "+f.what+" to this file (-: standard output)")
	}
}

// formatFlags are the flags' names.
func formatFlags() (names []string) {
	for _, f := range formats {
		names = append(names, f.flag)
	}
	return names
}

// wanted says whether any is.
func (o outputs) wanted() bool {
	return slices.ContainsFunc(formats, func(f format) bool { return o[f.flag] != nil && *o[f.flag] != "" })
}

// page is the file for a page, the one format that shows several runs.
func (o outputs) page() string {
	if path := o["html"]; path != nil {
		return *path
	}
	return ""
}

// besides are the outputs without one format.
func (o outputs) besides(flag string) outputs {
	rest := maps.Clone(o)
	delete(rest, flag)
	return rest
}

// write writes those that are wanted.
func (o outputs) write(m *reports.Model) (err error) {
	for _, f := range formats {
		if path := o[f.flag]; path != nil {
			err = errors.Join(err, writeReport(*path, m, f.render))
		}
	}
	return err
}
