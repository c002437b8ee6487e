package debian

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func writeDeb(t *testing.T, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "hello_1.deb")
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReadDeb(t *testing.T) {
	for _, ext := range []string{"xz", "gz", "zst", ""} {
		deb := writeDeb(t, debOf(t, ext, file("./usr/bin/hello", "hi")))
		c, err := ReadControl(deb)
		if err != nil || c.Fields["Package"] != "hello" || c.Fields["Description"] != "x\ny" || !strings.HasPrefix(c.Scripts["postinst"], "#!") {
			t.Errorf("%q: %+v, %v", ext, c, err)
		}
		n := 0
		err = Walk(deb, func(h *tar.Header, r io.Reader) error {
			text, err := io.ReadAll(r)
			if h.Name != "./usr/bin/hello" || string(text) != "hi" {
				t.Errorf("%q: %s holds %q", ext, h.Name, text)
			}
			n++
			return err
		})
		if err != nil || n != 1 {
			t.Errorf("%q: %d entries, %v", ext, n, err)
		}
	}
}

// TestTruncatedDeb cuts a package at every byte: each cut must be noticed, none may panic.
func TestTruncatedDeb(t *testing.T) {
	whole := debOf(t, "gz", file("./a", strings.Repeat("abc", 50)))
	dir := t.TempDir()
	p := filepath.Join(dir, "cut.deb")
	for n := range len(whole) - 1 { // the last byte may be padding
		if err := os.WriteFile(p, whole[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		err := Walk(p, func(_ *tar.Header, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		wantWords(t, err, "cut.deb")
	}
	for _, ext := range []string{"xz", "zst", "gz"} {
		data := pack(t, ext, tarOf(t, file("./a", strings.Repeat("abc", 5000))))
		cut := arOf(member{"debian-binary", []byte("2.0\n")}, member{"data.tar." + ext, data[:len(data)/2]})
		err := Walk(writeDeb(t, cut), func(_ *tar.Header, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		wantWords(t, err, "truncated")
	}
}

func TestOddDebs(t *testing.T) {
	for words, data := range map[string][]byte{
		"not an ar archive": []byte("PK\x03\x04......"),
		"format":            arOf(member{"debian-binary", []byte("3.0\n")}, member{"data.tar", nil}),
		"no data.tar":       arOf(member{"debian-binary", []byte("2.0\n")}),
		"compression":       arOf(member{"data.tar.br", []byte("x")}),
		"no ar header":      append(arOf(member{"debian-binary", []byte("2.0\n")}), make([]byte, 60)...),
	} {
		err := Walk(writeDeb(t, data), func(*tar.Header, io.Reader) error { return nil })
		wantWords(t, err, words, "hello_1.deb")
	}
}

func FuzzAr(f *testing.F) {
	f.Add(arOf(member{"debian-binary", []byte("2.0\n")}, member{"data.tar", []byte("xyz")}))
	f.Add([]byte(arMagic))
	f.Add(append([]byte(arMagic), strings.Repeat("9", 58)+"`\n"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = arMembers(bytes.NewReader(data), int64(len(data)), func(_ string, body *io.SectionReader) (bool, error) {
			n, err := io.Copy(io.Discard, body)
			if n > int64(len(data)) || n != body.Size() {
				t.Errorf("a member of %d bytes in %d", n, len(data))
			}
			return true, err
		})
	})
}

func extract(t *testing.T, keep func(string) bool, entries ...tar.Header) (dir string, err error) {
	t.Helper()
	outer := t.TempDir()
	dir = filepath.Join(outer, "in")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	err = Extract(writeDeb(t, debOf(t, "gz", entries...)), dir, keep)
	if left, _ := os.ReadDir(outer); len(left) != 1 {
		t.Errorf("something was written outside: %v", left)
	}
	return dir, err
}

func TestExtract(t *testing.T) {
	when := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	dir, err := extract(t, nil,
		tar.Header{Typeflag: tar.TypeDir, Name: "./"},
		tar.Header{Typeflag: tar.TypeDir, Name: "./closed/", Mode: 0o555},
		tar.Header{Typeflag: tar.TypeReg, Name: "./closed/su", Mode: 0o4755, Uname: "root", ModTime: when},
		tar.Header{Typeflag: tar.TypeLink, Name: "./hard", Linkname: "./closed/su"},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "./lib", Linkname: "usr/lib"},
		tar.Header{Typeflag: tar.TypeDir, Name: "./usr/lib/"},
		tar.Header{Typeflag: tar.TypeDir, Name: "./lib/"},
		file("./lib/libc.so", "elf"),
		tar.Header{Typeflag: tar.TypeSymlink, Name: "./var/run", Linkname: "/run"},
		file("./var/run/pid", "1"),
		tar.Header{Typeflag: tar.TypeChar, Name: "./dev/null", Devmajor: 1, Devminor: 3},
		file("./twice", "first"),
		file("./twice", "second"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"closed/su": "root", "hard": "root", "usr/lib/libc.so": "elf", "run/pid": "1", "twice": "second"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	su, err := os.Stat(filepath.Join(dir, "closed/su"))
	if err != nil || su.Mode() != 0o755|os.ModeSetuid || !su.ModTime().Equal(when) || su.Sys().(*syscall.Stat_t).Nlink != 2 {
		t.Errorf("su: %v %v, %v", su.Mode(), su.ModTime(), err)
	}
	if st, err := os.Stat(filepath.Join(dir, "closed")); err != nil || st.Mode().Perm() != 0o755 {
		t.Errorf("closed: %v, %v", st, err)
	}
	if l, err := os.Readlink(filepath.Join(dir, "lib")); err != nil || l != "usr/lib" {
		t.Errorf("lib: %q, %v", l, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "dev/null")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("dev/null: %v", err)
	}
}

func TestExtractKeeps(t *testing.T) {
	dir, err := extract(t, func(n string) bool { return n == "boot/vmlinuz" }, file("./boot/vmlinuz", "k"), file("./usr/share/doc/x", "d"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "boot/vmlinuz")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "usr")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("usr: %v", err)
	}
}

func TestExtractStaysInside(t *testing.T) {
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	for name, entries := range map[string][]tar.Header{
		"dots":           {file("../escaped", "x")},
		"inner dots":     {file("./a/../../escaped", "x")},
		"absolute":       {file("/tmp/escaped", "x")},
		"hard link":      {{Typeflag: tar.TypeLink, Name: "./h", Linkname: "../hello_1.deb"}},
		"absolute hard":  {{Typeflag: tar.TypeLink, Name: "./h", Linkname: "/etc/passwd"}},
		"hard link gone": {{Typeflag: tar.TypeLink, Name: "./h", Linkname: "./nothing"}},
		"loop":           {link("./a", "b"), link("./b", "a"), file("./a/x", "x")},
	} {
		if _, err := extract(t, nil, entries...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// Links are followed inside, as a process in a chroot would.
	dir, err := extract(t, nil, link("./up", "../../.."), file("./up/a", "x"), link("./abs", "/"), file("./abs/b", "x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"a", "b"} {
		if _, err := os.Stat(filepath.Join(dir, n)); err != nil {
			t.Error(err)
		}
	}
	// A file replaces a link and does not write through it.
	outside := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(outside, []byte("safe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := extract(t, nil, link("./f", outside), file("./f", "x")); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(outside); string(got) != "safe" {
		t.Error("wrote through a link")
	}
}
