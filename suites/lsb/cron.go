package lsb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

const cronClause = "LSB 5.0 Core 22.1 Cron Jobs: "

var _ = suite.Describe("init", func() {
	cron := append(slices.Clone(apartNeeds), daemon("cron", "crond"))
	it(spec.Meta{
		ID: "init/cron-jobs", Clause: cronClause + "entries of /etc/crontab and of files in /etc/cron.d, with a user in the sixth field, run in their minute",
		Level: spec.Must, Grade: spec.Guest, Limit: time.Minute, Sources: []string{"INI-001"}, Needs: cron,
	}, apart(byCron(checkCronJobs)))
	for _, period := range inspection.CronPeriods {
		it(spec.Meta{
			ID: "init/cron-" + period, Clause: cronClause + "an executable in /etc/cron." + period + " is run when its time has come",
			Level: spec.Must, Grade: spec.Guest, Limit: time.Minute, Sources: []string{"INI-002"}, Needs: cron,
		}, apart(byCron(checkCronPeriod(period))))
	}
})

// daemon probes for one of several programs, whose names the LSB does not lay down.
func daemon(names ...string) spec.Probe {
	return spec.Probe{Name: "daemon " + strings.Join(names, " or "), Check: func() error {
		_, err := here.anyOf(names...)
		return err
	}}
}

func (m *machine) anyOf(names ...string) (string, error) {
	var none error
	for _, n := range names {
		at, err := m.Command(n)
		if err == nil {
			return at, nil
		}
		none = err
	}
	return "", none
}

// patience is how long is waited for a job behind the moment when it is due.
const patience = 20 * time.Second

// lead is how long before that moment a daemon is started: it must have read its tables.
const lead = 2 * time.Second

