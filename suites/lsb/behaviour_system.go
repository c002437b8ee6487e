package lsb

import (
	"regexp"

	"xtest/suites/spec"
)

var _ = suite.Describe("behaviour", func() { behave("behaviour", systemBehaviours()) })

func systemBehaviours() []behaviour {
	return []behaviour{
		{id: "groups", clause: "LSB 5.0 Core 17.2 groups: prints the names of the groups of a user",
			sources: []string{"BEH-028"}, steps: []step{
				{argv: []string{"groups", "root"}, like: regexp.MustCompile(`^(root *: *)?root( .*)?\n$`)},
				{argv: []string{"groups", "no-such-user-x"}, refused: true, like: anything},
			}},
		{id: "hostname", clause: "LSB 5.0 Core 17.2 hostname: without argument prints the name of the host, as uname -n",
			sources: []string{"BEH-031"}, steps: []step{
				{argv: []string{"/bin/sh", "-c", `test "$(hostname)" = "$(uname -n)"`}},
				{argv: []string{"hostname"}, like: regexp.MustCompile(`^[^\s]+\n$`)},
			}},
		{id: "ipcs", clause: "LSB 5.0 Core 17.2 ipcs: -q, -m, -s, -l and -u succeed",
			sources: []string{"BEH-034"}, steps: []step{
				{argv: []string{"ipcs", "-q"}, like: regexp.MustCompile(`(?i)message queues`)},
				{argv: []string{"ipcs", "-m"}, like: regexp.MustCompile(`(?i)shared memory`)},
				{argv: []string{"ipcs", "-s"}, like: regexp.MustCompile(`(?i)semaphore`)},
				{argv: []string{"ipcs", "-l"}, like: regexp.MustCompile(`(?i)limits`)},
				{argv: []string{"ipcs", "-u"}, like: regexp.MustCompile(`(?i)status`)},
			}},
		{id: "killall", clause: "LSB 5.0 Core 17.2 killall: fails when no process has the name; -q says nothing then; -l lists signals",
			sources: []string{"BEH-035"}, steps: []step{
				{argv: []string{"killall", "-q", "xtest-no-such"}, refused: true},
				{argv: []string{"killall", "-l"}, like: regexp.MustCompile(`(?s)\bHUP\b.*\bKILL\b`)},
			}},
		{id: "pidof", clause: "LSB 5.0 Core 17.2 pidof: prints the IDs of a program's processes, -o leaves one out; fails when there is none",
			sources: []string{"BEH-049"}, needs: []string{"sleep"}, probes: []spec.Probe{proc}, steps: []step{
				// Other processes of the name may run. The loop waits for the child to execute sleep.
				{argv: []string{"/bin/sh", "-c", `sleep 60 & p=$!; n=0
	listed() { case " $(pidof "$@") " in *" $p "*) true;; *) false;; esac; }
	until listed sleep || [ $n -gt 500 ]; do n=$((n+1)); done
	listed sleep; s=$?; listed -o $p sleep && s=9; kill $p; exit $s`}},
				{argv: []string{"pidof", "xtest-no-such"}, status: 1},
			}},
		{id: "renice", clause: "LSB 5.0 Core 17.2 renice, as POSIX.1-2008: -n raises the nice value of -p",
			sources: []string{"BEH-050"}, needs: []string{"renice", "nice"}, steps: []step{
				{argv: []string{"/bin/sh", "-c", `a=$(nice); renice -n 5 -p $$ >/dev/null && test "$(nice)" -gt "$a" && echo raised`}, stdout: "raised\n"},
			}},
		{id: "sync", clause: "LSB 5.0 Core 17.2 sync: exits with status 0",
			sources: []string{"BEH-057"}, steps: []step{{argv: []string{"sync"}}}},
	}
}
