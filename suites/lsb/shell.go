package lsb

import "regexp"

const shellClause = "LSB 5.0 Core 17.2 sh, as POSIX.1-2008: "

var _ = suite.Describe("shell", func() { behave("shell", shellBehaviours()) })

func shellBehaviours() []behaviour {
	return []behaviour{
		{id: "invocation", clause: shellClause + "-c with a name and arguments; -s and scripts; $#, $0, $1, $@", sources: []string{"LOC-006"}, steps: []step{
			sh(`echo "$0:$#:$1"; for a in "$@"; do echo "<$a>"; done`, "n:2:a\n<a>\n<b c>\n", "n", "a", "b c"),
			{argv: []string{"/bin/sh", "-s", "x"}, stdin: "echo $1\n", stdout: "x\n"},
			{argv: []string{"/bin/sh", "script", "y"}, files: map[string]string{"script": "echo $0 $1\n"}, stdout: "script y\n"},
		}},
		{id: "errexit", clause: shellClause + "-e exits at the first failure, but not in a condition", sources: []string{"LOC-006"}, steps: []step{
			{argv: []string{"/bin/sh", "-e", "-c", "if false; then :; fi; false || echo a; false; echo b"}, stdout: "a\n", status: 1},
		}},
		{id: "nounset", clause: shellClause + "-u makes the expansion of an unset variable an error", sources: []string{"LOC-006"}, steps: []step{
			{argv: []string{"/bin/sh", "-u", "-c", `echo "${x-ok}"; echo "$x"; echo b`}, stdout: "ok\n", refused: true},
		}},
		{id: "status", clause: shellClause + "2.8.2: 127 for a command not found, 126 for one not executable, the last of a pipeline's", sources: []string{"LOC-006"}, steps: []step{
			{argv: []string{"/bin/sh", "-c", "xtest-no-such 2>/dev/null"}, status: 127},
			{argv: []string{"/bin/sh", "-c", "./plain 2>/dev/null"}, files: map[string]string{"plain": "x"}, status: 126},
			sh("false | true; echo $?; true | false; echo $?; ! true; echo $?", "0\n1\n1\n"),
			sh("(exit 7); echo $?; sh -c 'kill -9 $$' 2>/dev/null; test $? -gt 128 && echo killed", "7\nkilled\n"),
		}},
		{id: "trap", clause: shellClause + "trap runs at exit and on signals, is reset in a subshell", sources: []string{"LOC-006"}, steps: []step{
			{argv: []string{"/bin/sh", "-c", "trap 'echo bye' EXIT; trap 'echo usr' USR1; kill -USR1 $$; exit 4"}, stdout: "usr\nbye\n", status: 4},
			sh("trap '' TERM; kill -TERM $$; trap - TERM; echo here", "here\n"),
		}},
		{id: "getopts", clause: shellClause + "getopts takes options and their arguments apart", sources: []string{"LOC-006", "CMD-002"}, steps: []step{
			sh(`while getopts :ab:c o; do echo "$o ${OPTARG-}"; done; shift $((OPTIND-1)); echo "$*"`,
				"a \nb x\nb y\n? z\nrest\n", "sh", "-a", "-bx", "-b", "y", "-z", "--", "rest"),
		}},
		{id: "expansion", clause: shellClause + "2.6 parameter expansion: defaults, length, prefixes and suffixes", sources: []string{"LOC-006"}, steps: []step{
			sh(`v=a.b.c; echo ${v%.*} ${v%%.*} ${v#*.} ${v##*.} ${#v} ${u-d} ${u:=n} $u ${v+y}`, "a.b a b.c c 5 d n n y\n"),
			sh(`(: ${u?none}) 2>/dev/null || echo refused`, "refused\n"),
		}},
		{id: "arithmetic", clause: shellClause + "2.6.4: arithmetic in signed long, as ISO C", sources: []string{"LOC-006"}, steps: []step{
			sh(`x=3; echo $((x*2+1)) $((7/2)) $((-7/2)) $((7%3)) $((1<<4|1)) $((x>2&&x<4)) $((0x1f)) $((010)) $((x=5)) $x $((x==5?1:2))`,
				"7 3 -3 1 17 1 31 8 5 5 1\n"),
		}},
		{id: "quoting", clause: shellClause + "2.2 quoting and 2.6.5 field splitting with IFS", sources: []string{"LOC-006"}, steps: []step{
			sh(`a='1  2'; echo $a "$a" '$a' \$a "\$a"; IFS=:; b=x:y:z; set -- $b; echo $#`, "1 2 1  2 $a $a $a\n3\n"),
		}},
		{id: "here-document", clause: shellClause + "2.7.4 here-documents: expanded, literal, and with tabs stripped", sources: []string{"LOC-006"}, steps: []step{
			sh("x=1; cat <<A\n$x\nA\ncat <<'B'\n$x\nB\ncat <<-C\n\tt\n\tC\n", "1\n$x\nt\n"),
		}},
		{id: "redirection", clause: shellClause + "2.7 redirection: >, >>, <, 2>&1, >|, noclobber", sources: []string{"LOC-006"}, steps: []step{
			sh("echo a >f; echo b >>f; cat <f; { echo o; echo e >&2; } 2>&1; set -C; (echo c >f) 2>/dev/null || echo kept; echo d >|f; cat f",
				"a\nb\no\ne\nkept\nd\n"),
		}},
		{id: "compound", clause: shellClause + "2.9.4 if, case, for, while, until, functions, break and continue", sources: []string{"LOC-006"}, steps: []step{
			sh(`f() { return $1; }; for i in 1 2 3 4; do [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done
	case abc in x) echo no;; a*|b) echo yes;; esac; f 3; echo $?; n=0; until [ $n = 2 ]; do n=$((n+1)); done; echo $n`, "1\n3\nyes\n3\n2\n"),
		}},
		{id: "patterns", clause: "LSB 5.0 Core 21.3, POSIX.1-2008 sh 2.13: *, ?, [!a], [[:digit:]], a leading dot is matched explicitly", sources: []string{"LOC-004"}, steps: []step{
			{argv: []string{"/bin/sh", "-c", "echo *; echo ?; echo [!a]; echo [[:digit:]]*; echo no*such; echo .h*"},
				files:  map[string]string{"a": "", "b": "", "1x": "", ".hid": ""},
				stdout: "1x a b\na b\nb\n1x\nno*such\n.hid\n"},
		}},
		{id: "read", clause: shellClause + "read splits a line, -r keeps backslashes, end of file is status 1", sources: []string{"LOC-006", "CMD-002"}, steps: []step{
			{argv: []string{"/bin/sh", "-c", `read a b; echo "$a|$b"; read -r c; echo "$c"; read d || echo end`}, stdin: "1 2 3\nx\\y\n", stdout: "1|2 3\nx\\y\nend\n"},
		}},
		{id: "jobs-and-limits", clause: "LSB 5.0 Core 17.1 table Built In Utilities: wait, umask, ulimit, cd, alias and type act on the shell itself",
			sources: []string{"CMD-002"}, steps: []step{
				sh(`(exit 5) & wait $!; echo $?; umask 027; umask -S; cd /; pwd`, "5\nu=rwx,g=rx,o=\n/\n"),
				sh("alias xx='echo aliased'\nxx\nunalias xx\ncommand -v xx || echo gone", "aliased\ngone\n"),
				{argv: []string{"/bin/sh", "-c", "ulimit -f"}, like: regexp.MustCompile(`^(unlimited|\d+)\n$`)},
				{argv: []string{"/bin/sh", "-c", "type cd"}, like: regexp.MustCompile(`^cd .*\n$`)},
			}},
		{id: "login", clause: "LSB 5.0 Core 17.2 sh: -l makes a login shell, which executes ~/.profile first", sources: []string{"BEH-054", "LOC-005"}, steps: []step{
			{argv: []string{"/bin/sh", "-l", "-c", "echo then"}, files: map[string]string{".profile": "echo profile\n"}, like: regexp.MustCompile(`(?s)profile\nthen\n$`)},
			{argv: []string{"/bin/sh", "-c", "echo then"}, stdout: "then\n"},
		}},
	}
}

