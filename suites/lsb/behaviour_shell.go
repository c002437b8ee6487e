package lsb

import (
	"time"

	"xtest/suites/spec"
)

// The utilities that LSB 5.0 takes from POSIX.1-2008 as they are, and those whose differences it
// lists.
const (
	asPOSIX = "LSB 5.0 Core 17.1, POSIX.1-2008 "
	asLSB   = "LSB 5.0 Core 17.2 "
)

var _ = suite.Describe("behaviour", func() { behave("behaviour", shellUtilities()) })

// shellUtilities are those that scripts are made of.
func shellUtilities() []behaviour {
	return []behaviour{
		{id: "basename", clause: asPOSIX + "basename: the last part of a path, without a suffix that is not all of it", steps: []step{
			do("basename /a/b.c .c").out("b\n"),
			do("basename a/b//").out("b\n"),
			do("basename /").out("/\n"),
			do("basename .c .c").out(".c\n"),
		}},
		{id: "dirname", clause: asPOSIX + "dirname: all but the last part of a path", steps: []step{
			do("dirname /a/b").out("/a\n"),
			do("dirname a").out(".\n"),
			do("dirname /").out("/\n"),
			do("dirname a/b//").out("a\n"),
		}},
		{id: "echo", clause: asLSB + "echo: the arguments with blanks between and a newline behind", sources: []string{"BEH-017"}, steps: []step{
			do("echo a", "b  c").out("a b  c\n"),
			do("echo").out("\n"),
		}},
		{id: "env", clause: asPOSIX + "env: -i empties the environment, name=value adds to it; 126 and 127 for what cannot be run", steps: []step{
			do("env -i A=1").out("A=1\n"),
			do("env A=1 sh -c", `echo "$A"; exit 3`).out("1\n").exits(3),
			do("env xtest-no-such").exits(127),
			do("env ./plain").with("plain", "x").exits(126),
		}},
		{id: "expr", clause: asPOSIX + "expr: precedence, comparison, matching; status 1 for 0 and the empty string, above it for an error", steps: []step{
			do("expr 1 + 2 * 3").out("7\n"),
			do("expr ( 1 + 2 ) * 3").out("9\n"),
			do("expr 7 % 4").out("3\n"),
			do("expr 3 - 3").out("0\n").exits(1),
			do("expr abc :", `a\(.\)c`).out("b\n"),
			do("expr abc : x").out("0\n").exits(1),
			do("expr abc : abcd").out("0\n").exits(1),
			do("expr b > a").out("1\n"),
			do("expr 10 > 9").out("1\n"),
			do("expr 1 +").errs(),
		}},
		{id: "false", clause: asPOSIX + "false: a status above 0", steps: []step{do("false").refused()}},
		{id: "getconf", clause: asPOSIX + "getconf: system and path variables, and refusal of others", steps: []step{
			do("getconf _POSIX_VERSION").like(`^20(0809|[1-9]\d{3})L?\n$`),
			do("getconf PATH").like(`^/.*\n$`),
			do("getconf NAME_MAX .").like(`^\d+\n$`),
			do("getconf XTEST_NO_SUCH").refused(),
		}},
		{id: "kill", clause: asPOSIX + "kill: -s sends a signal by name, 0 only asks, -l names a number", needs: []string{"sleep", "env"}, steps: []step{
			do("kill -l 9").out("KILL\n"),
			sh("sleep 60 & env kill -s TERM $!; wait $! 2>/dev/null; [ $? -gt 128 ] && echo killed", "killed\n"),
			sh("sleep 0 & wait $!; env kill -s 0 $! 2>/dev/null || echo gone; env kill -s 0 $$ && echo here", "gone\nhere\n"),
		}},
		{id: "kill-exit-status", of: "kill", clause: asPOSIX + "kill OPTIONS -l: the operand may be the exit status of a process that a signal ended", needs: []string{"sleep", "env"}, steps: []step{
			sh("sleep 60 & kill -s TERM $!; wait $! 2>/dev/null; env kill -l $?", "TERM\n"),
		}},
		{id: "logname", clause: asPOSIX + "logname: the login name, or a message and a status above 0", needs: []string{"id"}, steps: []step{
			sh(`n=$(logname 2>e); s=$?
if [ $s = 0 ]; then id -u "$n" >/dev/null && [ ! -s e ]; else [ -z "$n" ] && [ -s e ]; fi && echo consistent`, "consistent\n"),
		}},
		{id: "nice", clause: asPOSIX + "nice: -n adds to the nice value; the status is the utility's, 126 or 127", needs: []string{"ps"}, probes: []spec.Probe{proc}, steps: []step{
			sh(`a=$(ps -o nice= -p $$); b=$(nice -n 5 sh -c 'ps -o nice= -p $$'); echo $((b-a))`, "5\n"),
			do("nice -n 1 sh -c", "exit 7").exits(7),
			do("nice xtest-no-such").exits(127),
			do("nice ./plain").with("plain", "x").exits(126),
		}},
		{id: "nohup", clause: asPOSIX + "nohup: the utility survives a hang-up; 126 and 127 for what cannot be run", steps: []step{
			do("nohup sh -c", "kill -HUP $$; echo alive").out("alive\n"),
			do("nohup xtest-no-such").exits(127),
			do("nohup ./plain").with("plain", "x").exits(126),
		}},
		{id: "pathchk", clause: asPOSIX + "pathchk: -p refuses what is not portable, -P an empty name", steps: []step{
			do("pathchk -p a/b.c"),
			do("pathchk -p", "a b").refused(),
			do("pathchk -p a123456789012345").refused(),
			do("pathchk -P --", "").refused(),
		}},
		{id: "printf", clause: asPOSIX + "printf: conversions, escapes, the format used again, and a status above 0 for no number", steps: []step{
			do("printf", `%d|%5s|%-5s|%05d|%x|%o|%c|%%\n`, "1", "a", "b", "42", "255", "8", "xyz").out("1|    a|b    |00042|ff|10|x|%\n"),
			do("printf %s-%s;", "a", "b", "c").out("a-b;c-;"),
			do("printf %b", `x\ty\0101`).out("x\tyA"),
			do("printf %d 0x10").out("16"),
			do("printf %d", "'A").out("65"),
			do("printf %d x").out("0").refused(),
		}},
		{id: "pwd", clause: asPOSIX + "pwd: -L keeps the symbolic links of $PWD, -P resolves them", needs: []string{"mkdir", "ln", "env"}, steps: []step{
			do("/bin/sh -c", "mkdir d; ln -s d l; cd l; export PWD; env pwd -P; env pwd -L").like(`^/.*/d\n/.*/l\n$`),
		}},
		{id: "sleep", clause: asPOSIX + "sleep: suspends for at least the time given", steps: []step{
			do("sleep 1").lasts(time.Second),
			do("sleep x").refused(),
		}},
		{id: "tee", clause: asPOSIX + "tee: copies to files and standard output, -a appends; one that cannot be written does not stop the others", steps: []step{
			do("tee f g").in("x\n").out("x\n").leaves("f", "x\n", "g", "x\n"),
			do("tee -a f").in("y\n").out("y\n").leaves("f", "x\ny\n"),
			do("tee . g").in("z\n").out("z\n").refused().leaves("g", "z\n"),
		}},
		{id: "test", clause: asPOSIX + "test: files, strings, integers; status 0, 1, and above it for an error", needs: []string{"mkfifo"}, steps: []step{
			do("test -f f").with("f", "x", "e", "", "s", "#!x"),
			do("test -d f").exits(1),
			do("test -s e").exits(1),
			do("test -x s"),
			do("test -e absent").exits(1),
			do("test abc = abc"),
			do("test abc != abc").exits(1),
			do("test -n", "").exits(1),
			do("test 10 -gt 9"),
			do("test ! 1 -eq 1").exits(1),
			do("test").exits(1),
			do("test 1 -eq x").errs(),
		}},
		{id: "bracket", of: "[", clause: asPOSIX + "test: [ is test with ] as its last argument", steps: []step{
			do("[ -d . ]"),
			do("[ -z x ]").exits(1),
			do("[ a = a").errs(),
		}},
		{id: "time", clause: asPOSIX + "time: -p writes real, user and sys to standard error; the status is the utility's", steps: []step{
			do("/bin/sh -c", "env time -p sh -c 'echo out; exit 3' 2>&1").like(`^out\n(?s:.*)real +\d+\.\d+\nuser +\d+\.\d+\nsys +\d+\.\d+\n$`).exits(3),
			do("time -p xtest-no-such").exits(127),
		}},
		{id: "true", clause: asPOSIX + "true: status 0", steps: []step{do("true")}},
		{id: "tty", clause: asPOSIX + "tty: names the terminal of standard input; 'not a tty' and status 1 for none", steps: []step{
			do("tty").out("not a tty\n").exits(1),
		}},
		{id: "tty-terminal", of: "tty", clause: asPOSIX + "tty: names the terminal of standard input", steps: []step{
			do("tty").typed("").like(`^/dev/.+\n$`),
		}},
		{id: "xargs", clause: asLSB + "xargs, as POSIX.1-2008: -n, -I, quoting, -E, -L, and a status above 0 when a command failed", sources: []string{"BEH-063"}, steps: []step{
			do("xargs -n 2 echo").in("a b\nc\n").out("a b\nc\n"),
			do("xargs -I {} echo x{}y").in("a\nb c\n").out("xay\nxb cy\n"),
			do("xargs echo").in("'a  b' \"c\" d\\ e\n").out("a  b c d e\n"),
			do("xargs -E end echo").in("a\nend\nb\n").out("a\n"),
			do("xargs -L 1 echo +").in("a b\nc\n").out("+ a b\n+ c\n"),
			do("xargs xtest-no-such").in("a\n").exits(127),
			do("xargs sh -c", "exit 1").in("a\n").refused(),
		}},
	}
}
