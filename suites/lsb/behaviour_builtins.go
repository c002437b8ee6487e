package lsb

const asBuiltIn = "LSB 5.0 Core 17.1 table Built In Utilities, POSIX.1-2008 "

var _ = suite.Describe("behaviour", func() { behave("behaviour", builtInUtilities()) })

// stopped is a job that stopped itself, as the first of a shell that controls jobs on a terminal.
const stopped = `sh -c 'kill -STOP $$; echo woken' &
n=0; until jobs >list; read job <list; case $job in *Stopped*|*Suspended*) true;; *) [ $n -gt 5000 ];; esac; do n=$((n+1)); done
`

// builtInUtilities are those that act on the shell itself.
func builtInUtilities() []behaviour {
	return []behaviour{
		{id: "alias", clause: asBuiltIn + "alias: defines and writes aliases; one that is not there is an error", steps: []step{
			sh("alias a='echo x'\na y\nalias a\nalias b 2>/dev/null || echo none", "x y\na='echo x'\nnone\n"),
		}},
		{id: "unalias", clause: asBuiltIn + "unalias: removes one alias or, with -a, all", steps: []step{
			sh("alias a=x b=y c=z\nunalias a; alias a 2>/dev/null || echo gone\nunalias a 2>/dev/null || echo refused\nunalias -a; alias\nalias b 2>/dev/null || echo gone",
				"gone\nrefused\ngone\n"),
		}},
		{id: "bg", clause: asBuiltIn + "bg: a stopped job runs on in the background", steps: []step{
			do("/bin/sh -m -c", stopped+"bg %1 >/dev/null; wait; echo end").typed("").like(`^woken\nend\n$`),
		}},
		{id: "fg", clause: asBuiltIn + "fg: a stopped job runs on in the foreground", steps: []step{
			do("/bin/sh -m -c", stopped+"fg %1 >/dev/null; echo end").typed("").like(`^woken\nend\n$`),
		}},
		{id: "jobs", clause: asBuiltIn + "jobs: number, state and command of each job; -p their process IDs", needs: []string{"sleep"}, steps: []step{
			do("/bin/sh -m -c", `sleep 60 & jobs -p >p; read p <p; [ "$p" = $! ] && echo same; jobs >l; kill $!; cat l`).typed("").like(`^same\n\[1\] ?\+ +Running +sleep 60.*\n$`),
		}},
		{id: "cd", clause: asBuiltIn + "cd: to a directory, back with -, to $HOME, through $CDPATH", needs: []string{"mkdir"}, steps: []step{
			sh("cd /; cd /usr; pwd; cd -; pwd; HOME=/usr; cd; pwd; cd xtest-none 2>/dev/null || echo refused", "/usr\n/\n/\n/usr\nrefused\n"),
			do("/bin/sh -c", "mkdir -p a/b; CDPATH=$PWD/a; cd b; pwd").like(`^(/.*/a/b\n)/.*/a/b\n$`),
		}},
		{id: "command", clause: asBuiltIn + "command: passes over functions, -v tells what a name is", steps: []step{
			sh("echo() { :; }; command echo x; command -v xtest-none || printf none; command -v cd; command -V cd >/dev/null; echo() { :; }; command -p echo y", "x\nnonecd\ny\n"),
			do("/bin/sh -c", "command -v ls").like(`^/.*/ls\n$`),
			do("/bin/sh -c", "command xtest-none").exits(127),
		}},
		{id: "fc", clause: asBuiltIn + "fc: -l lists the commands of an interactive shell", steps: []step{
			do("/bin/sh -i").typed("echo one\nfc -l -1 -1\nexit\n").like(`(?s)one\n.*\d+\s+echo one\n`),
		}},
		{id: "getopts", clause: asBuiltIn + "getopts: OPTIND moves on, a leading colon silences it, end is a status above 0", steps: []step{
			sh(`while getopts :ab: o; do echo "$o:${OPTARG-}:$OPTIND"; done; shift $((OPTIND-1)); echo "$1"`, "a::2\nb:x:4\n?:z:5\n::b:6\n\n", "sh", "-a", "-b", "x", "-z", "-b"),
		}},
		{id: "hash", clause: asBuiltIn + "hash: remembers utilities, -r forgets them", steps: []step{
			sh("hash ls; hash | grep -c /ls; hash -r; hash | grep -c /ls; hash xtest-none 2>/dev/null || echo none", "1\n0\nnone\n"),
		}},
		{id: "read", clause: asBuiltIn + "read: IFS, continued lines, the rest in the last variable", steps: []step{
			do("/bin/sh -c", `IFS=: read a b; echo "$a|$b"; read c; echo "$c"; read -r d; echo "$d"`).in("1:2:3\nx\\\ny\nz\\\n").out("1|2:3\nxy\nz\\\n"),
		}},
		{id: "type", clause: asBuiltIn + "type: tells how a name is understood; one that is not is an error", steps: []step{
			do("/bin/sh -c", "type cd").like(`^cd .+\n$`),
			do("/bin/sh -c", "type ls").like(`/ls`),
			do("/bin/sh -c", "type xtest-none 2>/dev/null >&2").refused(),
		}},
		{id: "ulimit", clause: asBuiltIn + "ulimit: -f reports and sets the largest file in blocks of 512 bytes", needs: []string{"dd"}, steps: []step{
			sh("ulimit -f 4; ulimit -f; sh -c 'trap \"\" XFSZ; dd if=/dev/zero of=f bs=512 count=8 2>/dev/null' || echo stopped; wc -c <f", "4\nstopped\n2048\n"),
		}},
		{id: "umask", clause: asBuiltIn + "umask: octal and symbolic, applied to what is made", needs: []string{"ls", "mkdir"}, steps: []step{
			do("/bin/sh -c", "umask 077; >f; mkdir d; ls -ld d f; umask u=rwx,g=rx,o=; umask; umask -S").like(`^drwx------(?s:.*)-rw-------.*\n0*27\nu=rwx,g=rx,o=\n$`),
		}},
		{id: "wait", clause: asBuiltIn + "wait: the status of a child; 127 for none of the shell's; 0 for all", steps: []step{
			sh("(exit 5) & a=$!; (exit 6) & b=$!; wait $a; echo $?; wait $b; echo $?; (exit 7) & wait; echo $?; wait 1; echo $?", "5\n6\n0\n127\n"),
		}},
	}
}