// jobs runs a daemon, which puts itself into the background, and waits for the files that its jobs make.
// Without due the clock is left alone.
func (s *site) jobs(ctx context.Context, m *machine, argv []string, due time.Time, files ...string) (finding, error) {
	if !due.IsZero() {
		restore, err := setClock(due.Add(-lead))
		if err != nil {
			return finding{}, err
		}
		defer restore()
	}
	c := command{argv: argv, dir: "/"}
	o, err := s.run(ctx, m, c, actionLimit, "PATH="+m.path())
	if err != nil {
		return finding{}, err
	}
	if o.died != "" || o.status != 0 {
		return inspection.Bad("starting "+c.String(), o.String(), "status 0"), nil
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(lead + patience)
	defer late.Stop()
	for {
		i := slices.IndexFunc(files, func(f string) bool {
			info, err := os.Stat(f)
			return err != nil || info.Size() == 0
		})
		if i < 0 {
			return inspection.Good(len(files)), nil
		}
		select {
		case <-ctx.Done():
			return finding{}, fmt.Errorf("waiting for the jobs of %s: %w", c, ctx.Err())
		case <-late.C:
			return inspection.Bad("waiting for the jobs of "+c.String(), fmt.Sprintf("%s has not run within %v", path.Base(files[i]), patience), "each runs"), nil
		case <-tick.C:
		}
	}
}

// setClock sets the machine's clock and gives the function that puts it right again.
func setClock(to time.Time) (restore func(), err error) {
	was := time.Now() // with its monotonic reading
	set := func(t time.Time) error {
		ts := unix.NsecToTimespec(t.UnixNano())
		return unix.ClockSettime(unix.CLOCK_REALTIME, &ts)
	}
	if err := set(to); err != nil {
		return nil, fmt.Errorf("setting the clock: %w", err)
	}
	return func() { set(was.Add(time.Since(was))) }, nil
}

// nextMinute is one in which no entry of a stock system's tables is due.
func nextMinute() time.Time { return time.Now().Truncate(time.Hour).Add(3*time.Hour + 33*time.Minute) }

// hide empties the tables of the view: jobs of the system itself are none of ours. The daemon's hours are UTC's.
func hide() error {
	err := os.RemoveAll("/etc/localtime")
	for _, kind := range append([]string{"d"}, inspection.CronPeriods...) {
		dir := "/etc/cron." + kind
		err = errors.Join(err, os.RemoveAll(dir), os.Mkdir(dir, 0o755))
	}
	return err
}

// cronCheck judges with cron, the daemon at a path, and a folder where jobs may write.
type cronCheck func(ctx context.Context, m *machine, s *site, at, dir string) (finding, error)

func byCron(c cronCheck) func(context.Context, *machine, *site) (finding, error) {
	return func(ctx context.Context, m *machine, s *site) (finding, error) {
		dir, remove, err := open777()
		if err != nil {
			return finding{}, err
		}
		defer remove()
		at, err := m.anyOf("cron", "crond")
		if err != nil {
			return finding{}, err
		}
		return c(ctx, m, s, at, dir)
	}
}

func checkCronJobs(ctx context.Context, m *machine, s *site, at, dir string) (finding, error) {
	// PATH as 22.1 does not lay one down; the user daemon is one of 23.2.
	table := "SHELL=/bin/sh\nPATH=/bin:/usr/bin\n33 * * * * %s id -un >%s/%s\n"
	err := errors.Join(hide(), os.WriteFile("/etc/crontab", fmt.Appendf(nil, table, "daemon", dir, "crontab"), 0o644),
		os.WriteFile("/etc/cron.d/xtest", fmt.Appendf(nil, table, "root", dir, "cron.d"), 0o644))
	if err != nil {
		return finding{}, fmt.Errorf("making tables of cron: %w", err)
	}
	f, err := s.jobs(ctx, m, []string{at}, nextMinute(), path.Join(dir, "crontab"), path.Join(dir, "cron.d"))
	if err != nil || !f.Holds() {
		return f, err
	}
	for name, user := range map[string]string{"crontab": "daemon", "cron.d": "root"} {
		got, err := os.ReadFile(path.Join(dir, name))
		if err != nil {
			return finding{}, err
		}
		if string(got) != user+"\n" {
			return inspection.Bad("id -un in a job of /etc/"+name, fmt.Sprintf("%q", clip(string(got))), user), nil
		}
	}
	return inspection.Good(4), nil
}

// open777 makes a folder where jobs of any user may write.
func open777() (dir string, remove func(), err error) {
	if dir, remove, err = private(); err == nil {
		if err = os.Chmod(dir, 0o777); err != nil {
			remove()
		}
	}
	return dir, remove, err
}

func checkCronPeriod(period string) cronCheck {
	return func(ctx context.Context, m *machine, s *site, at, dir string) (finding, error) {
		folder := "/etc/cron." + period
		entry, due, err := m.entryFor(folder, time.Now())
		if err != nil {
			return finding{Inapplicable: err.Error() + "; that something runs it at all is judged by init/cron-directories"}, nil
		}
		err = errors.Join(hide(), os.WriteFile("/etc/crontab", []byte("SHELL=/bin/sh\nPATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin\n"+entry), 0o644),
			os.WriteFile(path.Join(folder, "xtest"), []byte("#!/bin/sh\nid -un >"+dir+"/"+period+"\n"), 0o755))
		if err != nil {
			return finding{}, fmt.Errorf("making a job: %w", err)
		}
		return s.jobs(ctx, m, []string{at}, due, path.Join(dir, period))
	}
}

// entryFor finds the entry of cron's tables that runs a folder, and when it is due next.
func (m *machine) entryFor(folder string, now time.Time) (entry string, due time.Time, err error) {
	for _, name := range append([]string{"/etc/crontab"}, m.Glob("/etc/cron.d/*")...) {
		text, err := m.Text(name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") || !strings.Contains(line, folder) {
				continue
			}
			if strings.Contains(line, "anacron") {
				if at, err := m.Command("anacron"); err == nil {
					return "", due, fmt.Errorf("%s runs %s in cron's place", at, folder)
				}
			}
			if due, err = next(strings.Fields(line), now); err != nil {
				return "", due, fmt.Errorf("the entry of %s for %s: %w", name, folder, err)
			}
			return line, due, nil
		}
	}
	return "", due, fmt.Errorf("no entry of cron's tables runs %s", folder)
}

// next finds the next minute, at least one from now, that an entry names by numbers and asterisks: crontab of
// POSIX.1-2008.
func next(fields []string, now time.Time) (time.Time, error) {
	if len(fields) < 7 {
		return time.Time{}, errors.New("fewer than seven fields")
	}
	matches := func(field string, value int) bool {
		n, err := strconv.Atoi(field)
		return field == "*" || err == nil && n == value
	}
	for _, f := range fields[:5] {
		if _, err := strconv.Atoi(f); err != nil && f != "*" {
			return time.Time{}, fmt.Errorf("the field %q is more than a number", f)
		}
	}
	const aYear = 366 * 24 * 60 // minutes
	t := now.UTC().Truncate(time.Minute).Add(time.Minute)
	for range aYear {
		t = t.Add(time.Minute)
		day, weekday := matches(fields[2], t.Day()), matches(fields[4], int(t.Weekday())) || matches(fields[4], int(t.Weekday())+7)
		if fields[2] != "*" && fields[4] != "*" { // either will do
			day = day || weekday
		} else {
			day = day && weekday
		}
		if day && matches(fields[0], t.Minute()) && matches(fields[1], t.Hour()) && matches(fields[3], int(t.Month())) {
			return t, nil
		}
	}
	return time.Time{}, errors.New("it is due within no year")
}
