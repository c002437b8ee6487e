package lsb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"xtest/runner/event"
	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

const actionClause = "LSB 5.0 Core 22.2 Init Script Actions: "

// apartNeeds are what specs with daemons ask for.
var apartNeeds = []spec.Probe{spec.Root, throwawayView}

var _ = suite.Describe("init", func() {
	it(spec.Meta{
		ID: "init/script-actions", Clause: actionClause + "a script that uses the functions of 22.8, and no environment, starts, stops, restarts and reports its daemon",
		Level: spec.Must, Grade: spec.Guest, Limit: 2 * time.Minute, Sources: []string{"INI-003", "INI-004", "INI-005", "INI-006", "INI-007", "INI-008"},
		Needs: append(slices.Clone(apartNeeds), initFunctions, proc, has("sleep")),
	}, apart(checkScriptActions(inspection.InitFunctions)))
	it(spec.Meta{
		ID: "init/own-actions", Clause: actionClause + "the distribution's own scripts of the multi-user run levels take start, stop, restart, force-reload and status, refuse what they do not know, and exit as laid down",
		Level: spec.Should, Grade: spec.Guest, Limit: 4 * time.Minute, Sources: []string{"INI-003", "INI-004", "INI-005", "INI-006", "INI-007", "INI-008"},
		Needs: apartNeeds,
	}, apart(checkOwnActions))
})

// Statuses of 22.2: of all actions but status, and of status.
const (
	unspecified, usage, unimplemented, notInstalled, notConfigured = 1, 2, 3, 5, 6

	running, deadWithFile, notRunning = 0, 1, 3
)

// actionLimit is how long an action may take before it counts as one that hangs. Scripts restart daemons of megabytes in
// emulated machines on busy computers.
const actionLimit = 40 * time.Second

// settling is how long behind its start a daemon may take to be found running.
const settling = 5 * time.Second

// act runs an init script with an empty environment.
func (s *site) act(ctx context.Context, m *machine, script, action string) (outcome, error) {
	return s.run(ctx, m, command{argv: []string{script, action}, dir: "/"}, actionLimit)
}

// conformingScript controls, with the functions of a file, a daemon: a copy of the shell that removes its own pid file when it is told to end.
func conformingScript(dir, functions string) string {
	return strings.NewReplacer("@", dir, "FUNCTIONS", functions).Replace(`#!/bin/sh
### BEGIN INIT INFO
# Provides: xtest-d
# Required-Start: $local_fs
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: a daemon of xtest
### END INIT INFO
PATH=/bin:/usr/bin:/sbin:/usr/sbin
. FUNCTIONS
case $1 in
start) start_daemon -p @/pid @/xtest-d @/daemon || { log_failure_msg xtest-d; exit 1; }; log_success_msg xtest-d ;;
stop) killproc -p @/pid @/xtest-d || { log_failure_msg xtest-d; exit 1; }; log_success_msg xtest-d ;;
restart|force-reload) "$0" stop && "$0" start ;;
try-restart) if "$0" status; then "$0" restart; fi ;;
status) pidofproc -p @/pid @/xtest-d >/dev/null ;;
reload) exit 3 ;;
*) exit 2 ;;
esac
`)
}

func daemonScript(dir string) string {
	return strings.ReplaceAll(`(trap 'rm -f @/pid; exit 0' TERM; while :; do sleep 60 & wait $!; done) >/dev/null 2>&1 &
echo $! >@/pid
`, "@", dir)
}

// plays are the actions in turn, with the status each must end with.
var plays = []struct {
	action string
	status int
	before string // what the administrator, or fate, does first
	keeps  bool   // the same process runs on
}{
	{"status", notRunning, "", false}, {"start", 0, "", false}, {"status", running, "", false}, {"start", 0, "", true},
	{"restart", 0, "", false}, {"force-reload", 0, "", false}, {"try-restart", 0, "", false}, {"status", running, "", false},
	{"reload", unimplemented, "", true}, {"xtest-none", usage, "", true},
	{"status", deadWithFile, "kill", false}, {"start", 0, "", false}, {"status", running, "", false}, {"stop", 0, "", false},
	{"status", notRunning, "", false}, {"stop", 0, "", false}, {"try-restart", 0, "", false}, {"status", notRunning, "", false},
	{"restart", 0, "", false}, {"status", running, "", false},
}

