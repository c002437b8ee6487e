package initrd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"xtest/internal/required"
)

// entry is a file as the kernel's unpacker sees it.
type entry struct {
	name         string
	mode         uint64
	major, minor uint64
	data         string
}

// unpack reads an archive as init/initramfs.c does.
func unpack(archive []byte) (list []entry, err error) {
	inodes := map[string]bool{}
	at := 0
	take := func(n int) (part []byte, err error) {
		if at+n > len(archive) {
			return nil, fmt.Errorf("the archive ends at %d", len(archive))
		}
		part = archive[at : at+n]
		at += n
		for ; at%4 != 0 && at < len(archive); at++ {
			if archive[at] != 0 {
				return nil, fmt.Errorf("padding at %d is %q", at, archive[at])
			}
		}
		return part, nil
	}
	for {
		if at+110 > len(archive) || string(archive[at:at+6]) != "070701" {
			return nil, fmt.Errorf("no header at %d", at)
		}
		var f [13]uint64
		for i := range f {
			if f[i], err = strconv.ParseUint(string(archive[at+6+8*i:at+14+8*i]), 16, 32); err != nil {
				return nil, err
			}
		}
		head, err := take(110 + int(f[11]))
		if err != nil {
			return nil, err
		}
		name, ok := strings.CutSuffix(string(head[110:]), "\x00")
		if !ok || f[12] != 0 || f[2] != 0 || f[3] != 0 || f[5] != 0 || inodes[string(head[6:14])] {
			return nil, fmt.Errorf("the header of %q: %q", name, head)
		}
		inodes[string(head[6:14])] = true
		data, err := take(int(f[6]))
		if err != nil {
			return nil, err
		}
		if name == "TRAILER!!!" {
			if at != len(archive) {
				err = errors.New("something follows the trailer")
			}
			return list, err
		}
		list = append(list, entry{name, f[1], f[9], f[10], string(data)})
	}
}

func write(t *testing.T, w io.Writer) error {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(copied, []byte("of the host"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := NewWriter(w)
	a.Dir("dev")
	a.CharDevice("dev/console", 5, 1)
	for n := range 6 { // all lengths of padding, for names and data
		a.File(strings.Repeat("n", n+1), 0o640, int64(n), strings.NewReader("12345"))
	}
	a.Copy("dev/copied", 0o755, copied)
	return a.Close()
}

func TestArchive(t *testing.T) {
	var b, again bytes.Buffer
	if err := errors.Join(write(t, &b), write(t, &again)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("the same input gave two archives")
	}
	list, err := unpack(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := []entry{{"dev", 0o40755, 0, 0, ""}, {"dev/console", 0o20600, 5, 1, ""}}
	for n := range 6 {
		want = append(want, entry{strings.Repeat("n", n+1), 0o100640, 0, 0, "12345"[:n]})
	}
	want = append(want, entry{"dev/copied", 0o100755, 0, 0, "of the host"})
	if fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", list, want)
	}
}

func TestCpioUnpacksIt(t *testing.T) {
	cpio := required.Tool(t, "cpio", "cpio")
	var b bytes.Buffer
	w := NewWriter(&b) // without the device, which needs root
	w.Dir("a")
	w.File("a/file", 0o751, 5, strings.NewReader("hello"))
	w.Dir("a/b")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(cpio, "-idm", "--no-preserve-owner")
	cmd.Dir, cmd.Stdin = dir, &b
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "a/file"))
	st, stErr := os.Stat(filepath.Join(dir, "a/file"))
	if err := errors.Join(err, stErr); err != nil || string(text) != "hello" || st.Mode() != 0o751 {
		t.Errorf("unpacked %q, %v, %v", text, st, err)
	}
	if st, err := os.Stat(filepath.Join(dir, "a/b")); err != nil || !st.IsDir() {
		t.Errorf("the folder: %v", err)
	}
}

type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

func TestErrorsComeOutOfClose(t *testing.T) {
	if err := write(t, &full{300}); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("of a full disk: %v", err)
	}
	for want, add := range map[string]func(*Writer){
		"no such file":   func(w *Writer) { w.Copy("x", 0o644, "/no/such/file") },
		"short: ":        func(w *Writer) { w.File("short", 0o644, 9, strings.NewReader("123")) },
		"more than the ": func(w *Writer) { w.File("big", 0o644, 1<<32, strings.NewReader("")) },
	} {
		w := NewWriter(io.Discard)
		add(w)
		w.Dir("after")
		if err := w.Close(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
