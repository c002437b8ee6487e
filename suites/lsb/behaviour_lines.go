package lsb

var _ = suite.Describe("behaviour", func() { behave("behaviour", lineUtilities()) })

// lineUtilities cut, join, order and count lines.
func lineUtilities() []behaviour {
	return []behaviour{
		{id: "cat", clause: asPOSIX + "cat: files in order, - is standard input; a missing file does not stop the others", steps: []step{
			do("cat -u f - g").with("f", "one\n", "g", "three").in("two\n").out("one\ntwo\nthree"),
			do("cat f absent g").out("one\nthree").refused(),
			do("cat").in("\x00\xff\r\n").out("\x00\xff\r\n"),
		}},
		{id: "cksum", clause: asPOSIX + "cksum: POSIX's CRC, the count of bytes, and the name", steps: []step{
			do("cksum").in("123456789").out("930766865 9\n"),
			do("cksum e").with("e", "").out("4294967295 0 e\n"),
			do("cksum absent").refused(),
		}},
		{id: "comm", clause: asPOSIX + "comm: three columns, -1, -2, -3 leave one out", steps: []step{
			do("comm a b").with("a", "1\n2\n3\n", "b", "2\n3\n4\n").out("1\n\t\t2\n\t\t3\n\t4\n"),
			do("comm -12 a b").out("2\n3\n"),
			do("comm -23 a -").in("3\n").out("1\n2\n"),
			do("comm a absent").anyOutput().refused(),
		}},
		{id: "csplit", clause: asPOSIX + "csplit: pieces at expressions and lines; what was made is removed on an error unless -k", needs: []string{"ls"}, steps: []step{
			do("csplit f /b/ {1}").with("f", "a\nb\nc\nb\nd\n").out("2\n4\n4\n").leaves("xx00", "a\n", "xx01", "b\nc\n", "xx02", "b\nd\n"),
			do("csplit -s -f p -n 3 f 2").leaves("p000", "a\n", "p001", "b\nc\nb\nd\n"),
			do("csplit -s -f q f /b/+1 %d%").leaves("q00", "a\nb\n", "q01", "d\n"),
			do("csplit -s -f r f /none/").refused(),
			do("/bin/sh -c", "ls r* 2>/dev/null").refused(),
			do("csplit -s -k -f s f 2 /none/").refused().leaves("s00", "a\n"),
		}},
		{id: "cut-ranges", of: "cut", clause: asLSB + "cut, as POSIX.1-2008: ranges from the start and to the end, -b; one of -b, -c, -f is needed", sources: []string{"BEH-013"}, steps: []step{
			do("cut -c -2,4-").in("abcdef\n").out("abdef\n"),
			do("cut -b 3,1").in("abc\n").out("ac\n"),
			do("cut -f 2").in("a\tb\n").out("b\n"),
			do("cut f").refused(),
			do("cut -c 1 absent").refused(),
		}},
		{id: "expand", clause: asPOSIX + "expand: tabs become blanks up to the next stop", steps: []step{
			do("expand").in("a\tb\tc\n").out("a       b       c\n"),
			do("expand -t 4").in("a\tb\n").out("a   b\n"),
			do("expand -t 2,5").in("\tx\ty\tz\n").out("  x  y z\n"),
		}},
		{id: "unexpand", clause: asPOSIX + "unexpand: leading blanks become tabs, -a others too", steps: []step{
			do("unexpand").in("        a        b\n").out("\ta        b\n"),
			do("unexpand -a").in("        a       b\n").out("\ta\tb\n"),
			do("unexpand -t 4").in("        a\n").out("\t\ta\n"),
		}},
		{id: "fold", clause: asPOSIX + "fold: -w breaks lines at a width, -s behind blanks", steps: []step{
			do("fold -w 4").in("abcdefghij\n").out("abcd\nefgh\nij\n"),
			do("fold -s -w 6").in("ab cd efg\n").out("ab cd \nefg\n"),
			do("fold -b -w 2").in("abc").out("ab\nc"),
		}},
		{id: "head", clause: asPOSIX + "head: the first ten lines, or -n", steps: []step{
			do("head").in("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n").out("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"),
			do("head -n 2 f").with("f", "a\nb\nc\n").out("a\nb\n"),
			do("head -n 1 f g").with("g", "x\n").out("==> f <==\na\n\n==> g <==\nx\n"),
			do("head absent").refused(),
		}},
		{id: "tail", clause: asPOSIX + "tail: the last ten lines, -n and -c from the end or, with +, from the start", steps: []step{
			do("tail").in("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n").out("2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n"),
			do("tail -n 2 f").with("f", "a\nb\nc\n").out("b\nc\n"),
			do("tail -n +2 f").out("b\nc\n"),
			do("tail -c 3 f").out("\nc\n"),
			do("tail -c +4 f").out("\nc\n"),
			do("tail absent").refused(),
		}},
		{id: "join", clause: asPOSIX + "join: pairs lines by a field; -a, -v, -o, -e, -t, -1, -2", steps: []step{
			do("join a b").with("a", "1 x\n2 y\n", "b", "1 p\n3 q\n").out("1 x p\n"),
			do("join -a 1 -a 2 -e - -o 0,1.2,2.2 a b").out("1 x p\n2 y -\n3 - q\n"),
			do("join -v 1 a b").out("2 y\n"),
			do("join -t : -1 2 -2 1 c d").with("c", "x:1\n", "d", "1:z\n").out("1:x:z\n"),
			do("join a absent").refused(),
		}},
		{id: "nl", clause: asPOSIX + "nl: numbers lines with text; -b a all, -v, -i, -s, -w", steps: []step{
			do("nl").in("a\n\nb\n").out("     1\ta\n       \n     2\tb\n"),
			do("nl -b a -v 5 -i 5 -s : -w 3").in("a\n\n").out("  5:a\n 10:\n"),
			do("nl -n rz -w 3 -b p^x").in("xa\nb\n").out("001\txa\n    b\n"),
		}},
		{id: "paste", clause: asPOSIX + "paste: lines side by side, -s one after the other, -d other delimiters", steps: []step{
			do("paste a b").with("a", "1\n2\n3\n", "b", "x\ny\n").out("1\tx\n2\ty\n3\t\n"),
			do("paste -s -d", ":,", "a").out("1:2,3\n"),
			do("paste - -").in("a\nb\nc\nd\n").out("a\tb\nc\td\n"),
			do("paste a absent").anyOutput().refused(),
		}},
		{id: "pr", clause: asPOSIX + "pr: pages of 66 lines with a heading; -t without, -n numbers, columns", needs: []string{"wc"}, steps: []step{
			do("pr -t f").with("f", "a\nb\n").out("a\nb\n"),
			do("pr -h Title f").like(`^\n\n.*Title +Page 1\n\n\na\nb\n\n+$`),
			do("/bin/sh -c", "pr f | wc -l").like(`^ *66\n$`),
			do("pr -t -n:3 f").out("  1:a\n  2:b\n"),
			do("pr -t -o 2 f").out("  a\n  b\n"),
			do("pr absent").refused(),
		}},
		{id: "sort", clause: asPOSIX + "sort: keys, fields, -c, -m, -o on its own input, -b, -f, -d; status 1 for disorder, above it for an error", steps: []step{
			do("sort -t : -k 2n -k 1,1r").in("a:10\nb:9\nc:10\n").out("b:9\nc:10\na:10\n"),
			do("sort -n").in("10\n-1\n9\n 2.5\n").out("-1\n 2.5\n9\n10\n"),
			do("sort -f").in("b\nA\na\nB\n").out("A\na\nB\nb\n"),
			do("sort -b -k 2").in("x   b\nx  a\n").out("x  a\nx   b\n"),
			do("sort -o f f").with("f", "b\na\n").leaves("f", "a\nb\n"),
			do("sort -m f g").with("g", "aa\nc\n").out("a\naa\nb\nc\n"),
			do("sort -c f"),
			do("sort -c").in("b\na\n").exits(1),
			do("sort -C").in("b\na\n").exits(1),
			do("sort -u -c").in("a\na\n").exits(1),
			do("sort absent").errs(),
		}},
		{id: "split", clause: asPOSIX + "split: pieces of 1000 lines, -l lines or -b bytes, names that count up", steps: []step{
			do("split -l 2").in("1\n2\n3\n").leaves("xaa", "1\n2\n", "xab", "3\n"),
			do("split -b 3 - p").in("abcdefgh").leaves("paa", "abc", "pab", "def", "pac", "gh"),
			do("split -a 1 -b 1k - q").in("x").leaves("qa", "x"),
			do("split absent").refused(),
		}},
		{id: "tr", clause: asPOSIX + "tr: ranges, classes, -d, -s, -c, escapes", steps: []step{
			do("tr a-c A-C").in("abcd\n").out("ABCd\n"),
			do("tr [:lower:] [:upper:]").in("a1z").out("A1Z"),
			do("tr -d 0-9").in("a1b2\n").out("ab\n"),
			do("tr -s a").in("aabaa\n").out("aba\n"),
			do("tr -cs", "[:alpha:]", `[\n*]`).in("a, b;c").out("a\nb\nc"),
			do("tr", `\011\n`, ": ").in("a\tb\n").out("a:b "),
			do("tr -ds a b").in("aabbc").out("bc"),
			do("tr").refused(),
		}},
		{id: "tsort", clause: asPOSIX + "tsort: an order in which each comes before what it precedes", steps: []step{
			do("tsort").in("b c\na b\n").out("a\nb\nc\n"),
			do("tsort f").with("f", "x x\n").out("x\n"),
			do("tsort").in("a b c").anyOutput().refused(),
		}},
		{id: "uniq", clause: asPOSIX + "uniq: runs of equal lines become one; -c counts, -d, -u, -f, -s", steps: []step{
			do("uniq").in("a\na\nb\na\n").out("a\nb\na\n"),
			do("uniq -c").in("a\na\nb\n").like(`^ *2 a\n *1 b\n$`),
			do("uniq -d").in("a\na\nb\n").out("a\n"),
			do("uniq -u").in("a\na\nb\n").out("b\n"),
			do("uniq -f 1").in("1 a\n2 a\n3 b\n").out("1 a\n3 b\n"),
			do("uniq -s 1 f g").with("f", "1a\n2a\n").leaves("g", "1a\n"),
			do("uniq absent").refused(),
		}},
		{id: "wc", clause: asPOSIX + "wc: lines, words and bytes, and a total", steps: []step{
			do("wc f").with("f", "a b\nc\n").like(`^ *2 +3 +6 +f\n$`),
			do("wc -l").in("a\nb").like(`^ *1\n$`),
			do("wc -w").in(" a  b\nc ").like(`^ *3\n$`),
			do("wc -c f f").like(`^ *6 f\n *6 f\n *12 total\n$`),
			do("wc -m").in("abc").like(`^ *3\n$`),
			do("wc absent").refused(),
		}},
	}
}
