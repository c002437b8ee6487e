package offline

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xtest/runner/event"
	"xtest/suites/lsb/inspection"
)

// A layer that names a file outside of the root is refused as a whole.
func TestClimbingLayers(t *testing.T) {
	up := strings.Repeat("../", 30)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeLink, Name: "etc/group", Linkname: up + "etc/group"},
		{Typeflag: tar.TypeReg, Name: up + "etc/crontab", Mode: 0o644},
		{Typeflag: tar.TypeReg, Name: up + ".wh.tmp", Mode: 0o644},
	} {
		if r, err := Open(t.Context(), layoutOf(t, entries(t, h)), options(t)); err == nil {
			r.Close()
			t.Errorf("%s to %s was taken", h.Name, h.Linkname)
		} else if !strings.Contains(err.Error(), "climbs out") {
			t.Errorf("%s: %v", h.Name, err)
		}
	}
}

// Links that point out of the root or in circles, special files where texts should be, made-up ELF files and
// whiteouts of nothing lead nowhere out, end, and take away nothing but what lies under them.
func TestHostileLayers(t *testing.T) {
	const reg, dir, link = tar.TypeReg, tar.TypeDir, tar.TypeSymlink
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("root:x:0:0:outside:/:/bin/sh\n"), 0o644))
	up := strings.Repeat("../", 30)
	base := entries(t,
		tar.Header{Typeflag: reg, Name: "bin/sh", Linkname: "#!/bin/busybox\n", Mode: 0o755},
		tar.Header{Typeflag: link, Name: "etc/passwd", Linkname: up + secret},
		tar.Header{Typeflag: link, Name: "usr", Linkname: "usr"},
		tar.Header{Typeflag: link, Name: "lib64", Linkname: "/lib64/../lib64"},
		tar.Header{Typeflag: tar.TypeBlock, Name: "etc/os-release", Devmajor: 8, Mode: 0o644},
		tar.Header{Typeflag: tar.TypeFifo, Name: "etc/hosts", Mode: 0o644},
		tar.Header{Typeflag: dir, Name: "lib", Mode: 0},
		tar.Header{Typeflag: reg, Name: "lib/libc.so.6", Linkname: "\x7fELF\x02\x01\x01" + strings.Repeat("\xff", 1<<16), Mode: 0o755},
		tar.Header{Typeflag: reg, Name: "var/stays", Linkname: "x", Mode: 0o644},
	)
	top := entries(t,
		tar.Header{Typeflag: reg, Name: ".wh..", Mode: 0o644},
		tar.Header{Typeflag: reg, Name: "var/.wh.", Mode: 0o644},
		tar.Header{Typeflag: reg, Name: "nowhere/.wh.gone", Mode: 0o644},
		tar.Header{Typeflag: reg, Name: "bin/.wh...", Mode: 0o644},
	)
	began := time.Now()
	r, err := Open(t.Context(), layoutOf(t, base, top), options(t))
	must(t, err)
	defer r.Close()
	if text, err := r.Text("/etc/passwd"); err == nil || strings.Contains(text, "outside") {
		t.Errorf("a link out of the image: %q, %v", text, err)
	}
	if _, err := r.Stat("/var/stays"); err != nil {
		t.Errorf("a whiteout of nothing took away: %v", err)
	}
	sys := inspection.NewSystem(r.FS)
	for _, c := range inspection.Checks("") {
		res := c.Result(sys)
		if res.Verdict == event.Broken {
			t.Errorf("%s is broken: %s", c.Meta.ID, res.Reason)
		}
		if res.Failure != nil && strings.Contains(res.Failure.Got, "outside") {
			t.Errorf("%s tells of the world outside: %s", c.Meta.ID, res.Failure.Got)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Layers that end in the middle, or are none, are told in words.
func TestDamagedLayers(t *testing.T) {
	whole := entries(t, tar.Header{Typeflag: tar.TypeReg, Name: "etc/large", Linkname: strings.Repeat("x", 4096), Mode: 0o644})
	for what, layer := range map[string][]byte{"truncated": whole[:1024], "garbage": []byte(strings.Repeat("garbage ", 512))} {
		if r, err := Open(t.Context(), layoutOf(t, layer), options(t)); err == nil {
			r.Close()
			t.Errorf("a %s layer was taken", what)
		} else {
			t.Log(err)
		}
	}
}
