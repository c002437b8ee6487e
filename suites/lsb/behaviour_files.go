package lsb

import (
	"xtest/suites/spec"
)

var _ = suite.Describe("behaviour", func() { behave("behaviour", fileBehaviours()) })

func fileBehaviours() []behaviour {
	return []behaviour{
		{id: "ar", clause: "LSB 5.0 Core 17.2 ar, as POSIX.1-2008: -r, -t, -p, -x make, list and unpack an archive",
			sources: []string{"BEH-001"}, steps: []step{
				do("ar -rc l.a x y").with("x", "one\n", "y", "two\n").anyOutput(),
				do("ar -t l.a").out("x\ny\n"),
				do("ar -p l.a y").out("two\n"),
				do("ar -x l.a x").with("x", "spoilt").anyOutput().leaves("x", "one\n"),
			}},
		{id: "cpio", clause: "LSB 5.0 Core 17.2 cpio: -o and -i make and unpack an archive",
			sources: []string{"BEH-011"}, steps: []step{
				do("/bin/sh -c", "echo f | cpio -o -c >a.cpio 2>/dev/null").with("f", "one\n"),
				do("cpio -i -t -F a.cpio").out("f\n"),
				do("cpio -i -u -F a.cpio").with("f", "spoilt").anyOutput().leaves("f", "one\n"),
			}},
		{id: "df", clause: "LSB 5.0 Core 17.2 df: -k -P prints POSIX's six columns",
			sources: []string{"BEH-014"}, steps: []step{
				do("df -k -P .").like(`^Filesystem +1024-blocks +Used +Available +Capacity +Mounted on\n.*\S +\d+ +\d+ +\d+ +(\d+%|-) +/.*\n$`),
			}},
		{id: "du", clause: "LSB 5.0 Core 17.2 du, as POSIX.1-2008: -s gives one total, -k counts 1024 bytes",
			sources: []string{"BEH-016"}, steps: []step{
				do("du -s -k .").like(`^\d+\t\.\n$`),
			}},
		{id: "file", clause: "LSB 5.0 Core 17.2 file: an empty file, a directory and text are told apart; -L follows links",
			sources: []string{"BEH-020"}, steps: []step{
				do("file e").with("e", "").like(`^e: +.*empty`),
				do("file .").like(`^\.: +.*directory`),
				do("ln -s e l"),
				do("file -L l").like(`^l: +.*empty`),
			}},
		{id: "find", clause: "LSB 5.0 Core 17.2 find, as POSIX.1-2008: -name, -type, -exec with +, and -print0",
			sources: []string{"BEH-021"}, steps: []step{
				do("mkdir d"),
				do("find . -type f -name *.x").with("d/a.x", "", "b.y", "").out("./d/a.x\n"),
				do("find . -type f -name *.y -exec echo got {} +").out("got ./b.y\n"),
				do("find d -name *.x -print0").out("d/a.x\x00"),
			}},
		{id: "gzip", clause: "LSB 5.0 Core 17.2 gzip: compresses, -d restores, -c writes to stdout, -t tests",
			sources: []string{"BEH-030"}, steps: []step{
				do("gzip -9 f").with("f", "text\n"),
				do("gzip -t f.gz"),
				do("gzip -dc f.gz").out("text\n"),
				do("gzip -d f.gz").leaves("f", "text\n"),
				do("gzip -t g.gz").with("g.gz", "not gzip").refused(),
			}},
		{id: "gunzip", clause: "LSB 5.0 Core 17.2 gunzip and zcat: equal gzip -d and gzip -dc",
			sources: []string{"BEH-029", "BEH-064"}, steps: []step{
				do("gzip f").with("f", "text\n"),
				do("zcat f.gz").out("text\n"),
				do("gunzip f.gz").leaves("f", "text\n"),
			}},
		{id: "install", clause: "LSB 5.0 Core 17.2 install: copies with -m, makes directories with -d",
			sources: []string{"BEH-032"}, steps: []step{
				do("install -d -m 0750 d/e"),
				do("install -m 0640 f d/e").with("f", "one\n").leaves("d/e/f", "one\n"),
				do("ls -l d/e/f").like(`^-rw-r-----`),
				do("ls -ld d/e").like(`^drwxr-x---`),
			}},
		{id: "ls", clause: "LSB 5.0 Core 17.2 ls, as POSIX.1-2008: -1, -a, -F, and byte order in the C locale",
			sources: []string{"BEH-037", "LOC-007"}, steps: []step{
				do("mkdir d"),
				do("ls -1F").with("b", "", "B", "", ".h", "", "x", "#!x\n").out("B\nb\nd/\nx*\n"),
				do("ls -a").out(".\n..\n.h\nB\nb\nd\nx\n"),
				do("ls absent").refused(),
			}},
		{id: "mktemp", clause: "LSB 5.0 Core 17.2 mktemp: makes a file of mode 600 from a template, -d a directory, -u neither",
			sources: []string{"BEH-041"}, steps: []step{
				do("mktemp ./f.XXXXXX").like(`^\./f\.[A-Za-z0-9]{6}\n$`),
				do("/bin/sh -c", "ls -l f.*").like(`^-rw------- `),
				do("mktemp -d ./d.XXXXXX").like(`^\./d\.[A-Za-z0-9]{6}\n$`),
				do("/bin/sh -c", "ls -ld d.*").like(`^drwx------ `),
				do("mktemp -u ./u.XXXXXX").like(`^\./u\.`),
				do("/bin/sh -c", "ls -d u.*").refused(),
			}},
		{id: "mknod", clause: "LSB 5.0 Core 17.2 mknod: type p makes a FIFO, -m sets its mode",
			sources: []string{"BEH-040"}, probes: []spec.Probe{proc}, steps: []step{
				do("mknod -m 0600 p p"),
				do("ls -l p").like(`^prw------- `),
			}},
		{id: "tar", clause: "LSB 5.0 Core 17.2 tar: c, t and x make, list and unpack an archive, z compresses it",
			sources: []string{"BEH-058"}, steps: []step{
				do("tar czf a.tgz f").with("f", "one\n"),
				do("tar tzf a.tgz").out("f\n"),
				do("tar xzf a.tgz").with("f", "spoilt").leaves("f", "one\n"),
			}},
	}
}
