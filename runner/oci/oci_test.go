package oci_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"xtest/internal/required"
	"xtest/runner/cache"
	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/oci"
)

func TestRuntimes(t *testing.T) {
	for _, name := range []string{"runc", "crun", "runsc"} {
		t.Run(name, func(t *testing.T) {
			dir := scratch(t)
			img := prepare(t, "empty@"+name)
			if p := img.Plan.Parts; len(p) != 2 || p[0].Role != "runtime" || p[0].Package != name || p[0].Version == "" || len(p[0].SHA256) != 64 {
				t.Errorf("parts %+v", p)
			}
			got, booted := judge(t, img, "selftest/passes", "selftest/fails", "uts/hostname-isolated")
			if booted == nil || booted.Kernel == "" {
				t.Errorf("booted: %+v", booted)
			}
			for id, want := range map[string]event.Verdict{"selftest/passes": event.Pass, "selftest/fails": event.Fail, "uts/hostname-isolated": event.Pass} {
				if got[id].Verdict != want {
					t.Errorf("%s: %+v", id, got[id])
				}
			}
			nothingLeft(t, dir, nil)
		})
	}
}

// TestUnsafe: a container never gets specs that need a machine of xtest's own.
func TestUnsafe(t *testing.T) {
	img := prepare(t, "empty@runc")
	got, _ := judge(t, img, "selftest/tears-console-line")
	if r := got["selftest/tears-console-line"]; r.Verdict != event.NotApplicable {
		t.Errorf("%+v", r)
	}
}

// TestKilled kills the program that runs a container, as kill -9 does: nothing stays.
func TestKilled(t *testing.T) {
	for _, name := range []string{"runc", "crun", "runsc"} {
		t.Run(name, func(t *testing.T) {
			prepare(t, "empty@"+name)
			dir := scratch(t)
			runs := t.TempDir()
			cmd := exec.Command(xtest(t), "run", "oci:empty@"+name, "--suite", "namespaces", "--runs", runs)
			cmd.Env = append(os.Environ(), "XTEST_CACHE="+t.TempDir())
			out, in, err := os.Pipe()
			must(t, err)
			cmd.Stdout, cmd.Stderr = in, in
			must(t, cmd.Start())
			in.Close()
			defer out.Close()
			defer cmd.Process.Kill()
			var found []string
			await(t, "a spec runs", func() bool {
				records, _ := filepath.Glob(filepath.Join(runs, "*", "*.jsonl"))
				if len(records) == 0 {
					return false
				}
				text, _ := os.ReadFile(records[0])
				return bytes.Contains(text, []byte(`"spec-started"`))
			})
			found = ids(t, dir)
			if left := leftovers(dir, found); len(found) != 1 || len(left) < 2 {
				t.Errorf("containers %q, of which there is %q: this test would see nothing", found, left)
			}
			must(t, cmd.Process.Signal(unix.SIGKILL))
			cmd.Wait()
			nothingLeft(t, dir, found)
		})
	}
}

// TestRootless has another user start a container, with the program as users have it.
func TestRootless(t *testing.T) {
	prepare(t, "empty@runc")
	dir := scratch(t)
	must(t, os.Chmod(dir, 0o777))
	cmd := exec.Command(xtest(t), "run", "oci:empty@runc", "--spec", "uts/hostname-isolated")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir, "XTEST_CACHE=" + dir + "/cache", "HOME=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if bytes.Contains(out, []byte("cannot start a container here")) {
		t.Skipf("this host has no containers for ordinary users: %s", out)
	}
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	os.RemoveAll(dir + "/cache")
	os.RemoveAll(dir + "/runs")
	nothingLeft(t, dir, nil)
}

// fake is a runtime that does what the shell says.
func fake(t *testing.T, script string) string {
	path := filepath.Join(t.TempDir(), "faked")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\ncase \"$1\" in --version) echo faked version 7;; *) "+script+";; esac\n"), 0o755))
	return path
}

