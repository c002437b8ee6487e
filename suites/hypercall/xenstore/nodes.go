package xenstore

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/xenstore"
	"xtest/suites/spec"
)

var _ = suite.Describe("xenstore", func() {
	for id, value := range map[string]string{
		"text": "hello", "empty": "", "zeroes": "a\x00b\x00\x00", "all-bytes": everyByte(), "large": strings.Repeat("x", 3000),
	} {
		it(spec.Meta{
			ID: "xenstore/value-" + id, Level: spec.Must,
			Clause: text + "WRITE <path>|<value|>, READ <path>| → <value|>: a value may have any bytes, NUL among them",
		}, func(c *client) {
			c.write(c.path("v"), value)
			c.reads(c.path("v"), 0, value)
			c.write(c.path("v"), "another")
			c.reads(c.path("v"), 0, "another")
		})
	}
	it(spec.Meta{
		ID: "xenstore/write-makes-parents", Level: spec.Must,
		Clause: text + "WRITE: missing parents of <path> are created with empty values",
	}, func(c *client) {
		c.write(c.path("a/b/c"), "deep")
		c.reads(c.path("a/b/c"), 0, "deep")
		c.reads(c.path("a/b"), 0, "")
		c.reads(c.path("a"), 0, "")
	})
	it(spec.Meta{
		ID: "xenstore/mkdir", Level: spec.Must,
		Clause: text + "MKDIR: <path> exists afterwards, by being created with an empty value if need be, parents too",
	}, func(c *client) {
		c.ask("mkdir", xenstore.Mkdir, 0, xenstore.Strings(c.path("d/e"))).ok()
		c.reads(c.path("d/e"), 0, "")
		c.write(c.path("d/e"), "kept")
		c.ask("mkdir again", xenstore.Mkdir, 0, xenstore.Strings(c.path("d/e"))).ok()
		c.reads(c.path("d/e"), 0, "kept")
	})
	it(spec.Meta{
		ID: "xenstore/rm", Level: spec.Must,
		Clause: text + "RM: deletes <path> and all its children; no error if it does not exist, one if its parent does not either",
	}, func(c *client) {
		c.write(c.path("r/s/t"), "x")
		c.ask("rm", xenstore.Rm, 0, xenstore.Strings(c.path("r"))).ok()
		for _, gone := range []string{"r", "r/s", "r/s/t"} {
			c.ask("read "+gone, xenstore.Read, 0, xenstore.Strings(c.path(gone))).only(unix.ENOENT)
		}
		c.ask("rm again", xenstore.Rm, 0, xenstore.Strings(c.path("r"))).ok()
		c.ask("rm below nothing", xenstore.Rm, 0, xenstore.Strings(c.path("r/s/t"))).only(unix.ENOENT)
	})
	it(spec.Meta{
		ID: "xenstore/rm-root", Level: spec.Should,
		Clause: text + "RM: the root cannot be deleted",
	}, func(c *client) { c.ask("rm /", xenstore.Rm, 0, xenstore.Strings("/")).refused(unix.EINVAL) })
	it(spec.Meta{
		ID: "xenstore/directory", Level: spec.Must,
		Clause: text + "DIRECTORY <path>| → <child-leaf-name>|*: the leaf names of the immediate children",
	}, func(c *client) {
		for _, n := range []string{"one", "two", "two/deeper", "three"} {
			c.write(c.path(n), n)
		}
		got := xenstore.Split(c.ask("directory", xenstore.Directory, 0, xenstore.Strings(c.folder)).ok())
		slices.Sort(got)
		c.Equal("directory", got, []string{"one", "three", "two"})
		c.Equal("directory of a leaf", len(c.ask("directory of a leaf", xenstore.Directory, 0, xenstore.Strings(c.path("one"))).ok()), 0)
	})
	for id, t := range map[string]xenstore.Type{"read": xenstore.Read, "directory": xenstore.Directory, "get-perms": xenstore.GetPerms, "directory-part": xenstore.DirectoryPart} {
		it(spec.Meta{
			ID: "xenstore/" + id + "-missing", Level: spec.Must,
			Clause: text + "ENOENT: <path> does not exist",
		}, func(c *client) {
			payload := xenstore.Strings(c.path("missing"))
			if t == xenstore.DirectoryPart {
				payload = xenstore.Strings(c.path("missing"), "0")
			}
			c.ask(id+" of a missing node", t, 0, payload).only(unix.ENOENT)
		})
	}
	it(spec.Meta{
		ID: "xenstore/relative-path", Level: spec.Must,
		Clause: text + "paths: one that does not begin with / is below /local/domain/<domid>, the caller's own",
	}, func(c *client) {
		relative := c.folder[strings.Index(c.folder, "data/"):]
		c.write(relative+"/rel", "same")
		c.reads(c.path("rel"), 0, "same")
	})
	it(spec.Meta{
		ID: "xenstore/directory-part", Level: spec.Must,
		Clause: text + "DIRECTORY_PART <path>|<offset> → <gencnt>|<child-leaf-name>|*: the same list in pieces; DIRECTORY answers E2BIG when it is too long",
	}, func(c *client) {
		want := c.fill(30)
		c.ask("directory of 30 long names", xenstore.Directory, 0, xenstore.Strings(c.folder)).only(unix.E2BIG)
		var got []string
		generation := ""
		for offset := 0; ; {
			b := c.ask("directory part", xenstore.DirectoryPart, 0, xenstore.Strings(c.folder, strconv.Itoa(offset))).ok()
			head, rest, ok := bytes.Cut(b, []byte{0})
			c.True("directory part", ok && (generation == "" || string(head) == generation), fmt.Sprintf("%q", head), "the same generation each time: "+generation)
			generation = string(head)
			names := xenstore.Split(rest)
			last := len(names) > 0 && names[len(names)-1] == "" || len(names) == 0
			if last && len(names) > 0 {
				names = names[:len(names)-1]
			}
			for _, n := range names {
				got, offset = append(got, n), offset+len(n)+1
			}
			if last || len(got) > 30 {
				break
			}
		}
		slices.Sort(got)
		c.Equal("directory in parts", strings.Join(got, " "), strings.Join(want, " "))
	})
})

// fill makes n nodes with names of 200 bytes, and gives these in order.
func (c *client) fill(n int) (names []string) {
	for i := range n {
		name := fmt.Sprintf("child-%0194d", i)
		names = append(names, name)
		c.must("mkdir "+name, xenstore.Mkdir, 0, xenstore.Strings(c.path(name)))
	}
	return names
}

func everyByte() string {
	var b []byte
	for i := range 256 {
		b = append(b, byte(i))
	}
	return string(b)
}
