package lsb

var _ = suite.Describe("behaviour", func() { behave("behaviour", archiveUtilities()) })

// archiveUtilities pack, compress and build.
func archiveUtilities() []behaviour {
	return []behaviour{
		{id: "ar-members", of: "ar", clause: asLSB + "ar, as POSIX.1-2008: -d deletes, -q appends, -m moves, -v tells; an archive that is not there is an error", sources: []string{"BEH-001"}, steps: []step{
			do("ar -q -c l.a x y z").with("x", "1\n", "y", "2\n", "z", "3\n").anyOutput(),
			do("ar -d l.a y").anyOutput(),
			do("ar -m l.a x").anyOutput(),
			do("ar -t l.a").out("z\nx\n"),
			do("ar -t absent.a").refused(),
		}},
		{id: "cpio-pass", of: "cpio", clause: asLSB + "cpio: -p copies a tree, -d makes directories, -m keeps times; no archive is an error", sources: []string{"BEH-011"}, needs: []string{"mkdir"}, steps: []step{
			do("mkdir to"),
			do("cpio -p -d to").with("d/f", "one\n").in("d/f\n").leaves("to/d/f", "one\n"),
			do("cpio -i").in("not an archive").refused(),
		}},
		{id: "pax", clause: asPOSIX + "pax: -w, list, -r and -rw; -s renames; ustar and cpio formats", needs: []string{"mkdir", "rm"}, steps: []step{
			do("pax -w -f a.tar f d").with("f", "one\n", "d/g", "two\n"),
			do("pax -f a.tar").out("f\nd\nd/g\n"),
			do("pax -r -f a.tar -s", ",^,out/,").leaves("out/d/g", "two\n", "out/f", "one\n"),
			do("pax -w -x cpio -f a.cpio f"),
			do("pax -f a.cpio").out("f\n"),
			do("mkdir copy"),
			do("pax -r -w f d copy").leaves("copy/d/g", "two\n"),
			do("pax -f absent").refused(),
		}},
		{id: "tar-options", of: "tar", clause: asLSB + "tar: v lists, p keeps modes, members by name; a member or archive that is not there is an error", sources: []string{"BEH-058"}, needs: []string{"rm"}, steps: []step{
			do("tar cvf a.tar f d").with("f", "one\n", "d/g", "two\n").like(`^f\nd/\nd/g\n$`),
			do("tar tf a.tar").out("f\nd/\nd/g\n"),
			do("rm -r f d"),
			do("tar xf a.tar d/g").leaves("d/g", "two\n"),
			do("tar xf a.tar absent").refused(),
			do("tar xf absent.tar").refused(),
		}},
		{id: "zcat", clause: asLSB + "zcat: writes what gzip -dc would; what is not compressed is refused", sources: []string{"BEH-064"}, needs: []string{"gzip"}, steps: []step{
			do("gzip f").with("f", "text\n"),
			do("zcat f.gz f.gz").out("text\ntext\n"),
			do("zcat f").leaves("f.gz", gzipped).with("f.gz", gzipped).out("hi\n"),
			do("zcat").in("not compressed").refused(),
		}},
		{id: "gunzip-refuses", of: "gunzip", clause: asLSB + "gunzip: as gzip -d, refuses what is not compressed and leaves it", sources: []string{"BEH-029"}, steps: []step{
			do("gunzip f.gz").with("f.gz", gzipped).leaves("f", "hi\n"),
			do("gunzip g.gz").with("g.gz", "plain").refused().leaves("g.gz", "plain"),
		}},
		{id: "gzip-options", of: "gzip", clause: asLSB + "gzip: -l, -r, -n, -c keeps the file, several files; RFC 1952's magic", sources: []string{"BEH-030"}, needs: []string{"od"}, steps: []step{
			do("/bin/sh -c", "gzip -c f | od -A n -t x1 -N 3").with("f", "text\n", "d/g", "more\n").like(`^ 1f 8b 08\n$`),
			do("gzip -nr d"),
			do("gzip -dc d/g.gz").out("more\n"),
			do("gzip -l d/g.gz").like(` 5 .*d/g\n`),
			do("gzip -d f").refused(),
			do("gzip absent").refused(),
		}},
		{id: "make", clause: asPOSIX + "make: prerequisites, macros, inference rules, -n, -s, -k, -q, -e, -i; an error ends it", needs: []string{"rm", "touch"}, steps: []step{
			do("make").with("makefile", "X = m\nall: a.o\n\t@echo $(X) $@\n.SUFFIXES: .o .c\n.c.o:\n\techo $< $* >$@\n", "a.c", "").out("echo a.c a >a.o\nm all\n").leaves("a.o", "a.c a\n"),
			do("make X=n").out("n all\n"),
			do("make -s -f f b").with("f", "b: c\n\techo $?>b\nc:\n\techo c >c\n").leaves("b", "c\n"),
			do("make -q -f f b"),
			do("/bin/sh -c", "rm b; make -q -f f b").exits(1),
			do("make -n -f f b").out("echo c>b\n"),
			do("make -f g").with("g", "x: y z\ny:\n\t@exit 1\nz:\n\t@echo z\n").anyOutput().refused(),
			do("make -s -k -f g").like(`z\n`).refused(),
			do("make -s -i -f g").like(`z\n`),
			do("make -f f none").anyOutput().refused(),
		}},
		{id: "strip", clause: asPOSIX + "strip: takes the symbols away and leaves a program that runs; refuses what is none", needs: []string{"cp"}, steps: []step{
			sh("cp /bin/true t; strip t && ./t && echo runs", "runs\n"),
			do("strip f").with("f", "text").refused(),
		}},
	}
}

// gzipped is "hi\n" as gzip writes it: RFC 1952.
const gzipped = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\xc8\xe4\x02\x00\x7a\x7a\x6f\xed\x03\x00\x00\x00"
