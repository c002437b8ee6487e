package console

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// logged writes text in parts of the given size and reads the file.
func logged(t *testing.T, limit int64, text []byte, part int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "console.log")
	l, err := NewLog(path, limit)
	if err != nil {
		t.Fatal(err)
	}
	for rest := text; len(rest) > 0; {
		n := min(part, len(rest))
		if got, err := l.Write(rest[:n]); got != n || err != nil {
			t.Fatalf("Write: %d, %v", got, err)
		}
		rest = rest[n:]
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func numbered(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%d\n", i)
	}
	return b.Bytes()[:size]
}

func TestLogKeepsHeadAndTail(t *testing.T) {
	const limit = 1000
	for _, size := range []int{0, 1, limit - 1, limit, limit + 1, limit + tailSize, limit + tailSize + 1, limit + 2*tailSize + 77, 5 * tailSize} {
		for _, part := range []int{1 << 20, 4096, 997} {
			text := numbered(size)
			kept := logged(t, limit, text, part)
			want := text
			if missing := size - limit - tailSize; missing > 0 {
				note := fmt.Sprintf("\n[xtest: %d bytes of console output left out]\n", missing)
				want = bytes.Join([][]byte{text[:limit], []byte(note), text[size-tailSize:]}, nil)
			}
			if !bytes.Equal(kept, want) {
				t.Errorf("%d bytes in parts of %d: %d are kept, want %d", size, part, len(kept), len(want))
			}
		}
	}
}

func TestLogOnAFullDisk(t *testing.T) {
	for name, text := range map[string][]byte{"in the head": numbered(10), "in the tail": numbered(2 * tailSize)} {
		limit := int64(0)
		if name == "in the head" {
			limit = 100
		}
		l, err := NewLog("/dev/full", limit)
		if err != nil {
			t.Skip("needs /dev/full: ", err)
		}
		w := NewWatcher(l, nil)
		if n, err := w.Write(text); n != len(text) || err != nil {
			t.Errorf("%s: Write: %d, %v", name, n, err)
		}
		fmt.Fprintln(w, "\n"+cry)
		if _, ok := w.Crash(); !ok {
			t.Errorf("%s: the crash was not seen", name)
		}
		if err := l.Close(); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
	if _, err := NewLog(filepath.Join(t.TempDir(), "no", "folder"), 1); err == nil {
		t.Error("a log in no folder")
	}
}

func TestCause(t *testing.T) {
	for tail, want := range map[string]string{
		"": "", "login:": "",
		"linux.uml: error while loading shared libraries: libc.so.6":                 "lacks a library",
		"[ 1.0] VFS: Unable to mount root fs on unknown-block(0,0)":                  "CONFIG_BLK_DEV_INITRD",
		"Kernel panic - not syncing: No working init found.":                         "damaged or of another architecture",
		"[ 1.0] Failed to execute /init (error -8)":                                  "CONFIG_BINFMT_ELF",
		"Kernel panic - not syncing: System is deadlocked on memory":                 "--memory",
		"qemu-system-x86_64: Couldn't allocate":                                      "/dev/shm",
		"write: No space left on device":                                             "TMPDIR",
		"xtest: the agent gave up: opening the event channel xtest.channel=/dev/x: ": "serial port",
		"the kernel shows no device /dev/vda":                                        "disk that holds the root",
	} {
		got := Cause(tail)
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q", tail, got)
		}
	}
	for _, c := range causes {
		if Cause("x\n"+c.words+"\ny") == "" || regexp.MustCompile(`\.$`).MatchString(c.cause) {
			t.Errorf("%q gives %q", c.words, Cause(c.words))
		}
	}
}
