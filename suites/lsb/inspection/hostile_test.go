package inspection

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/linkage/elftest"
	"xtest/internal/root"
	"xtest/runner/event"
)

// results judges every check of a root.
func results(s *System) map[string]event.Result {
	all := map[string]event.Result{}
	for _, c := range Checks("") {
		all[c.Meta.ID] = c.Result(s)
	}
	return all
}

// A root made to lead a reader astray: every check ends, in bounded time and memory, and tells nothing
// of the world outside.
func TestHostileRoot(t *testing.T) {
	f := newFixture(t)
	secret := filepath.Join(t.TempDir(), "secret")
	f.must(os.WriteFile(secret, []byte("root:x:0:0:outside:/:/bin/sh\nbin:x:2:2::/:\ndaemon:x:1:1::/:\n"), 0o644))
	up := strings.Repeat("../", 40)
	f.put("/usr/bin/sh", string(elftest.Image{Interp: "/lib64/ld.so"}.Bytes()))
	f.link("/bin", "usr/bin")
	f.link("/sbin", "/sbin")
	f.link("/etc/passwd", up+strings.TrimPrefix(secret, "/"))
	f.link("/etc/group", secret)
	f.link("/lib64/libc.so.6", "a")
	f.link("/lib64/a", "b")
	f.link("/lib64/b", "/lib64/a")
	f.link("/etc/ld.so.conf.d/x.conf", "/proc/self/fd/0")
	f.put("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\ninclude /etc/*\n")
	f.must(unix.Mkfifo(filepath.Join(f.dir, "etc/crontab"), 0o644))
	f.must(unix.Mkfifo(filepath.Join(f.dir, "lib64/libm.so.6"), 0o644))
	f.must(unix.Mkfifo(filepath.Join(f.dir, "etc/os-release"), 0o644))
	device := map[string]string{}
	if unix.Mknod(filepath.Join(f.dir, "lib64/librt.so.1"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 8))) == nil { // random(4) never ends
		device["libraries/librt"] = "not a regular file"
	}
	f.put("/lib64/libz.so.1", "\x7fELF\x02\x01\x01")
	whole := elftest.Image{SOName: "libdl.so.2", Symbols: []elftest.Symbol{{Name: "dlopen", Version: "GLIBC_2.2.5"}}}.Bytes()
	f.put("/lib64/libdl.so.2", string(whole[:len(whole)/2]))
	f.put("/lib64/libstdc++.so.6", "")
	sparse := filepath.Join(f.dir, "lib64/libstdc++.so.6")
	if os.Truncate(sparse, 1<<40) != nil {
		f.must(os.Truncate(sparse, 1<<34))
	}
	f.put("/var/lib/dpkg/status", "")
	if os.Truncate(filepath.Join(f.dir, "var/lib/dpkg/status"), 1<<40) != nil {
		f.must(os.Truncate(filepath.Join(f.dir, "var/lib/dpkg/status"), 1<<34))
	}
	deep := f.dir + "/etc" + strings.Repeat("/d", 200)
	f.must(os.MkdirAll(deep, 0o755))

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	all := results(f.System)
	f.Gather(true)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	if took > 30*time.Second || after.Sys-before.Sys > 150<<20 {
		t.Errorf("it took %v and %d MB", took, (after.Sys-before.Sys)>>20)
	}
	for id, want := range device {
		if r := all[id]; r.Failure == nil || !strings.Contains(r.Failure.Got, want) {
			t.Errorf("%s: %+v, %+v", id, r, r.Failure)
		}
	}
	for id, want := range map[string]string{
		"users/required": "no such file", "libraries/libc": "too many levels", "libraries/libm": "not a regular file",
		"libraries/libz": "no ELF file", "libraries/libdl": "", "libraries/libstdcxx": "more than any library",
		"hierarchy/root": "/sbin",
	} {
		r := all[id]
		if r.Verdict != event.Fail || r.Failure == nil || !strings.Contains(r.Failure.Got, want) {
			t.Errorf("%s: %+v, %+v", id, r, r.Failure)
		}
	}
	for id, r := range all {
		if r.Verdict == event.Broken {
			t.Errorf("%s is broken: %s", id, r.Reason)
		}
		if r.Failure != nil && strings.Contains(r.Failure.Got, "outside") {
			t.Errorf("%s tells of the world outside: %s", id, r.Failure.Got)
		}
	}
}

// What may not be read is no fault of the root's.
func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		// As another user, in a thread of its own that ends with the test.
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread()
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
				t.Errorf("becoming nobody: %v", errno)
				return
			}
			unreadable(t)
		}()
		<-done
		return
	}
	unreadable(t)
}

func unreadable(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "xtest-lsb-")
	if err != nil {
		t.Error(err)
		return
	}
	defer os.RemoveAll(dir)
	err = errors.Join(
		os.MkdirAll(filepath.Join(dir, "bin"), 0o755), os.WriteFile(filepath.Join(dir, "bin/sh"), []byte("#!/bin/busybox\n"), 0o755),
		os.MkdirAll(filepath.Join(dir, "etc"), 0o755), os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("x"), 0),
		os.Mkdir(filepath.Join(dir, "usr"), 0),
	)
	defer os.Chmod(filepath.Join(dir, "usr"), 0o755)
	f, errOpen := root.OpenFolder(dir)
	if err := errors.Join(err, errOpen); err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	all := results(NewSystem(root.New(f)))
	for _, id := range []string{"users/required", "hierarchy/usr", "commands/present-text"} {
		if r := all[id]; r.Verdict != event.Broken || !strings.Contains(r.Reason, "permission") {
			t.Errorf("%s: %+v", id, r)
		}
	}
	if r := all["hierarchy/root"]; r.Verdict != event.Fail {
		t.Errorf("hierarchy/root: %+v", r)
	}
}
