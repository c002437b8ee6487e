package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/required"
	"xtest/runner/image"
)

// run gives what a tool says.
func run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// capability is the value of security.capability for cap_net_raw=ep: struct vfs_cap_data, revision 2,
// linux/capability.h.
var capability = string(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(
	binary.LittleEndian.AppendUint32(nil, 0x02000001), 1<<13), 0)) + "\x00\x00\x00\x00\x00\x00\x00\x00"

// varied is a tarball with one of everything.
func varied(t testing.TB) []byte {
	long := strings.Repeat("x", 250)
	items := []item{
		{name: "etc/os-release", body: "NAME=varied\n"},
		{name: "bin/capable", body: "#!/bin/sh\n", mode: 0o755, xattrs: map[string]string{"security.capability": capability, "user.note": "of mine"}},
		{name: "bin/same", body: "x", xattrs: map[string]string{"user.note": "of mine", "security.capability": capability}},
		{name: "empty"}, {name: "big", body: strings.Repeat("0123456789abcdef", 300_000)},
		{name: "holes", body: strings.Repeat(strings.Repeat("data", 1024)+strings.Repeat("\x00", 1<<17), 40)},
		{name: "short", kind: tar.TypeSymlink, link: "etc/os-release"}, {name: "long", kind: tar.TypeSymlink, link: strings.Repeat("long/", 50)},
		{name: "dir/", mode: 0o1777, xattrs: map[string]string{"user.empty": ""}},
	}
	for i := range 600 {
		items = append(items, item{name: fmt.Sprintf("many/%s%d", long[:200], i), body: fmt.Sprint(i)})
	}
	for i := range 5000 {
		items = append(items, item{name: fmt.Sprintf("files/%d", i)})
	}
	return stream(t, items...)
}

func TestExt4Written(t *testing.T) {
	check := required.Tool(t, "e2fsck", "e2fsprogs")
	source := put(t, "varied.tar", varied(t))
	write := func(name string) string {
		s, err := image.Open(t.Context(), source, options(t))
		must(t, err)
		path := filepath.Join(t.TempDir(), name)
		must(t, s.Ext4(t.Context(), path, image.FileSystem{Size: 200 << 20, Latest: time.Unix(1_000_000_000, 5)}))
		return path
	}
	first, second := write("first"), write("second")
	run(t, check, "-fn", first)
	a, err := os.ReadFile(first)
	must(t, err)
	b, err := os.ReadFile(second)
	must(t, err)
	if !bytes.Equal(a, b) {
		t.Error("the same files gave other bytes")
	}
	var st unix.Stat_t
	if must(t, unix.Stat(first, &st)); st.Blocks*512 > 40<<20 || st.Size != 256<<20 {
		t.Errorf("%d bytes in a file of %d", st.Blocks*512, st.Size)
	}
	want, got := entries(t, source), entries(t, first)
	delete(got, "lost+found/")
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: got %s, want %s", name, got[name], want[name])
		}
		delete(got, name)
	}
	for name := range got {
		if !strings.HasSuffix(name, "/") { // the tarball has no entries of folders
			t.Errorf("too much: %s", name)
		}
	}
	if !strings.Contains(want["bin/capable"], "capability") {
		t.Errorf("no capability: %s", want["bin/capable"])
	}
	// What another program reads.
	tell := run(t, required.Tool(t, "debugfs", "e2fsprogs"), "-R", "ea_get /bin/same user.note", first)
	if !strings.Contains(tell, "of mine") {
		t.Errorf("debugfs: %s", tell)
	}
}
