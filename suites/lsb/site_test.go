package lsb

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xtest/suites/lsb/inspection"
)

// needSite skips where no place for daemons can be made.
func needSite(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a place for daemons needs root")
	}
	if err := throwawayView.Check(); err != nil {
		t.Skipf("no throw-away view here: %v", err)
	}
}

// What runs in a site has processes, /run and network of its own, is bounded, and ends with it.
func TestSite(t *testing.T) {
	needSite(t)
	dir := t.TempDir()
	before := len(strings.Fields(list(t, "/run")))
	var outcomes []outcome
	_, err := apart(func(ctx context.Context, m *machine, s *site) (finding, error) {
		for _, script := range []string{
			`echo $$ >/run/here; ls /run; sleep 1000 & echo $! >` + dir + `/pid; exit 4`,
			`kill -0 $(cat ` + dir + `/pid) && echo lives`,
			`sleep 100`,
			`kill $(cat ` + dir + `/pid); n=0; while kill -0 $(cat ` + dir + `/pid) 2>/dev/null && [ $n -lt 1000000 ]; do n=$((n+1)); done; [ $n -lt 1000000 ] && echo reaped`,
			`env | grep -c MARK; kill -9 $$`,
		} {
			limit := actionLimit
			if script == "sleep 100" {
				limit = time.Second
			}
			o, err := s.run(ctx, m, command{argv: []string{"/bin/sh", "-c", script}, dir: "/"}, limit, "MARK=1", "PATH="+m.path())
			if err != nil {
				return finding{}, err
			}
			outcomes = append(outcomes, o)
		}
		return inspection.Good(1), nil
	})(t.Context(), newMachine("/"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []outcome{
		{stdout: "here\nlock\n", status: 4}, {stdout: "lives\n"}, {status: -1, died: "no end within 1s"}, {stdout: "reaped\n"},
		{stdout: "1\n", status: -1, died: "killed by SIGKILL"},
	} {
		if outcomes[i] != want {
			t.Errorf("%d: got %v, want %v", i, outcomes[i], want)
		}
	}
	if after := len(strings.Fields(list(t, "/run"))); after != before {
		t.Errorf("/run has %d files, had %d", after, before)
	}
}

func list(t *testing.T, dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

// Scripts of one's own whose statuses are wrong are found out, each at its action.
func TestOwnActions(t *testing.T) {
	needSite(t)
	const header = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: x\n# Default-Start: 2\n# Default-Stop: 0\n# Short-Description: x\n### END INIT INFO\n"
	const body = "case $1 in start|restart|force-reload) echo >@/on;; stop) PATH=/bin:/usr/bin; rm -f @/on;; status) [ -e @/on ] || exit 3;; *) exit 2;; esac\n"
	dir := t.TempDir()
	judge := func(script string) finding {
		f := newFixture(t)
		f.put("/etc/init.d/x", header+strings.ReplaceAll(script, "@", dir))
		os.Remove(filepath.Join(dir, "on"))
		got, err := apart(checkOwnActions)(t.Context(), f.machine)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := judge(body); !got.Holds() {
		t.Errorf("a script that conforms: %+v", got)
	}
	for want, script := range map[string]string{
		"x xtest-none": strings.Replace(body, "*) exit 2", "*) exit 0", 1), "x status": strings.Replace(body, "exit 3", "exit 1", 1),
		"x force-reload": strings.Replace(body, "|force-reload", "", 1), "x stop": strings.Replace(body, "rm -f", "rm", 1),
		"x start": "case $1 in start) kill -9 $$;; esac\n" + body,
	} {
		if got := judge(script); !strings.Contains(got.Got, want+" (") {
			t.Errorf("%s was not found out: %+v", want, got)
		}
	}
	if got := judge("case $1 in start) exit 5;; esac\n" + body); !got.Holds() {
		t.Errorf("a script whose program is not installed: %+v", got)
	}
}

// A script is taken through its actions with functions that conform, and fails with others.
func TestScriptActions(t *testing.T) {
	needSite(t)
	judge := func(functions string) finding {
		file := filepath.Join(t.TempDir(), "functions")
		if err := os.WriteFile(file, []byte(functions), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := apart(checkScriptActions(file))(t.Context(), newMachine("/"))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := judge(conformingFunctions); !got.Holds() {
		t.Errorf("functions that conform: %+v", got)
	}
	for last, spoilt := range map[string]string{
		"status":             "pidofproc() { return 1; }",
		"start status start": "start_daemon() { shift 2; \"$@\"; }",
		"restart":            "killproc() { :; }",
		"start":              "start_daemon() { return 1; }",
	} {
		if got := judge(conformingFunctions + spoilt); !strings.HasSuffix(got.Call, last) {
			t.Errorf("%s: %+v", spoilt, got)
		}
	}
}

// When an entry of cron's tables is due.
func TestNext(t *testing.T) {
	at := time.Date(2026, 2, 27, 6, 25, 30, 0, time.UTC) // a Friday
	for entry, want := range map[string]string{
		"17 * * * * root x": "2026-02-27T07:17", "25 6 * * * root x": "2026-02-28T06:25", "47 6 * * 7 root x": "2026-03-01T06:47",
		"52 6 1 * * root x": "2026-03-01T06:52", "0 0 28 * 0 root x": "2026-02-28T00:00", "* * * 12 * root x": "2026-12-01T00:00",
	} {
		got, err := next(strings.Fields(entry), at)
		if err != nil || got.Format("2006-01-02T15:04") != want {
			t.Errorf("%s: %v, %v, expected %s", entry, got, err, want)
		}
	}
	for _, entry := range []string{"*/5 * * * * root x", "1 2 3 4 5 x", "0 0 30 2 * root x"} {
		if got, err := next(strings.Fields(entry), at); err == nil {
			t.Errorf("%s is due %v", entry, got)
		}
	}
}
