package lsb

var _ = suite.Describe("behaviour", func() { behave("behaviour", textBehaviours()) })

func textBehaviours() []behaviour {
	return []behaviour{
		{id: "awk", clause: "LSB 5.0 Core 17.2 awk, as POSIX.1-2008: fields, arithmetic, printf %c, getline",
			sources: []string{"BEH-003"}, steps: []step{
				do("awk", `{ n += $2 } END { printf "%d %c\n", n, 65 }`).in("a 1\nb 41\n").out("42 A\n"),
				do("awk -F:", `NR == 1 { getline; print $2 }`).in("a:b\nc:d\n").out("d\n"),
				do("awk", "BEGIN { exit 3 }").exits(3),
			}},
		{id: "bc", clause: "LSB 5.0 Core 17.2 bc, as POSIX.1-2008: scale, sqrt, length, bases",
			sources: []string{"BEH-005"}, steps: []step{
				do("bc").in("scale=3\n10/3\nsqrt(2)\nlength(12345)\nobase=16\n255\n").out("3.333\n1.414\n5\nFF\n"),
			}},
		{id: "col", clause: "LSB 5.0 Core 17.2 col: -b drops backspaces and keeps the last character of each column",
			sources: []string{"BEH-010"}, steps: []step{
				do("col -b").in("a\bb_\bc\n").out("bc\n"),
			}},
		{id: "cut", clause: "LSB 5.0 Core 17.2 cut, as POSIX.1-2008: -c, -f with -d, -s",
			sources: []string{"BEH-013"}, steps: []step{
				do("cut -c2-3").in("abcd\n").out("bc\n"),
				do("cut -d: -f1,3").in("a:b:c\nplain\n").out("a:c\nplain\n"),
				do("cut -s -d: -f1,3").in("a:b:c\nplain\n").out("a:c\n"),
			}},
		{id: "grep", clause: "LSB 5.0 Core 17.2 grep, as POSIX.1-2008: patterns, -E, -F, -q, -s, -c, exit status 1 for none and above it for an error",
			sources: []string{"BEH-024"}, steps: []step{
				do("grep", `a\{2\}`).in("aa\nba\n").out("aa\n"),
				do("grep -E ^(a|b)+$").in("abba\nabc\n").out("abba\n"),
				do("grep -F a.c").in("abc\na.c\n").out("a.c\n"),
				do("grep -q x").in("abc\n").exits(1),
				do("grep -c b").in("b\nb\na\n").out("2\n"),
				do("grep -s x absent").exits(2),
			}},
		{id: "egrep", clause: "LSB 5.0 Core 17.2 egrep: equals grep -E",
			sources: []string{"BEH-018"}, steps: []step{
				do("egrep ^(a|b)+$").in("abba\nabc\n").out("abba\n"),
				do("egrep x+").in("abc\n").exits(1),
			}},
		{id: "fgrep", clause: "LSB 5.0 Core 17.2 fgrep: equals grep -F",
			sources: []string{"BEH-019"}, steps: []step{
				do("fgrep a.c").in("abc\na.c\n").out("a.c\n"),
			}},
		{id: "m4", clause: "LSB 5.0 Core 17.2 m4, as POSIX.1-2008: define, eval, ifelse",
			sources: []string{"BEH-038"}, steps: []step{
				do("m4").in("define(`x', `<$1>')dnl\nx(a) eval(6*7) ifelse(1, 1, yes, no)\n").out("<a> 42 yes\n"),
			}},
		{id: "md5sum", clause: "LSB 5.0 Core 17.2 md5sum: prints the RFC 1321 digest and name, -c compares",
			sources: []string{"BEH-039"}, steps: []step{
				do("md5sum f").with("f", "abc").out("900150983cd24fb0d6963f7d28e17f72  f\n"),
				do("md5sum -c s").with("s", "900150983cd24fb0d6963f7d28e17f72  f\n").out("f: OK\n"),
				do("md5sum -c s").with("f", "abd").anyOutput().refused(),
			}},
		{id: "od", clause: "LSB 5.0 Core 17.2 od, as POSIX.1-2008: -A n, -t x1 and o1",
			sources: []string{"BEH-046"}, steps: []step{
				do("od -A n -t x1").in("AB\n").out(" 41 42 0a\n"),
				do("od -t o1").in("AB\n").out("0000000 101 102 012\n0000003\n"),
			}},
		{id: "patch", clause: "LSB 5.0 Core 17.2 patch, as POSIX.1-2008: applies a unified difference, -R takes it back",
			sources: []string{"BEH-048"}, steps: []step{
				do("patch -u f d").with("f", "a\nb\nc\n", "d", "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+X\n c\n").anyOutput().leaves("f", "a\nX\nc\n"),
				do("patch -u -R f d").anyOutput().leaves("f", "a\nb\nc\n"),
			}},
		{id: "sed", clause: "LSB 5.0 Core 17.2 sed, as POSIX.1-2008: -n, -e, -f, addresses, hold space",
			sources: []string{"BEH-051"}, steps: []step{
				do("sed -n -e", `s/\(a\)\(b\)/\2\1/p`).in("abc\nx\n").out("bac\n"),
				do("sed -f script").with("script", "2d\n$a\\\nend\n").in("1\n2\n3\n").out("1\n3\nend\n"),
				do("sed -n 1!G;h;$p").in("1\n2\n3\n").out("3\n2\n1\n"),
			}},
		{id: "seq", clause: "LSB 5.0 Core 17.2 seq: first, increment and last, -s, -w, -f",
			sources: []string{"BEH-053"}, steps: []step{
				do("seq 3").out("1\n2\n3\n"),
				do("seq -s : 2 4 8").out("2:6\n"),
				do("seq -w 9 10").out("09\n10\n"),
				do("seq -f %.1f 1 2").out("1.0\n2.0\n"),
			}},
		{id: "sort-bytes", of: "sort", clause: "LSB 5.0 Core 21 and POSIX.1-2008 sort: the C locale sorts by byte; -n, -r, -k, -u",
			sources: []string{"LOC-007"}, steps: []step{
				do("sort").in("b\nB\na\nA\n_\n").out("A\nB\n_\na\nb\n"),
				do("sort -rn -k2").in("a 9\nb 10\n").out("b 10\na 9\n"),
				do("sort -u").in("b\na\nb\n").out("a\nb\n"),
			}},
		{id: "iconv", clause: "LSB 5.0 Core 17.1 iconv: UTF-8 to ISO-8859-1 and back",
			sources: []string{"LOC-008"}, steps: []step{
				do("iconv -f UTF-8 -t ISO-8859-1").in("\u00e4\u00df\n").out("\xe4\xdf\n"),
				do("iconv -f ISO-8859-1 -t UTF-8").in("\xe4\xdf\n").out("\u00e4\u00df\n"),
			}},
		{id: "locale", clause: "LSB 5.0 Core 21.1: the locales POSIX and C are available",
			sources: []string{"LOC-001"}, steps: []step{
				do("locale -a").like(`(?m)^C$`),
				do("locale -a").like(`(?m)^POSIX$`),
			}},
		{id: "regular-expressions", of: "grep", clause: "LSB 5.0 Core 21.2, POSIX.1-2008: basic and extended expressions, with character classes",
			sources: []string{"LOC-003"}, steps: []step{
				do("grep", `^[[:alpha:]]\{1,2\}[[:digit:]]*$`).in("ab12\nabc1\n").out("ab12\n"),
				do("grep -E ^[^[:space:]]{2}(x|y)?$").in("abx\na bx\n").out("abx\n"),
				do("grep", `\(a\)\1`).in("aa\nab\n").out("aa\n"),
			}},
		{id: "gettext", clause: "LSB 5.0 Core 17.2 gettext: a message without translation is printed as it is",
			sources: []string{"BEH-023"}, steps: []step{
				do("gettext -d xtest hello").out("hello"),
			}},
		{id: "msgfmt", clause: "LSB 5.0 Core 17.2 msgfmt: -o makes a message object, -c checks and refuses an invalid file",
			sources: []string{"BEH-044"}, steps: []step{
				do("msgfmt -o f.mo f.po").with("f.po", "msgid \"a\"\nmsgstr \"b\"\n").anyOutput(),
				do("od -A n -t x1 -N 4 f.mo").like(`^ (de 12 04 95|95 04 12 de)\n$`),
				do("msgfmt -c -o g.mo g.po").with("g.po", "msgid \"a\n").anyOutput().refused(),
			}},
	}
}
