package lsb

import (
	"regexp"

	"xtest/suites/spec"
)

var _ = suite.Describe("behaviour", func() { behave("behaviour", fileBehaviours()) })

func fileBehaviours() []behaviour {
	return []behaviour{
		{id: "ar", clause: "LSB 5.0 Core 17.2 ar, as POSIX.1-2008: -r, -t, -p, -x make, list and unpack an archive",
			sources: []string{"BEH-001"}, steps: []step{
				{argv: []string{"ar", "-rc", "l.a", "x", "y"}, files: map[string]string{"x": "one\n", "y": "two\n"}, like: anything},
				{argv: []string{"ar", "-t", "l.a"}, stdout: "x\ny\n"},
				{argv: []string{"ar", "-p", "l.a", "y"}, stdout: "two\n"},
				{argv: []string{"ar", "-x", "l.a", "x"}, files: map[string]string{"x": "spoilt"}, like: anything, makes: map[string]string{"x": "one\n"}},
			}},
		{id: "cpio", clause: "LSB 5.0 Core 17.2 cpio: -o and -i make and unpack an archive",
			sources: []string{"BEH-011"}, steps: []step{
				{argv: []string{"/bin/sh", "-c", "echo f | cpio -o -c >a.cpio 2>/dev/null"}, files: map[string]string{"f": "one\n"}},
				{argv: []string{"cpio", "-i", "-t", "-F", "a.cpio"}, stdout: "f\n"},
				{argv: []string{"cpio", "-i", "-u", "-F", "a.cpio"}, files: map[string]string{"f": "spoilt"}, like: anything, makes: map[string]string{"f": "one\n"}},
			}},
		{id: "df", clause: "LSB 5.0 Core 17.2 df: -k -P prints POSIX's six columns",
			sources: []string{"BEH-014"}, steps: []step{
				{argv: []string{"df", "-k", "-P", "."}, like: regexp.MustCompile(
					`^Filesystem +1024-blocks +Used +Available +Capacity +Mounted on\n.*\S +\d+ +\d+ +\d+ +(\d+%|-) +/.*\n$`)},
			}},
		{id: "du", clause: "LSB 5.0 Core 17.2 du, as POSIX.1-2008: -s gives one total, -k counts 1024 bytes",
			sources: []string{"BEH-016"}, steps: []step{
				{argv: []string{"du", "-s", "-k", "."}, like: regexp.MustCompile(`^\d+\t\.\n$`)},
			}},
		{id: "file", clause: "LSB 5.0 Core 17.2 file: an empty file, a directory and text are told apart; -L follows links",
			sources: []string{"BEH-020"}, steps: []step{
				{argv: []string{"file", "e"}, files: map[string]string{"e": ""}, like: regexp.MustCompile(`^e: +.*empty`)},
				{argv: []string{"file", "."}, like: regexp.MustCompile(`^\.: +.*directory`)},
				{argv: []string{"ln", "-s", "e", "l"}},
				{argv: []string{"file", "-L", "l"}, like: regexp.MustCompile(`^l: +.*empty`)},
			}},
		{id: "find", clause: "LSB 5.0 Core 17.2 find, as POSIX.1-2008: -name, -type, -exec with +, and -print0",
			sources: []string{"BEH-021"}, steps: []step{
				{argv: []string{"mkdir", "d"}},
				{argv: []string{"find", ".", "-type", "f", "-name", "*.x"}, files: map[string]string{"d/a.x": "", "b.y": ""}, stdout: "./d/a.x\n"},
				{argv: []string{"find", ".", "-type", "f", "-name", "*.y", "-exec", "echo", "got", "{}", "+"}, stdout: "got ./b.y\n"},
				{argv: []string{"find", "d", "-name", "*.x", "-print0"}, stdout: "d/a.x\x00"},
			}},
		{id: "gzip", clause: "LSB 5.0 Core 17.2 gzip: compresses, -d restores, -c writes to stdout, -t tests",
			sources: []string{"BEH-030"}, steps: []step{
				{argv: []string{"gzip", "-9", "f"}, files: map[string]string{"f": "text\n"}},
				{argv: []string{"gzip", "-t", "f.gz"}},
				{argv: []string{"gzip", "-dc", "f.gz"}, stdout: "text\n"},
				{argv: []string{"gzip", "-d", "f.gz"}, makes: map[string]string{"f": "text\n"}},
				{argv: []string{"gzip", "-t", "g.gz"}, files: map[string]string{"g.gz": "not gzip"}, refused: true},
			}},
		{id: "gunzip", clause: "LSB 5.0 Core 17.2 gunzip and zcat: equal gzip -d and gzip -dc",
			sources: []string{"BEH-029", "BEH-064"}, steps: []step{
				{argv: []string{"gzip", "f"}, files: map[string]string{"f": "text\n"}},
				{argv: []string{"zcat", "f.gz"}, stdout: "text\n"},
				{argv: []string{"gunzip", "f.gz"}, makes: map[string]string{"f": "text\n"}},
			}},
		{id: "install", clause: "LSB 5.0 Core 17.2 install: copies with -m, makes directories with -d",
			sources: []string{"BEH-032"}, steps: []step{
				{argv: []string{"install", "-d", "-m", "0750", "d/e"}},
				{argv: []string{"install", "-m", "0640", "f", "d/e"}, files: map[string]string{"f": "one\n"}, makes: map[string]string{"d/e/f": "one\n"}},
				{argv: []string{"ls", "-l", "d/e/f"}, like: regexp.MustCompile(`^-rw-r-----`)},
				{argv: []string{"ls", "-ld", "d/e"}, like: regexp.MustCompile(`^drwxr-x---`)},
			}},
		{id: "ls", clause: "LSB 5.0 Core 17.2 ls, as POSIX.1-2008: -1, -a, -F, and byte order in the C locale",
			sources: []string{"BEH-037", "LOC-007"}, steps: []step{
				{argv: []string{"mkdir", "d"}},
				{argv: []string{"ls", "-1F"}, files: map[string]string{"b": "", "B": "", ".h": "", "x": "#!x\n"}, stdout: "B\nb\nd/\nx*\n"},
				{argv: []string{"ls", "-a"}, stdout: ".\n..\n.h\nB\nb\nd\nx\n"},
				{argv: []string{"ls", "absent"}, refused: true},
			}},
		{id: "mktemp", clause: "LSB 5.0 Core 17.2 mktemp: makes a file of mode 600 from a template, -d a directory, -u neither",
			sources: []string{"BEH-041"}, steps: []step{
				{argv: []string{"mktemp", "./f.XXXXXX"}, like: regexp.MustCompile(`^\./f\.[A-Za-z0-9]{6}\n$`)},
				{argv: []string{"/bin/sh", "-c", "ls -l f.*"}, like: regexp.MustCompile(`^-rw------- `)},
				{argv: []string{"mktemp", "-d", "./d.XXXXXX"}, like: regexp.MustCompile(`^\./d\.[A-Za-z0-9]{6}\n$`)},
				{argv: []string{"/bin/sh", "-c", "ls -ld d.*"}, like: regexp.MustCompile(`^drwx------ `)},
				{argv: []string{"mktemp", "-u", "./u.XXXXXX"}, like: regexp.MustCompile(`^\./u\.`)},
				{argv: []string{"/bin/sh", "-c", "ls -d u.*"}, refused: true},
			}},
		{id: "mknod", clause: "LSB 5.0 Core 17.2 mknod: type p makes a FIFO, -m sets its mode",
			sources: []string{"BEH-040"}, probes: []spec.Probe{proc}, steps: []step{
				{argv: []string{"mknod", "-m", "0600", "p", "p"}},
				{argv: []string{"ls", "-l", "p"}, like: regexp.MustCompile(`^prw------- `)},
			}},
		{id: "tar", clause: "LSB 5.0 Core 17.2 tar: c, t and x make, list and unpack an archive, z compresses it",
			sources: []string{"BEH-058"}, steps: []step{
				{argv: []string{"tar", "czf", "a.tgz", "f"}, files: map[string]string{"f": "one\n"}},
				{argv: []string{"tar", "tzf", "a.tgz"}, stdout: "f\n"},
				{argv: []string{"tar", "xzf", "a.tgz"}, files: map[string]string{"f": "spoilt"}, makes: map[string]string{"f": "one\n"}},
			}},
		{id: "xargs", clause: "LSB 5.0 Core 17.2 xargs, as POSIX.1-2008: -n, -I, and status 123 or above when a command failed",
			sources: []string{"BEH-063"}, steps: []step{
				{argv: []string{"xargs", "-n", "2", "echo"}, stdin: "a b c\n", stdout: "a b\nc\n"},
				{argv: []string{"xargs", "-I", "{}", "echo", "<{}>"}, stdin: "a b\nc\n", stdout: "<a b>\n<c>\n"},
				{argv: []string{"xargs", "false"}, stdin: "a\n", refused: true},
			}},
		{id: "echo", clause: "LSB 5.0 Core 17.2 echo: prints its arguments, with blanks between and a newline behind",
			sources: []string{"BEH-017"}, steps: []step{
				{argv: []string{"echo", "a", "b  c"}, stdout: "a b  c\n"},
				{argv: []string{"echo"}, stdout: "\n"},
			}},
	}
}
