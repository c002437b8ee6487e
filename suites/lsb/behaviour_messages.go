package lsb

import "xtest/suites/spec"

var _ = suite.Describe("behaviour", func() { behave("behaviour", messageUtilities()) })

// messageUtilities translate, describe terminals, print and send.
func messageUtilities() []behaviour {
	return []behaviour{
		{id: "gencat", clause: asPOSIX + "gencat: makes a message catalogue, and merges into one that is there; refuses what is no message source", needs: []string{"cmp", "cp"}, steps: []step{
			do("gencat a.cat a.msg").with("a.msg", "$set 1\n$quote \"\n1 \"one\\n\"\n2 \"two\"\n"),
			do("/bin/sh -c", "test -s a.cat && cp a.cat b.cat && gencat b.cat b.msg && ! cmp -s a.cat b.cat && echo merged").with("b.msg", "$set 1\n3 three\n").out("merged\n"),
			do("gencat c.cat absent").refused(),
		}},
		{id: "gettext-translates", of: "gettext", clause: asLSB + "gettext: -d and TEXTDOMAINDIR find what msgfmt made; -e takes escapes; -s ends with a newline", sources: []string{"BEH-023", "LOC-002"}, steps: []step{
			do("gettext -e -d xtest", `a\tb`).out("a\tb"),
			do("gettext -s -d xtest one").out("one\n"),
			do("gettext").anyOutput().refused(),
		}},
		{id: "gettext-catalogue", of: "gettext", clause: asLSB + "gettext and 21.1: what msgfmt compiled is found under TEXTDOMAINDIR in the language asked for", sources: []string{"BEH-023", "LOC-002"}, needs: []string{"localedef"}, probes: []spec.Probe{localeSources}, steps: []step{
			do("mkdir -p xt/LC_MESSAGES"),
			do("msgfmt -o xt/LC_MESSAGES/d.mo d.po").with("d.po", "msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n\"\n\nmsgid \"hello\"\nmsgstr \"h\u00e4llo\"\n").anyOutput(),
			// Messages are never translated in the C locale, nor in what takes its place.
			do("/bin/sh -c", "localedef -c -i POSIX -f UTF-8 ./xt_XT >/dev/null 2>&1; [ $? -le 1 ]"),
			do("/bin/sh -c", "LOCPATH=$PWD LC_ALL=xt_XT LANGUAGE=xt TEXTDOMAINDIR=. gettext -d d hello").out("h\u00e4llo"),
		}},
		{id: "msgfmt-refuses", of: "msgfmt", clause: asLSB + "msgfmt: a file that is not there, or a message defined twice, is refused", sources: []string{"BEH-044"}, steps: []step{
			do("msgfmt -o f.mo absent.po").anyOutput().refused(),
			do("msgfmt -o f.mo f.po").with("f.po", "msgid \"a\"\nmsgstr \"b\"\n\nmsgid \"a\"\nmsgstr \"c\"\n").anyOutput().refused(),
		}},
		{id: "iconv-refuses", of: "iconv", clause: asPOSIX + "iconv: what cannot be converted is an error, -c leaves it out; unknown names are refused; -l lists", sources: []string{"LOC-008"}, steps: []step{
			do("iconv -f UTF-8 -t US-ASCII f").with("f", "a\u00e4b\n").anyOutput().refused(),
			do("/bin/sh -c", "iconv -c -f UTF-8 -t US-ASCII f 2>/dev/null; :").out("ab\n"),
			do("iconv -f UTF-8 -t UTF-16LE").in("a\u20ac").out("a\x00\xac\x20"),
			do("iconv -f XTEST-NONE -t UTF-8").in("a").refused(),
			do("iconv -l").like(`(?s)UTF-?8.*`),
		}},
		{id: "locale-keywords", of: "locale", clause: asPOSIX + "locale: the categories of the environment, keywords of the C locale with -k and -c, charmaps with -m", steps: []step{
			do("locale").like(`(?m)\A(LANG=.*\n)(?s:.*)^LC_COLLATE="C"$(?s:.*)^LC_ALL=C$`),
			do("locale -k decimal_point").out("decimal_point=\".\"\n"),
			do("locale -c -k decimal_point").out("LC_NUMERIC\ndecimal_point=\".\"\n"),
			do("locale abday").out("Sun;Mon;Tue;Wed;Thu;Fri;Sat\n"),
			do("locale d_fmt yesexpr").out("%m/%d/%y\n^[yY]\n"),
			do("locale xtest_none").anyOutput().refused(),
		}},
		{id: "localedef-compiles", of: "localedef", clause: asPOSIX + "localedef: makes a locale of a source and a charmap", probes: []spec.Probe{localeSources}, needs: []string{"ls"}, steps: []step{
			// Status 1 is success with warnings.
			do("/bin/sh -c", "localedef -c -i POSIX -f ANSI_X3.4-1968 ./x >/dev/null 2>&1; [ $? -le 1 ]"),
			do("ls x/LC_CTYPE x/LC_COLLATE").out("x/LC_COLLATE\nx/LC_CTYPE\n"),
		}},
		{id: "localedef", clause: asPOSIX + "localedef: refuses a source that is not there, with a status above 3", steps: []step{
			do("localedef -i ./absent -f UTF-8 ./x").anyOutput().errs(),
		}},
		{id: "logger", clause: asPOSIX + "logger: takes a message; -p refuses a priority that is none", probes: []spec.Probe{logSocket}, steps: []step{
			do("logger xtest message"),
			do("logger -p xtest.none message").refused(),
		}},
		{id: "logger-refuses", of: "logger", clause: "LSB 5.0 Core 17.1 logger: an option that is none is refused", steps: []step{
			do("logger --xtest-none").anyOutput().refused(),
		}},
		{id: "man", clause: asPOSIX + "man: an error for what has no page; -k looks for keywords", steps: []step{
			do("man xtest-none").refused(),
			do("/bin/sh -c", "man -k xtest-none >/dev/null 2>&1").refused(),
		}},
		{id: "infocmp", clause: "LSB 5.0 Core 17.1 infocmp, as X/Open Curses: writes a description that tic takes; an unknown terminal is refused", steps: []step{
			do("infocmp dumb").like(`(?s)dumb\|.*\bam,.*cols#(80|0x50),`),
			do("infocmp xtest-none").refused(),
		}},
		{id: "tic", clause: "LSB 5.0 Core 17.1 tic, as X/Open Curses: compiles a description into $TERMINFO, for tput and infocmp", needs: []string{"tput", "mkdir", "env"}, steps: []step{
			do("mkdir t"),
			do("env TERMINFO=t tic ti").with("ti", "xtest|made up,\n\tam, cols#33, bel=^G, cup=\\E[%i%p1%d;%p2%dH,\n").anyOutput(),
			do("env TERMINFO=t tput -T xtest cols").out("33\n"),
			do("env TERMINFO=t tput -T xtest cup 1 2").out("\x1b[2;3H"),
			do("env TERMINFO=t tic absent").anyOutput().refused(),
		}},
		{id: "tput", clause: asPOSIX + "tput: capabilities; status 1 for a false one, 3 for an unknown terminal, 4 for an unknown operand", needs: []string{"env"}, steps: []step{
			do("tput -T dumb cols").out("80\n"),
			do("tput -T dumb am"),
			do("tput -T dumb bw").exits(1),
			do("tput -T xtest-none clear").exits(3),
			do("tput -T dumb xtest-none").exits(4),
		}},
		{id: "lp", clause: asPOSIX + "lp: a file that is not there is an error", steps: []step{do("lp absent").anyOutput().refused()}},
		{id: "lpr", clause: asLSB + "lpr: a file that is not there is an error", sources: []string{"BEH-036"}, steps: []step{do("lpr absent").anyOutput().refused()}},
		{id: "mailx", clause: asPOSIX + "mailx: -e tells by its status whether there is mail", needs: []string{"env"}, steps: []step{
			do("env MAIL=absent mailx -e").refused(),
			do("env MAIL=box mailx -e").with("box", mailbox),
		}},
		{id: "mailx-headings", of: "mailx", clause: asPOSIX + "mailx: -f takes a mailbox, -H lists its headings alone", steps: []step{
			do("mailx -H -f box").with("box", mailbox).like(`\b1\b.*a@x.*hello`),
		}},
		{id: "sendmail", clause: asLSB + "sendmail: without a recipient, no message is taken", sources: []string{"BEH-052"}, grade: spec.Guest, steps: []step{
			do("sendmail -i").in("Subject: x\n\ntext\n").anyOutput().refused(),
		}},
		{id: "lsb_release", clause: asLSB + "lsb_release: -s with -i, -r and -c gives one value each", steps: []step{
			do("lsb_release -s -i").like(`^.+\n$`),
			do("lsb_release -s -c").like(`^.+\n$`),
		}},
	}
}

// mailbox holds one message, as RFC 4155 describes.
const mailbox = "From a@x Sat Jan  1 00:00:00 2000\nFrom: a@x\nTo: b@x\nSubject: hello\nDate: Sat, 1 Jan 2000 00:00:00 +0000\n\ntext\n"
