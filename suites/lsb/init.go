package lsb

import (
	"context"
	"strings"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

const initClause = "LSB 5.0 Core 22.8 Init Script Functions: "

var _ = suite.Describe("init", func() {
	it(spec.Meta{
		ID: "init/functions-defined", Clause: initClause + inspection.InitFunctions + " defines start_daemon, killproc, pidofproc and log_*_msg",
		Level: spec.Must, Sources: []string{"INI-017"},
	}, checkInitFunctions)
	behave("init", initBehaviours(inspection.InitFunctions))
	inspect("init")
})

// initBehaviours are what the functions of a file must do.
func initBehaviours(file string) []behaviour {
	sourced := func(script, stdout string) []step { return []step{sh(". \"$0\"\n"+script, stdout, file)} }
	needs := []spec.Probe{initFunctions}
	return []behaviour{
		{id: "messages", clause: initClause + "log_success_msg, log_failure_msg and log_warning_msg print their message", sources: []string{"INI-017"}, probes: needs,
			steps: sourced(`for f in success failure warning; do log_${f}_msg "say-$f" 2>&1 | grep -c "say-$f"; done`, "1\n1\n1\n")},
		{id: "pidofproc-absent", clause: initClause + "pidofproc -p with a file that is not there tells that the program is not running, status 3", sources: []string{"INI-018"}, probes: needs,
			steps: sourced(`pidofproc -p "$PWD/absent" /bin/sleep >/dev/null 2>&1; echo $?`, "3\n")},
		{id: "pidofproc-dead", clause: initClause + "pidofproc -p with the ID of a process that ended tells that it is dead, status 1", sources: []string{"INI-018"}, probes: needs,
			steps: sourced(`sleep 0 & p=$!; wait $p; echo $p >pid; pidofproc -p "$PWD/pid" /bin/sleep >/dev/null 2>&1; echo $?`, "1\n")},
		{id: "pidofproc-running", clause: initClause + "pidofproc -p prints the ID of a running process, status 0", sources: []string{"INI-018"}, probes: needs,
			steps: sourced(`sleep 60 & p=$!; echo $p >pid; q=$(pidofproc -p "$PWD/pid" /bin/sleep); s=$?; kill $p; test "$q" = $p && echo $s`, "0\n")},
		{id: "killproc-signal", clause: initClause + "killproc -p with a signal sends it to the process, status 0", sources: []string{"INI-020"}, probes: []spec.Probe{initFunctions, proc},
			steps: sourced(`sleep 60 & p=$!; echo $p >pid
n=0; until read c </proc/$p/comm && [ "$c" = sleep ] || [ $n -gt 100000 ]; do n=$((n+1)); done
killproc -p "$PWD/pid" /bin/sleep TERM; s=$?; kill -9 $p 2>/dev/null; wait $p; echo $s $?`, "0 143\n")},
		{id: "killproc-absent", clause: initClause + "killproc -p with a file that is not there and a signal tells that the program is not running, status 3; without signal that is success", sources: []string{"INI-020"}, probes: needs,
			steps: sourced(`killproc -p "$PWD/absent" /bin/sleep HUP >/dev/null 2>&1; echo $?; killproc -p "$PWD/absent" /bin/sleep >/dev/null 2>&1; echo $?`, "3\n0\n")},
		{id: "killproc-ends", clause: initClause + "killproc without a signal ends the process", sources: []string{"INI-020"}, needs: []string{"cp"}, probes: []spec.Probe{initFunctions, proc},
			steps: sourced(aDaemon+`killproc -p "$PWD/pid" "$PWD/xtest-d"; s=$?; (sleep 2; kill -9 $p) & wait $p; [ $? = 143 ] && echo ended $s`, "ended 0\n")},
		{id: "killproc-pidfile", level: spec.Should, clause: initClause + "killproc removes the file of the ID of a process that it ended, if that has not done so", sources: []string{"INI-020"}, needs: []string{"cp"}, probes: []spec.Probe{initFunctions, proc},
			steps: sourced(aDaemon+`killproc -p "$PWD/pid" "$PWD/xtest-d"; kill -9 $p 2>/dev/null; [ -e pid ] || echo removed`, "removed\n")},
		{id: "start-daemon-running", clause: initClause + "start_daemon does not start a program that runs, which is a success", sources: []string{"INI-019"}, needs: []string{"cp"}, probes: []spec.Probe{initFunctions, proc},
			steps: sourced(aDaemon+`start_daemon -p "$PWD/pid" "$PWD/xtest-d" -c 'echo second >>log'; echo $?; [ -e log ] || echo once; kill -9 $p`, "0\nonce\n")},
		{id: "start-daemon-forced", clause: initClause + "start_daemon -f starts a program that runs once more, -n with a nice value", sources: []string{"INI-019"}, needs: []string{"cp", "ps"}, probes: []spec.Probe{initFunctions, proc},
			steps: sourced(aDaemon+`a=$(ps -o nice= -p $$); start_daemon -f -n 5 -p "$PWD/pid" "$PWD/xtest-d" -c 'ps -o nice= -p $$ >log; exit 0'; echo $?; read b <log; echo $((b-a)); kill -9 $p`, "0\n5\n")},
	}
}

// aDaemon runs a copy of the shell whose ID stands in the file pid.
const aDaemon = `cp /bin/sh xtest-d; "$PWD/xtest-d" -c 'while :; do sleep 60; done' & p=$!; echo $p >pid
n=0; until read c </proc/$p/comm && [ "$c" = xtest-d ] || [ $n -gt 100000 ]; do n=$((n+1)); done
`

// checkInitFunctions asks the shell, with the functions sourced, which of the names it knows.
func checkInitFunctions(ctx context.Context, m *machine) (finding, error) {
	if _, err := m.Text(inspection.InitFunctions); err != nil {
		return inspection.Bad("reading "+inspection.InitFunctions, err.Error(), "a shell script"), nil
	}
	names := inspection.InitFunctionNames
	script := ". \"$0\" || exit\nfor f do command -v $f >/dev/null || echo $f; done"
	o, err := shell(ctx, m, command{argv: append([]string{"/bin/sh", "-c", script, m.host(inspection.InitFunctions)}, names...)})
	if err != nil {
		return finding{}, err
	}
	if o.status != 0 {
		return inspection.Bad("sourcing "+inspection.InitFunctions, o.String(), "status 0"), nil
	}
	return inspection.None("command -v behind sourcing "+inspection.InitFunctions, len(names), strings.Fields(o.stdout), "known to sh"), nil
}
