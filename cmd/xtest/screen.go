package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"xtest/reports"
)

// screen is what standard output can show.
type screen struct {
	terminal bool
	width    int
	color    bool
	ascii    bool // it is a terminal whose locale is not of UTF-8
}

func stdoutScreen() screen {
	s := screen{terminal: term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("TERM") != "dumb"}
	if s.terminal {
		if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
			s.width = w
		}
		// no-color.org: any value but the empty one.
		s.color = os.Getenv("NO_COLOR") == ""
		locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG")) // the order of POSIX
		s.ascii = !strings.Contains(strings.ToUpper(strings.ReplaceAll(locale, "-", "")), "UTF8")
	}
	return s
}

// out is standard output, for what is drawn for people.
func (s screen) out() io.Writer {
	if s.ascii {
		return reports.ASCII(os.Stdout)
	}
	return os.Stdout
}

func (s screen) options() reports.Options { return reports.Options{Width: s.width, Color: s.color} }

func (s screen) progress() reports.ProgressOptions {
	o := reports.ProgressOptions{Options: s.options(), Terminal: s.terminal}
	if s.terminal {
		o.Size = func() (int, int) {
			w, h, _ := term.GetSize(int(os.Stdout.Fd())) // 0 where it is not told
			return w, h
		}
	}
	return o
}

// writeReport writes a report to a file, or to standard output for "-". An empty path asks for none.
func writeReport(path string, m *reports.Model, render func(io.Writer, *reports.Model) error) error {
	err := writeFile(path, func(w io.Writer) error { return render(w, m) })
	if err != nil && path != "-" {
		return fmt.Errorf("%w; the record is kept, `xtest report %s` draws it again", err, m.Dir)
	}
	return err
}

// writeFile has a file written, or standard output for "-". An empty path asks for nothing.
func writeFile(path string, render func(io.Writer) error) error {
	switch path {
	case "":
		return nil
	case "-":
		return render(os.Stdout)
	}
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(render(f), f.Close())
	}
	if err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return nil
}

// parseSize reads 512M or 2G as bytes; "" is 0.
func parseSize(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	number, unit := text[:len(text)-1], strings.ToUpper(text[len(text)-1:])
	shift := map[string]uint{"M": 20, "G": 30}[unit]
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || shift == 0 || n <= 0 || n<<shift < 64<<20 || n<<shift > 1<<40 {
		return 0, usagef("%q is no amount of memory between 64M and 1024G; write it as 512M or 2G", text)
	}
	return n << shift, nil
}