func checkScriptActions(functions string) func(ctx context.Context, m *machine, s *site) (finding, error) {
	return func(ctx context.Context, m *machine, s *site) (finding, error) {
		dir, remove, err := private()
		if err != nil {
			return finding{}, err
		}
		defer remove()
		const script = "/etc/init.d/xtest-d"
		sh, err := os.ReadFile("/bin/sh")
		err = errors.Join(err, os.MkdirAll(path.Dir(script), 0o755),
			os.WriteFile(path.Join(dir, "xtest-d"), sh, 0o755), os.WriteFile(path.Join(dir, "daemon"), []byte(daemonScript(dir)), 0o644),
			os.WriteFile(script, []byte(conformingScript(dir, functions)), 0o755))
		if err != nil {
			return finding{}, fmt.Errorf("making a daemon and its script: %w", err)
		}
		pid := func() string {
			text, _ := os.ReadFile(path.Join(dir, "pid")) // none while it does not run
			return strings.TrimSpace(string(text))
		}
		done := []string{script}
		for _, p := range plays {
			if p.before != "" {
				kill := "kill -9 " + pid() + "; n=0; while kill -0 " + pid() + " && [ $n -lt 100000 ]; do n=$((n+1)); done"
				if _, err := s.run(ctx, m, command{argv: []string{"/bin/sh", "-c", kill}, dir: dir}, actionLimit); err != nil {
					return finding{}, err
				}
				done = append(done, "kill -9 of the daemon,")
			}
			was := pid()
			o, err := s.act(ctx, m, script, p.action)
			if err != nil {
				return finding{}, err
			}
			done = append(done, p.action)
			call := clip(strings.Join(done, " "))
			if o.died != "" || o.status != p.status {
				return inspection.Bad(call, o.String(), fmt.Sprintf("status %d", p.status)), nil
			}
			switch now := pid(); {
			case p.keeps && now != was:
				return inspection.Bad(call, fmt.Sprintf("another process: %q, not %q", now, was), "the one that ran"), nil
			case strings.HasSuffix(p.action, "restart") && was != "" && now == was, p.action == "force-reload" && now == was:
				return inspection.Bad(call, "the same process, "+now, "a new one"), nil
			}
		}
		return inspection.Good(len(plays)), nil
	}
}

// ownScripts are those of run levels 2 to 5: what starts at boot alone is not made to be stopped and started.
func (m *machine) ownScripts() (all []string) {
	for _, at := range m.InitScripts() {
		text, err := m.Text(at)
		if err != nil {
			continue
		}
		if info, err := inspection.InitInfo(text); err == nil && strings.ContainsAny(info["Default-Start"], "2345") {
			all = append(all, at)
		}
	}
	return all
}

func checkOwnActions(ctx context.Context, m *machine, s *site) (finding, error) {
	all := m.ownScripts()
	if len(all) == 0 {
		return finding{Inapplicable: "no script of /etc/init.d with an INIT INFO block belongs to the run levels 2 to 5"}, nil
	}
	var wrong []event.Deviation
	taken := 0
	for _, script := range all {
		n, list, err := s.judgeOwn(ctx, m, script)
		if err != nil {
			return finding{}, fmt.Errorf("%s: %w", script, err)
		}
		taken, wrong = taken+n, append(wrong, list...)
	}
	return inspection.None(fmt.Sprintf("the actions of %d scripts in turn", len(all)), taken, wrong, "the statuses of 22.2"), nil
}

// judgeOwn takes a script through its actions. One whose program is not installed or not set up has said so.
func (s *site) judgeOwn(ctx context.Context, m *machine, script string) (taken int, wrong []event.Deviation, err error) {
	var last outcome
	act := func(action string, want ...int) bool {
		if err != nil {
			return false
		}
		if last, err = s.act(ctx, m, script, action); err != nil {
			return false
		}
		taken++
		good := last.died == "" && slices.Contains(want, last.status)
		if !good {
			item := path.Base(script) + " " + action
			if !slices.ContainsFunc(wrong, func(d event.Deviation) bool { return d.Item == item }) {
				wrong = append(wrong, event.Deviation{Kind: "other-status", Item: item, Detail: clip(last.String())})
			}
		}
		return good
	}
	act("xtest-none", unspecified, usage, unimplemented)
	knows := act("status", notRunning, running)
	if !act("start", 0, notInstalled, notConfigured) || last.status != 0 {
		return taken, wrong, err
	}
	if knows {
		// A daemon may write its pid file a moment behind the end of start, as exim does.
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for late := time.Now().Add(settling); err == nil && time.Now().Before(late); <-tick.C {
			if last, err = s.act(ctx, m, script, "status"); last.died == "" && last.status == running {
				break
			}
		}
		act("status", running)
	}
	act("start", 0)
	act("restart", 0)
	act("force-reload", 0)
	act("stop", 0)
	if knows {
		act("status", notRunning)
	}
	act("stop", 0)
	return taken, wrong, err
}
