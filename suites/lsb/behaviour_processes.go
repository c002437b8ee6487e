package lsb

import "xtest/suites/spec"

var _ = suite.Describe("behaviour", func() { behave("behaviour", processUtilities()) })

// processUtilities look at and change processes, the system and its resources.
func processUtilities() []behaviour {
	return []behaviour{
		{id: "date", clause: asPOSIX + "date: +format, -u, $TZ; the default in the C locale; refusal of what is no date", steps: []step{
			do("date").like(`^(Sun|Mon|Tue|Wed|Thu|Fri|Sat) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123]\d \d\d:\d\d:\d\d UTC \d{4}\n$`),
			do("date +%Y-%m-%dT%H:%M:%S%n%j%%%t").like(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\n\d{3}%\t\n$`),
			sh(`a=$(TZ=XYZ-3 date +%H%Z); b=$(date -u +%H%Z); echo $(( (1${a%XYZ} - 1${b%???} + 24) % 24 ))`, "3\n"),
			do("date xtest").refused(),
		}},
		{id: "dmesg", clause: asLSB + "dmesg: -n takes a level and refuses what is none", sources: []string{"BEH-015"}, steps: []step{
			do("dmesg -n xtest").refused(),
		}},
		{id: "fuser", clause: asLSB + "fuser: the processes that have a file open; a status above 0 for none; -k ends them", sources: []string{"BEH-022"}, needs: []string{"sleep"}, probes: []spec.Probe{proc}, steps: []step{
			do("fuser f").with("f", "").refused(),
			sh(`sleep 60 <f & p=$!; n=0; until q=$(fuser f 2>/dev/null) || [ $n -gt 200 ]; do n=$((n+1)); done; [ $q = $p ] && echo found; fuser -s -k f >/dev/null 2>&1; wait $p 2>/dev/null; [ $? -gt 128 ] && echo ended`, "found\nended\n"),
		}},
		{id: "hostname-refuses", of: "hostname", clause: asLSB + "hostname: setting the name needs privilege", sources: []string{"BEH-031"}, steps: []step{
			do("hostname xtest-other").asNobody().anyOutput().refused(),
		}},
		{id: "ipcrm", clause: asLSB + "ipcrm: -q, -m and -s remove what the ID names, -Q, -M and -S what the key names; an unknown one is refused", sources: []string{"BEH-033"}, probes: []spec.Probe{sysvIPC}, steps: []step{
			do("ipcrm -q 2147483647").anyOutput().refused(),
			do("ipcrm -m 2147483647").anyOutput().refused(),
			do("ipcrm -s 2147483647").anyOutput().refused(),
			do("ipcrm -M 0x7f7f7f7f").anyOutput().refused(),
		}},
		{id: "killall-name", of: "killall", clause: asLSB + "killall: sends the signal to every process of the name, -w waits, -e asks for the exact name", sources: []string{"BEH-035"}, needs: []string{"sleep", "cp"}, probes: []spec.Probe{proc}, steps: []step{
			sh(`cp "$(command -v sleep)" xtest-sleeper; ./xtest-sleeper 60 & p=$!; ./xtest-sleeper 61 & q=$!; n=0
until killall -0 -q xtest-sleeper || [ $n -gt 200 ]; do n=$((n+1)); done
killall -e -w -TERM xtest-sleeper; echo $?; wait $p 2>/dev/null; [ $? -gt 128 ] && echo one; wait $q 2>/dev/null; [ $? -gt 128 ] && echo two`, "0\none\ntwo\n"),
		}},
		{id: "pidof-options", of: "pidof", clause: asLSB + "pidof: -s gives one ID, -x finds scripts", sources: []string{"BEH-049"}, needs: []string{"sleep", "cp"}, probes: []spec.Probe{proc}, steps: []step{
			do("/bin/sh -c", `cp "$(command -v sleep)" xtest-one; ./xtest-one 60 & p=$!; ./xtest-one 60 & q=$!; n=0
until set -- $(pidof xtest-one); [ $# = 2 ] || [ $n -gt 200 ]; do n=$((n+1)); done
echo $#; set -- $(pidof -s xtest-one); echo $#; kill $p $q`).out("2\n1\n"),
			sh(`./xtest-script & p=$!; n=0; until [ "$(pidof -x xtest-script)" = $p ] || [ $n -gt 200 ]; do n=$((n+1)); done; pidof -x xtest-script >o; kill $p; read q <o; [ $q = $p ] && echo found`, "found\n").with("xtest-script", "#!/bin/sh\nsleep 60\nexit 0\n"),
		}},
		{id: "ps", clause: asPOSIX + "ps: -p, -o with and without heading, -A; the default columns; a status above 0 for none", probes: []spec.Probe{proc}, steps: []step{
			do("/bin/sh -c", `ps -p $$ -o pid= -o ppid= -o comm= >o; read p q c <o; [ $p = $$ ] && [ $q = $PPID ] && echo $c`).out("sh\n"),
			do("/bin/sh -c", `ps -o args=ARGS -p $$`).like(`^ARGS\s*\n(/bin/)?sh -c `),
			do("/bin/sh -c", `ps -A -o pid= | grep -c " *$$\$"`).out("1\n"),
			do("/bin/sh -c", "ps -p $$").like(`^ *PID TTY +TIME CMD\n *\d+ \S+ +\d\d:\d\d:\d\d sh\n$`),
			do("/bin/sh -c", "ps -f -p $$").like(`^UID +PID +PPID +C STIME TTY +TIME CMD\n`),
			do("ps -p 2147483646 -o pid=").refused(),
		}},
		{id: "renice-unprivileged", of: "renice", clause: asLSB + "renice, as POSIX.1-2008: who is not privileged cannot lower a nice value", sources: []string{"BEH-050"}, needs: []string{"nice"}, steps: []step{
			do("nice -n 5 /bin/sh -c", "renice -n -3 -p $$ >/dev/null 2>&1").asNobody().refused(),
			do("renice -n 1 -p 2147483646").anyOutput().refused(),
		}},
		{id: "uname", clause: asPOSIX + "uname: -s, -n, -r, -v, -m, and -a, which is all of them", steps: []step{
			do("uname").out("Linux\n"),
			do("/bin/sh -c", `a=$(uname -a); p="$(uname -s) $(uname -n) $(uname -r) $(uname -v) $(uname -m)"; case $a in "$p"*) echo same; esac`).out("same\n"),
			do("uname -sr").like(`^Linux \S+\n$`),
			do("uname --xtest").refused(),
		}},
		{id: "id", clause: asPOSIX + "id: -u, -g, -G, -n, -r; the default; an unknown user is refused", steps: []step{
			do("id -u").asNobody().out("65534\n"),
			do("id -G").asNobody().out("65534\n"),
			do("id -un root").out("root\n"),
			do("id root").like(`^uid=0\(root\) gid=0\(root\)( groups=.*)?\n$`),
			do("id -rg root").anyOutput(),
			do("id xtest-none").refused(),
		}},
		{id: "stty", clause: asPOSIX + "stty: -a, -g, and changes to the terminal on standard input; no terminal is an error", steps: []step{
			do("stty").refused(),
			do("stty -a").typed("").like(`(?s)speed \d+ baud.*intr = \^C.*\bicanon\b`),
			do("/bin/sh -c", `s=$(stty -g); stty -echo intr ^K cs8; stty -a >a; stty "$s"; stty -a >b; case $(cat a) in *'intr = ^K'*' -echo '*) echo set; esac; case $(cat b) in *'intr = ^C'*' echo '*) echo back; esac`).typed("").out("set\nback\n"),
			do("stty xtest").typed("").refused(),
		}},
		{id: "mount", clause: asLSB + "mount: without arguments lists what is mounted; who is not privileged cannot", sources: []string{"BEH-043"}, needs: []string{"mkdir"}, probes: []spec.Probe{proc}, steps: []step{
			do("mount").like(`(?m)^\S+ on / type \S+ \(.*\)$`),
			do("mkdir d").asNobody(),
			do("mount -t tmpfs xtest d").asNobody().anyOutput().refused(),
		}},
		{id: "umount", clause: asLSB + "umount: what is not mounted, and who is not privileged, is refused", sources: []string{"BEH-059"}, needs: []string{"mkdir"}, steps: []step{
			do("mkdir d"),
			do("umount d").anyOutput().refused(),
			do("umount /proc").asNobody().anyOutput().refused(),
		}},
		{id: "shutdown", clause: asLSB + "shutdown: a time that is none is refused, with -k, which only warns", sources: []string{"BEH-055"}, grade: spec.Guest, steps: []step{
			do("shutdown -k xtest-no-time").asNobody().anyOutput().refused(),
		}},
		{id: "groups-own", of: "groups", clause: asLSB + "groups: without an operand those of the calling process", sources: []string{"BEH-028"}, needs: []string{"id"}, steps: []step{
			sh(`[ "$(groups)" = "$(id -Gn)" ] && echo same`, "same\n"),
		}},
	}
}
