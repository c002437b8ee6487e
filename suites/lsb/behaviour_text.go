package lsb

import "regexp"

// anything is for output that the text does not lay down.
var anything = regexp.MustCompile(``)

var _ = suite.Describe("behaviour", func() { behave("behaviour", textBehaviours()) })

func textBehaviours() []behaviour {
	return []behaviour{
		{id: "awk", clause: "LSB 5.0 Core 17.2 awk, as POSIX.1-2008: fields, arithmetic, printf %c, getline",
			sources: []string{"BEH-003"}, steps: []step{
				{argv: []string{"awk", `{ n += $2 } END { printf "%d %c\n", n, 65 }`}, stdin: "a 1\nb 41\n", stdout: "42 A\n"},
				{argv: []string{"awk", "-F:", `NR == 1 { getline; print $2 }`}, stdin: "a:b\nc:d\n", stdout: "d\n"},
				{argv: []string{"awk", "BEGIN { exit 3 }"}, status: 3},
			}},
		{id: "bc", clause: "LSB 5.0 Core 17.2 bc, as POSIX.1-2008: scale, sqrt, length, bases",
			sources: []string{"BEH-005"}, steps: []step{
				{argv: []string{"bc"}, stdin: "scale=3\n10/3\nsqrt(2)\nlength(12345)\nobase=16\n255\n", stdout: "3.333\n1.414\n5\nFF\n"},
			}},
		{id: "col", clause: "LSB 5.0 Core 17.2 col: -b drops backspaces and keeps the last character of each column",
			sources: []string{"BEH-010"}, steps: []step{
				{argv: []string{"col", "-b"}, stdin: "a\bb_\bc\n", stdout: "bc\n"},
			}},
		{id: "cut", clause: "LSB 5.0 Core 17.2 cut, as POSIX.1-2008: -c, -f with -d, -s",
			sources: []string{"BEH-013"}, steps: []step{
				{argv: []string{"cut", "-c2-3"}, stdin: "abcd\n", stdout: "bc\n"},
				{argv: []string{"cut", "-d:", "-f1,3"}, stdin: "a:b:c\nplain\n", stdout: "a:c\nplain\n"},
				{argv: []string{"cut", "-s", "-d:", "-f1,3"}, stdin: "a:b:c\nplain\n", stdout: "a:c\n"},
			}},
		{id: "grep", clause: "LSB 5.0 Core 17.2 grep, as POSIX.1-2008: patterns, -E, -F, -q, -s, -c, exit status 1 for none and above it for an error",
			sources: []string{"BEH-024"}, steps: []step{
				{argv: []string{"grep", `a\{2\}`}, stdin: "aa\nba\n", stdout: "aa\n"},
				{argv: []string{"grep", "-E", "^(a|b)+$"}, stdin: "abba\nabc\n", stdout: "abba\n"},
				{argv: []string{"grep", "-F", "a.c"}, stdin: "abc\na.c\n", stdout: "a.c\n"},
				{argv: []string{"grep", "-q", "x"}, stdin: "abc\n", status: 1},
				{argv: []string{"grep", "-c", "b"}, stdin: "b\nb\na\n", stdout: "2\n"},
				{argv: []string{"grep", "-s", "x", "absent"}, status: 2},
			}},
		{id: "egrep", clause: "LSB 5.0 Core 17.2 egrep: equals grep -E",
			sources: []string{"BEH-018"}, steps: []step{
				{argv: []string{"egrep", "^(a|b)+$"}, stdin: "abba\nabc\n", stdout: "abba\n"},
				{argv: []string{"egrep", "x+"}, stdin: "abc\n", status: 1},
			}},
		{id: "fgrep", clause: "LSB 5.0 Core 17.2 fgrep: equals grep -F",
			sources: []string{"BEH-019"}, steps: []step{
				{argv: []string{"fgrep", "a.c"}, stdin: "abc\na.c\n", stdout: "a.c\n"},
			}},
		{id: "m4", clause: "LSB 5.0 Core 17.2 m4, as POSIX.1-2008: define, eval, ifelse",
			sources: []string{"BEH-038"}, steps: []step{
				{argv: []string{"m4"}, stdin: "define(`x', `<$1>')dnl\nx(a) eval(6*7) ifelse(1, 1, yes, no)\n", stdout: "<a> 42 yes\n"},
			}},
		{id: "md5sum", clause: "LSB 5.0 Core 17.2 md5sum: prints the RFC 1321 digest and name, -c compares",
			sources: []string{"BEH-039"}, steps: []step{
				{argv: []string{"md5sum", "f"}, files: map[string]string{"f": "abc"}, stdout: "900150983cd24fb0d6963f7d28e17f72  f\n"},
				{argv: []string{"md5sum", "-c", "s"}, files: map[string]string{"s": "900150983cd24fb0d6963f7d28e17f72  f\n"}, stdout: "f: OK\n"},
				{argv: []string{"md5sum", "-c", "s"}, files: map[string]string{"f": "abd"}, like: anything, refused: true},
			}},
		{id: "od", clause: "LSB 5.0 Core 17.2 od, as POSIX.1-2008: -A n, -t x1 and o1",
			sources: []string{"BEH-046"}, steps: []step{
				{argv: []string{"od", "-A", "n", "-t", "x1"}, stdin: "AB\n", stdout: " 41 42 0a\n"},
				{argv: []string{"od", "-t", "o1"}, stdin: "AB\n", stdout: "0000000 101 102 012\n0000003\n"},
			}},
		{id: "patch", clause: "LSB 5.0 Core 17.2 patch, as POSIX.1-2008: applies a unified difference, -R takes it back",
			sources: []string{"BEH-048"}, steps: []step{
				{argv: []string{"patch", "-u", "f", "d"}, like: anything, makes: map[string]string{"f": "a\nX\nc\n"},
					files: map[string]string{"f": "a\nb\nc\n", "d": "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+X\n c\n"}},
				{argv: []string{"patch", "-u", "-R", "f", "d"}, like: anything, makes: map[string]string{"f": "a\nb\nc\n"}},
			}},
		{id: "sed", clause: "LSB 5.0 Core 17.2 sed, as POSIX.1-2008: -n, -e, -f, addresses, hold space",
			sources: []string{"BEH-051"}, steps: []step{
				{argv: []string{"sed", "-n", "-e", `s/\(a\)\(b\)/\2\1/p`}, stdin: "abc\nx\n", stdout: "bac\n"},
				{argv: []string{"sed", "-f", "script"}, files: map[string]string{"script": "2d\n$a\\\nend\n"}, stdin: "1\n2\n3\n", stdout: "1\n3\nend\n"},
				{argv: []string{"sed", "-n", "1!G;h;$p"}, stdin: "1\n2\n3\n", stdout: "3\n2\n1\n"},
			}},
		{id: "seq", clause: "LSB 5.0 Core 17.2 seq: first, increment and last, -s, -w, -f",
			sources: []string{"BEH-053"}, steps: []step{
				{argv: []string{"seq", "3"}, stdout: "1\n2\n3\n"},
				{argv: []string{"seq", "-s", ":", "2", "4", "8"}, stdout: "2:6\n"},
				{argv: []string{"seq", "-w", "9", "10"}, stdout: "09\n10\n"},
				{argv: []string{"seq", "-f", "%.1f", "1", "2"}, stdout: "1.0\n2.0\n"},
			}},
		{id: "sort-bytes", clause: "LSB 5.0 Core 21 and POSIX.1-2008 sort: the C locale sorts by byte; -n, -r, -k, -u",
			sources: []string{"LOC-007"}, steps: []step{
				{argv: []string{"sort"}, stdin: "b\nB\na\nA\n_\n", stdout: "A\nB\n_\na\nb\n"},
				{argv: []string{"sort", "-rn", "-k2"}, stdin: "a 9\nb 10\n", stdout: "b 10\na 9\n"},
				{argv: []string{"sort", "-u"}, stdin: "b\na\nb\n", stdout: "a\nb\n"},
			}},
		{id: "iconv", clause: "LSB 5.0 Core 17.1 iconv: UTF-8 to ISO-8859-1 and back",
			sources: []string{"LOC-008"}, steps: []step{
				{argv: []string{"iconv", "-f", "UTF-8", "-t", "ISO-8859-1"}, stdin: "\u00e4\u00df\n", stdout: "\xe4\xdf\n"},
				{argv: []string{"iconv", "-f", "ISO-8859-1", "-t", "UTF-8"}, stdin: "\xe4\xdf\n", stdout: "\u00e4\u00df\n"},
			}},
		{id: "locale", clause: "LSB 5.0 Core 21.1: the locales POSIX and C are available",
			sources: []string{"LOC-001"}, steps: []step{
				{argv: []string{"locale", "-a"}, like: regexp.MustCompile(`(?m)^C$`)},
				{argv: []string{"locale", "-a"}, like: regexp.MustCompile(`(?m)^POSIX$`)},
			}},
		{id: "regular-expressions", clause: "LSB 5.0 Core 21.2, POSIX.1-2008: basic and extended expressions, with character classes",
			sources: []string{"LOC-003"}, steps: []step{
				{argv: []string{"grep", `^[[:alpha:]]\{1,2\}[[:digit:]]*$`}, stdin: "ab12\nabc1\n", stdout: "ab12\n"},
				{argv: []string{"grep", "-E", "^[^[:space:]]{2}(x|y)?$"}, stdin: "abx\na bx\n", stdout: "abx\n"},
				{argv: []string{"grep", `\(a\)\1`}, stdin: "aa\nab\n", stdout: "aa\n"},
			}},
		{id: "gettext", clause: "LSB 5.0 Core 17.2 gettext: a message without translation is printed as it is",
			sources: []string{"BEH-023"}, steps: []step{
				{argv: []string{"gettext", "-d", "xtest", "hello"}, stdout: "hello"},
			}},
		{id: "msgfmt", clause: "LSB 5.0 Core 17.2 msgfmt: -o makes a message object, -c checks and refuses an invalid file",
			sources: []string{"BEH-044"}, steps: []step{
				{argv: []string{"msgfmt", "-o", "f.mo", "f.po"}, like: anything,
					files: map[string]string{"f.po": "msgid \"a\"\nmsgstr \"b\"\n"}},
				{argv: []string{"od", "-A", "n", "-t", "x1", "-N", "4", "f.mo"},
					like: regexp.MustCompile(`^ (de 12 04 95|95 04 12 de)\n$`)},
				{argv: []string{"msgfmt", "-c", "-o", "g.mo", "g.po"}, refused: true, like: anything,
					files: map[string]string{"g.po": "msgid \"a\n"}},
			}},
	}
}
