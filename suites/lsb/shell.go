package lsb

const shellClause = "LSB 5.0 Core 17.2 sh, as POSIX.1-2008: "

var _ = suite.Describe("shell", func() { behave("shell", shellBehaviours()) })

func shellBehaviours() []behaviour {
	return []behaviour{
		{id: "invocation", of: "sh", clause: shellClause + "-c with a name and arguments; -s and scripts; $#, $0, $1, $@", sources: []string{"LOC-006"}, steps: []step{
			sh(`echo "$0:$#:$1"; for a in "$@"; do echo "<$a>"; done`, "n:2:a\n<a>\n<b c>\n", "n", "a", "b c"),
			do("/bin/sh -s x").in("echo $1\n").out("x\n"),
			do("/bin/sh script y").with("script", "echo $0 $1\n").out("script y\n"),
		}},
		{id: "errexit", of: "sh", clause: shellClause + "-e exits at the first failure, but not in a condition", sources: []string{"LOC-006"}, steps: []step{
			do("/bin/sh -e -c", "if false; then :; fi; false || echo a; false; echo b").out("a\n").exits(1),
		}},
		{id: "nounset", of: "sh", clause: shellClause + "-u makes the expansion of an unset variable an error", sources: []string{"LOC-006"}, steps: []step{
			do("/bin/sh -u -c", `echo "${x-ok}"; echo "$x"; echo b`).out("ok\n").refused(),
		}},
		{id: "status", of: "sh", clause: shellClause + "2.8.2: 127 for a command not found, 126 for one not executable, the last of a pipeline's", sources: []string{"LOC-006"}, steps: []step{
			do("/bin/sh -c", "xtest-no-such 2>/dev/null").exits(127),
			do("/bin/sh -c", "./plain 2>/dev/null").with("plain", "x").exits(126),
			sh("false | true; echo $?; true | false; echo $?; ! true; echo $?", "0\n1\n1\n"),
			sh("(exit 7); echo $?; sh -c 'kill -9 $$' 2>/dev/null; test $? -gt 128 && echo killed", "7\nkilled\n"),
		}},
		{id: "trap", of: "sh", clause: shellClause + "trap runs at exit and on signals, is reset in a subshell", sources: []string{"LOC-006"}, steps: []step{
			do("/bin/sh -c", "trap 'echo bye' EXIT; trap 'echo usr' USR1; kill -USR1 $$; exit 4").out("usr\nbye\n").exits(4),
			sh("trap '' TERM; kill -TERM $$; trap - TERM; echo here", "here\n"),
		}},
		{id: "getopts", clause: shellClause + "getopts takes options and their arguments apart", sources: []string{"LOC-006", "CMD-002"}, steps: []step{
			sh(`while getopts :ab:c o; do echo "$o ${OPTARG-}"; done; shift $((OPTIND-1)); echo "$*"`,
				"a \nb x\nb y\n? z\nrest\n", "sh", "-a", "-bx", "-b", "y", "-z", "--", "rest"),
		}},
		{id: "expansion", of: "sh", clause: shellClause + "2.6 parameter expansion: defaults, length, prefixes and suffixes", sources: []string{"LOC-006"}, steps: []step{
			sh(`v=a.b.c; echo ${v%.*} ${v%%.*} ${v#*.} ${v##*.} ${#v} ${u-d} ${u:=n} $u ${v+y}`, "a.b a b.c c 5 d n n y\n"),
			sh(`(: ${u?none}) 2>/dev/null || echo refused`, "refused\n"),
		}},
		{id: "arithmetic", of: "sh", clause: shellClause + "2.6.4: arithmetic in signed long, as ISO C", sources: []string{"LOC-006"}, steps: []step{
			sh(`x=3; echo $((x*2+1)) $((7/2)) $((-7/2)) $((7%3)) $((1<<4|1)) $((x>2&&x<4)) $((0x1f)) $((010)) $((x=5)) $x $((x==5?1:2))`,
				"7 3 -3 1 17 1 31 8 5 5 1\n"),
		}},
		{id: "quoting", of: "sh", clause: shellClause + "2.2 quoting and 2.6.5 field splitting with IFS", sources: []string{"LOC-006"}, steps: []step{
			sh(`a='1  2'; echo $a "$a" '$a' \$a "\$a"; IFS=:; b=x:y:z; set -- $b; echo $#`, "1 2 1  2 $a $a $a\n3\n"),
		}},
		{id: "here-document", of: "sh", clause: shellClause + "2.7.4 here-documents: expanded, literal, and with tabs stripped", sources: []string{"LOC-006"}, steps: []step{
			sh("x=1; cat <<A\n$x\nA\ncat <<'B'\n$x\nB\ncat <<-C\n\tt\n\tC\n", "1\n$x\nt\n"),
		}},
		{id: "redirection", of: "sh", clause: shellClause + "2.7 redirection: >, >>, <, 2>&1, >|, noclobber", sources: []string{"LOC-006"}, steps: []step{
			sh("echo a >f; echo b >>f; cat <f; { echo o; echo e >&2; } 2>&1; set -C; (echo c >f) 2>/dev/null || echo kept; echo d >|f; cat f",
				"a\nb\no\ne\nkept\nd\n"),
		}},
		{id: "compound", of: "sh", clause: shellClause + "2.9.4 if, case, for, while, until, functions, break and continue", sources: []string{"LOC-006"}, steps: []step{
			sh(`f() { return $1; }; for i in 1 2 3 4; do [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done
case abc in x) echo no;; a*|b) echo yes;; esac; f 3; echo $?; n=0; until [ $n = 2 ]; do n=$((n+1)); done; echo $n`, "1\n3\nyes\n3\n2\n"),
		}},
		{id: "patterns", of: "sh", clause: "LSB 5.0 Core 21.3, POSIX.1-2008 sh 2.13: *, ?, [!a], [[:digit:]], a leading dot is matched explicitly", sources: []string{"LOC-004"}, steps: []step{
			do("/bin/sh -c", "echo *; echo ?; echo [!a]; echo [[:digit:]]*; echo no*such; echo .h*").with("a", "", "b", "", "1x", "", ".hid", "").out("1x a b\na b\nb\n1x\nno*such\n.hid\n"),
		}},
		{id: "read", clause: shellClause + "read splits a line, -r keeps backslashes, end of file is status 1", sources: []string{"LOC-006", "CMD-002"}, steps: []step{
			do("/bin/sh -c", `read a b; echo "$a|$b"; read -r c; echo "$c"; read d || echo end`).in("1 2 3\nx\\y\n").out("1|2 3\nx\\y\nend\n"),
		}},
		{id: "jobs-and-limits", of: "sh", clause: "LSB 5.0 Core 17.1 table Built In Utilities: wait, umask, ulimit, cd, alias and type act on the shell itself",
			sources: []string{"CMD-002"}, steps: []step{
				sh(`(exit 5) & wait $!; echo $?; umask 027; umask -S; cd /; pwd`, "5\nu=rwx,g=rx,o=\n/\n"),
				sh("alias xx='echo aliased'\nxx\nunalias xx\ncommand -v xx || echo gone", "aliased\ngone\n"),
				do("/bin/sh -c", "ulimit -f").like(`^(unlimited|\d+)\n$`),
				do("/bin/sh -c", "type cd").like(`^cd .*\n$`),
			}},
		{id: "login", of: "sh", clause: "LSB 5.0 Core 17.2 sh: -l makes a login shell, which executes ~/.profile first", sources: []string{"BEH-054", "LOC-005"}, steps: []step{
			do("/bin/sh -l -c", "echo then").with(".profile", "echo profile\n").like(`(?s)profile\nthen\n$`),
			do("/bin/sh -c", "echo then").out("then\n"),
		}},
	}
}

