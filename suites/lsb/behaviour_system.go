package lsb

import (
	"xtest/suites/spec"
)

var _ = suite.Describe("behaviour", func() { behave("behaviour", systemBehaviours()) })

func systemBehaviours() []behaviour {
	return []behaviour{
		{id: "groups", clause: "LSB 5.0 Core 17.2 groups: prints the names of the groups of a user",
			sources: []string{"BEH-028"}, steps: []step{
				do("groups root").like(`^(root *: *)?root( .*)?\n$`),
				do("groups no-such-user-x").anyOutput().refused(),
			}},
		{id: "hostname", clause: "LSB 5.0 Core 17.2 hostname: without argument prints the name of the host, as uname -n",
			sources: []string{"BEH-031"}, steps: []step{
				do("/bin/sh -c", `test "$(hostname)" = "$(uname -n)"`),
				do("hostname").like(`^[^\s]+\n$`),
			}},
		{id: "ipcs", clause: "LSB 5.0 Core 17.2 ipcs: -q, -m, -s, -l and -u succeed",
			sources: []string{"BEH-034"}, steps: []step{
				do("ipcs -q").like(`(?i)message queues`),
				do("ipcs -m").like(`(?i)shared memory`),
				do("ipcs -s").like(`(?i)semaphore`),
				do("ipcs -l").like(`(?i)limits`),
				do("ipcs -u").like(`(?i)status`),
			}},
		{id: "killall", clause: "LSB 5.0 Core 17.2 killall: fails when no process has the name; -q says nothing then; -l lists signals",
			sources: []string{"BEH-035"}, steps: []step{
				do("killall -q xtest-no-such").refused(),
				do("killall -l").like(`(?s)\bHUP\b.*\bKILL\b`),
			}},
		{id: "pidof", clause: "LSB 5.0 Core 17.2 pidof: prints the IDs of a program's processes, -o leaves one out; fails when there is none",
			sources: []string{"BEH-049"}, needs: []string{"sleep"}, probes: []spec.Probe{proc}, steps: []step{
				// Other processes of the name may run. The loop waits for the child to execute sleep.
				do("/bin/sh -c", `sleep 60 & p=$!; n=0
listed() { case " $(pidof "$@") " in *" $p "*) true;; *) false;; esac; }
until listed sleep || [ $n -gt 500 ]; do n=$((n+1)); done
listed sleep; s=$?; listed -o $p sleep && s=9; kill $p; exit $s`),
				do("pidof xtest-no-such").exits(1),
			}},
		{id: "renice", clause: "LSB 5.0 Core 17.2 renice, as POSIX.1-2008: -n raises the nice value of -p",
			sources: []string{"BEH-050"}, needs: []string{"renice", "nice"}, steps: []step{
				do("/bin/sh -c", `a=$(nice); renice -n 5 -p $$ >/dev/null && test "$(nice)" -gt "$a" && echo raised`).out("raised\n"),
			}},
		{id: "sync", clause: "LSB 5.0 Core 17.2 sync: exits with status 0",
			sources: []string{"BEH-057"}, steps: []step{do("sync")}},
	}
}
