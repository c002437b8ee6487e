package main

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"xtest/reports"
	"xtest/reports/merge"
	"xtest/runner/event"
	"xtest/runner/record"
	"xtest/suites/spec"
)

func mergeCommand() *cobra.Command {
	var runs string
	var o merge.Options
	var diff diffFlags
	c := &cobra.Command{
		Use:   "merge RUN...",
		Short: "Put the parts of a run together",
		Long: `Make one run of several: of the parts that --shard split it into, or of targets that were judged apart.
The runs stay as they are. They must be of the same xtest and the same seed, all parts must be there,
and no spec may be judged twice with different verdicts. RUN is a run's folder, or one that holds runs.
The exit status is the merged run's.`,
		Example: `  xtest merge parts
  xtest merge part1 part2 --runs merged --diff`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, dirs []string) error {
			if err := diff.check(); err != nil {
				return err
			}
			var records []*reports.Record
			for _, dir := range runsIn(dirs) {
				rec, err := reports.Read(dir)
				if err != nil {
					return err
				}
				records = append(records, rec)
			}
			for _, s := range spec.All() {
				o.Order = append(o.Order, s.ID)
			}
			m, err := merge.Records(records, o)
			if err != nil {
				return usageError{err}
			}
			model, err := writeMerged(m, runs)
			if err != nil {
				return err
			}
			if err := diff.table(stdoutScreen().out(), stdoutScreen(), model); err != nil {
				return err
			}
			if code := model.Exit(); code != exitGood {
				return exit(code)
			}
			return nil
		},
	}
	c.Flags().StringVar(&runs, "runs", "runs", "folder that the merged run is put into")
	c.Flags().BoolVar(&o.Force, "force", false, "merge also what does not belong together; of two verdicts the worse stands")
	diff.add(c)
	return c
}

// runsIn puts in the place of a folder that is no run the runs that it holds.
func runsIn(dirs []string) (all []string) {
	for _, dir := range dirs {
		held, err := fs.Glob(os.DirFS(dir), "*/"+record.EventsFile)
		if _, no := os.Stat(filepath.Join(dir, record.EventsFile)); no == nil || err != nil || len(held) == 0 {
			all = append(all, dir) // what is wrong with it, its reader tells
			continue
		}
		for _, h := range held {
			all = append(all, filepath.Join(dir, filepath.Dir(h)))
		}
	}
	return all
}

// writeMerged keeps the merged record as `xtest run` does, and reads it again.
func writeMerged(m *merge.Merged, runs string) (model *reports.Model, err error) {
	id := make([]byte, 2)
	rand.Read(id)
	now := time.Now()
	rec, err := record.Create(runs, hex.EncodeToString(id), now)
	if err != nil {
		return nil, err
	}
	m.Run.ID, m.Run.Command = path.Base(rec.Dir), os.Args
	fold := reports.NewFolder()
	add := func(e event.Event) {
		e.Time = cmp.Or(e.Time, now)
		rec.Add(e)
		fold.Add(e)
	}
	start := event.Event{Kind: event.RunStarted, Run: &m.Run}
	for _, e := range m.Events { // it began with the first of them
		if !e.Time.IsZero() && (start.Time.IsZero() || e.Time.Before(start.Time)) {
			start.Time = e.Time
		}
	}
	add(start)
	last := start.Time
	for _, e := range m.Events {
		if e.Time.IsZero() {
			e.Time = start.Time
		}
		if e.Time.After(last) {
			last = e.Time
		}
		add(e)
	}
	if m.Whole {
		add(event.Event{Kind: event.RunEnded, Time: last, Exit: fold.Close().Exit(), Reason: m.Reason})
	}
	for _, c := range m.Consoles {
		from := (&record.Writer{Dir: c.Dir}).ConsoleLog(c.Target, c.From)
		if err := copyFile(from, rec.ConsoleLog(c.Target, c.To)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(fmt.Errorf("copying a console's log: %w", err), rec.Close())
		}
	}
	if err := rec.Close(); err != nil {
		return nil, err
	}
	return reports.Load(rec.Dir)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if st, err := in.Stat(); err != nil || !st.Mode().IsRegular() {
		return errors.Join(err, fmt.Errorf("%s is no regular file", from))
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