func TestRefusal(t *testing.T) {
	scratch(t)
	for script, want := range map[string]string{
		"echo first >&2; echo no such cgroups here >&2; exit 1": "faked 7 cannot start a container here: first; no such cgroups here",
		"exit 3": "faked 7 cannot start a container here: exit status 3",
	} {
		_, err := oci.Backend{Agent: xtest(t)}.Prepare(t.Context(), "empty@"+fake(t, script), supplies(t))
		var u *machine.Unavailable
		if !errors.As(err, &u) || u.Reason != want {
			t.Errorf("%s: got %v, want %s", script, err, want)
		}
	}
	for name, want := range map[string]machine.Unavailable{
		"runc":    {Reason: "runc: not installed", Fix: "apt-get install runc"},
		"runsc":   {Reason: "runsc: not installed"},
		"nothing": {Reason: "nothing: not installed"},
	} {
		t.Setenv("PATH", "/nowhere")
		t.Setenv("HOME", "/nowhere")
		t.Setenv("GOBIN", "")
		t.Setenv("GOPATH", "")
		_, err := oci.Backend{}.Prepare(t.Context(), "empty@"+name, supplies(t))
		var u *machine.Unavailable
		if !errors.As(err, &u) || u.Reason != want.Reason || want.Fix != "" && u.Fix != want.Fix {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConfig: an image's programs may change neither the image nor the host.
func TestConfig(t *testing.T) {
	scratch(t)
	kept := filepath.Join(t.TempDir(), "config.json")
	// Its arguments are --root STATE run --preserve-fds 1 --bundle BUNDLE ID.
	_, err := oci.Backend{Agent: xtest(t)}.Prepare(t.Context(), "empty@"+fake(t, `cp "$7/config.json" `+kept), supplies(t))
	must(t, err)
	text, err := os.ReadFile(kept)
	must(t, err)
	var c specs.Spec
	must(t, json.Unmarshal(text, &c))
	if !c.Root.Readonly || !c.Process.NoNewPrivileges || slices.Contains(c.Process.Capabilities.Bounding, "CAP_SYS_ADMIN") || len(c.Linux.Namespaces) < 6 {
		t.Errorf("%s", text)
	}
}

func TestTakes(t *testing.T) {
	for what, want := range map[string]bool{
		"": false, "@runc": false, "a@": false, "a": true, "./image.tar@runsc": true,
		"example.org/a@sha256:00": true, "example.org/a@sha256:00@/usr/bin/crun": true,
	} {
		if got := (oci.Backend{}).Takes(what); got != want {
			t.Errorf("%q: %v", what, got)
		}
	}
}

// TestDebian judges a userland: Debian's busybox, as a folder.
func TestDebian(t *testing.T) {
	prepare(t, "empty@runc")
	c, err := cache.Open("")
	must(t, err)
	defer c.Close()
	r := depot.Releases[len(depot.Releases)-1]
	parcel, err := (&depot.Depot{Cache: c}).Unpacked(t.Context(), depot.Wanted{
		Role: "rootfs", Codename: r.Codename, Name: "busybox-static", Find: depot.Named("busybox-static"), Part: "all",
	})
	if err != nil {
		t.Skipf("busybox-static cannot be had: %v", err)
	}
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "bin"), 0o755))
	for _, place := range []string{"bin/busybox", "usr/bin/busybox"} {
		if text, err := os.ReadFile(filepath.Join(parcel.Dir, place)); err == nil {
			must(t, os.WriteFile(filepath.Join(root, "bin/busybox"), text, 0o755))
		}
	}
	for _, name := range []string{"sh", "md5sum"} {
		must(t, os.Symlink("busybox", filepath.Join(root, "bin", name)))
	}
	img := prepare(t, root+"@runc")
	got, _ := judge(t, img, "behaviour/md5sum", "behaviour/awk")
	if got["behaviour/md5sum"].Verdict != event.Pass || got["behaviour/awk"].Verdict != event.NotApplicable {
		t.Errorf("%+v", got)
	}
	if p := img.Plan.Parts[1]; p.Role != "rootfs" || p.Package != root || len(p.SHA256) != 64 {
		t.Errorf("%+v", p)
	}

	// The same as a release's root, which is a file system.
	tool := required.Tool(t, "mke2fs", "e2fsprogs")
	disk := filepath.Join(t.TempDir(), "root.ext4")
	if out, err := exec.Command(tool, "-q", "-t", "ext4", "-d", root, disk, "16m").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v: %s", err, out)
	}
	s := supplies(t)
	s.Root = func(context.Context, depot.Release, []string) (string, error) { return disk, nil }
	img = prepareWith(t, r.Name+"@runc", s)
	if got, _ := judge(t, img, "behaviour/md5sum"); got["behaviour/md5sum"].Verdict != event.Pass || img.Plan.Parts[1].Package != r.Title {
		t.Errorf("%+v, %+v", got, img.Plan.Parts)
	}
}

// BenchmarkStart compares a container's start, verdict and end with the same container under the
// runtime alone, in turns.
func BenchmarkStart(b *testing.B) {
	img := prepare(b, "empty@runc")
	dir := scratch(b)
	bundle := filepath.Join(dir, "bundle")
	must(b, os.MkdirAll(filepath.Join(bundle, "rootfs"), 0o755))
	path, err := exec.LookPath("runc")
	must(b, err)
	spec := exec.Command(path, "spec")
	spec.Dir = bundle
	must(b, spec.Run())
	config := filepath.Join(bundle, "config.json")
	text, err := os.ReadFile(config)
	must(b, err)
	text = bytes.Replace(text, []byte(`"terminal": true`), []byte(`"terminal": false`), 1)
	text = bytes.Replace(text, []byte(`"sh"`), []byte(`"/xtest-trial"`), 1)
	must(b, os.WriteFile(config, text, 0o600))
	program, err := os.ReadFile(xtest(b))
	must(b, err)
	must(b, os.WriteFile(filepath.Join(bundle, "rootfs/xtest-trial"), program, 0o755))
	var alone, whole []time.Duration
	for b.Loop() {
		began := time.Now()
		cmd := exec.CommandContext(context.Background(), path, "--root", filepath.Join(dir, "state"), "run", "--bundle", bundle, "xtest-alone")
		cmd.Stderr = io.Discard
		must(b, cmd.Run())
		alone = append(alone, time.Since(began))
		began = time.Now()
		judge(b, img, "selftest/passes")
		whole = append(whole, time.Since(began))
	}
	slices.Sort(alone)
	slices.Sort(whole)
	b.ReportMetric(float64(alone[len(alone)/2].Microseconds())/1000, "ms-alone")
	b.ReportMetric(float64(whole[len(whole)/2].Microseconds())/1000, "ms-whole")
	b.ReportMetric(0, "ns/op")
}