var _ = suite.Describe("scripts", func() { behave("scripts", scriptBehaviours()) })

func scriptBehaviours() []behaviour {
	return []behaviour{
		{id: "argument", clause: "LSB 5.0 Core 20.3 Executable Scripts: the interpreter gets its argument, the script's name and the script's arguments",
			sources: []string{"ABI-022"}, steps: []step{
				{argv: []string{"./s", "x", "y"}, files: map[string]string{"s": "#!/bin/echo arg\n"}, like: regexp.MustCompile(`^arg [^ ]*s x y\n$`)},
				{argv: []string{"./n", "x"}, files: map[string]string{"n": "#!/bin/echo\n"}, like: regexp.MustCompile(`^[^ ]*n x\n$`)},
			}},
		{id: "blank", clause: "LSB 5.0 Core 20.3 Executable Scripts: a blank may stand before the interpreter's name",
			sources: []string{"ABI-023"}, steps: []step{
				{argv: []string{"./s", "x"}, files: map[string]string{"s": "#! /bin/echo arg\n"}, like: regexp.MustCompile(`^arg [^ ]*s x\n$`)},
			}},
		{id: "long-line", clause: "LSB 5.0 Core 20.3 Executable Scripts: a first line of 80 bytes works",
			sources: []string{"ABI-024"}, steps: []step{
				{argv: []string{"./s", "x"}, files: map[string]string{"s": "#!/bin/echo " + longArgument + "\n"}, like: regexp.MustCompile(`^` + longArgument + ` [^ ]*s x\n$`)},
			}},
		{id: "first-line", clause: "LSB 5.0 Core 20.3 Executable Scripts: the interpreter does not execute the first line",
			sources: []string{"ABI-026"}, steps: []step{
				{argv: []string{"./s"}, files: map[string]string{"s": "#!/bin/sh\necho body\n"}, stdout: "body\n"},
			}},
	}
}

// longArgument fills "#!/bin/echo " up to 79 bytes, 80 with the newline.
const longArgument = "0123456789012345678901234567890123456789012345678901234567890123456"