var _ = suite.Describe("scripts", func() { behave("scripts", scriptBehaviours()) })

func scriptBehaviours() []behaviour {
	return []behaviour{
		{id: "argument", clause: "LSB 5.0 Core 20.3 Executable Scripts: the interpreter gets its argument, the script's name and the script's arguments",
			sources: []string{"ABI-022"}, steps: []step{
				do("./s x y").with("s", "#!/bin/echo arg\n").like(`^arg [^ ]*s x y\n$`),
				do("./n x").with("n", "#!/bin/echo\n").like(`^[^ ]*n x\n$`),
			}},
		{id: "blank", clause: "LSB 5.0 Core 20.3 Executable Scripts: a blank may stand before the interpreter's name",
			sources: []string{"ABI-023"}, steps: []step{
				do("./s x").with("s", "#! /bin/echo arg\n").like(`^arg [^ ]*s x\n$`),
			}},
		{id: "long-line", clause: "LSB 5.0 Core 20.3 Executable Scripts: a first line of 80 bytes works",
			sources: []string{"ABI-024"}, steps: []step{
				do("./s x").with("s", "#!/bin/echo "+longArgument+"\n").like(`^` + longArgument + ` [^ ]*s x\n$`),
			}},
		{id: "first-line", clause: "LSB 5.0 Core 20.3 Executable Scripts: the interpreter does not execute the first line",
			sources: []string{"ABI-026"}, steps: []step{
				do("./s").with("s", "#!/bin/sh\necho body\n").out("body\n"),
			}},
	}
}

// longArgument fills "#!/bin/echo " up to 79 bytes, 80 with the newline.
const longArgument = "0123456789012345678901234567890123456789012345678901234567890123456"
