package oci_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/cache"
	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/guard"
	"xtest/runner/machine"
	"xtest/runner/oci"
	"xtest/runner/wire"
)

// The test binary is the guard and the keeper; the agent inside is a real xtest, since it must be
// static and is judged as users have it.
func TestMain(m *testing.M) {
	guard.Main()
	oci.Main()
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

var built struct {
	once      sync.Once
	dir, path string
	err       error
}

// xtest builds the program.
func xtest(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("/tmp", "oci-test-"); built.err != nil {
			return
		}
		os.Chmod(built.dir, 0o755) // for another user, too
		built.path = filepath.Join(built.dir, "xtest")
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", built.path, "xtest/cmd/xtest")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func supplies(t testing.TB) *machine.Supplies {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return &machine.Supplies{Depot: &depot.Depot{Cache: c}}
}

// prepare gives a target's image, or skips the test where the runtime is missing or refuses.
func prepare(t testing.TB, what string) *machine.Image {
	t.Helper()
	if testing.Short() {
		t.Skip("starts containers")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: some hosts allow containers to root alone")
	}
	img, err := oci.Backend{Agent: xtest(t)}.Prepare(t.Context(), what, supplies(t))
	var u *machine.Unavailable
	if errors.As(err, &u) {
		if os.Getenv("XTEST_REQUIRE_TOOLS") == "1" && strings.Contains(u.Reason, "not installed") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	must(t, err)
	return img
}

// scratch makes machines keep their files in a folder of the test's own.
func scratch(t testing.TB) string {
	dir, err := os.MkdirTemp("/tmp", "oci-") // short: runtimes put sockets below it
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return dir
}

// leftovers tells what there still is of containers whose files were below dir.
func leftovers(dir string, ids []string) []string {
	var all []string
	files, _ := filepath.Glob(filepath.Join(dir, "xtest-[mt]*")) // of machines and of trials
	all = append(all, files...)
	filepath.WalkDir("/sys/fs/cgroup", func(path string, _ os.DirEntry, err error) error {
		if err == nil && slices.Contains(ids, filepath.Base(path)) {
			all = append(all, path)
		}
		return nil
	})
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		text, _ := os.ReadFile(l)
		for _, id := range append(ids, dir+"/") {
			if bytes.Contains(text, []byte(id)) {
				all = append(all, fmt.Sprintf("%s: %q", l, text))
			}
		}
	}
	return all
}

// ids are the containers that were started below dir and still have their files.
func ids(t testing.TB, dir string) []string {
	var list []string
	states, _ := filepath.Glob(filepath.Join(dir, "xtest-machine-*/bundle/config.json"))
	for _, name := range states {
		var config struct {
			Annotations map[string]string
		}
		text, err := os.ReadFile(name)
		must(t, err)
		must(t, json.Unmarshal(text, &config))
		list = append(list, config.Annotations["xtest.id"])
	}
	return list
}

// judge runs specs in a machine and gives their verdicts, and what the machine is.
func judge(t testing.TB, img *machine.Image, ids ...string) (map[string]event.Result, *event.Machine) {
	t.Helper()
	m, err := img.Start(wire.Order{Specs: ids, Seed: 1}, "")
	must(t, err)
	defer func() { m.Kill(); <-m.Ended }()
	limit := time.After(time.Minute)
	results := map[string]event.Result{}
	var booted *event.Machine
	finished := false
	for {
		select {
		case e, ok := <-m.Events:
			switch {
			case !ok:
				<-m.Ended
				if !finished || m.Err != nil {
					t.Fatalf("it ended before its work: %v\n%s", m.Err, m.Console.Tail())
				}
				return results, booted
			case e.Alien != nil:
				t.Errorf("event channel: %v", e.Alien)
			case e.Kind == event.Booted:
				booted = e.Machine
			case e.Kind == event.SpecEnded:
				results[e.Spec] = *e.Result
			case e.Kind == event.Finished:
				finished = true
			}
		case <-limit:
			t.Fatalf("no end:\n%s", m.Console.Tail())
		}
	}
}

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
			if left := leftovers(dir, nil); left != nil {
				t.Errorf("left behind: %s", left)
			}
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
			defer func() {
				if left := leftovers(dir, found); left != nil {
					t.Errorf("left behind: %q", left)
				}
			}()
			await(t, "everything is gone", func() bool { return leftovers(dir, found) == nil })
		})
	}
}

func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-limit.C:
			t.Fatalf("waiting in vain: %s", what)
		case <-tick.C:
		}
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
	if left := leftovers(dir, nil); left != nil {
		t.Errorf("left behind: %s", left)
	}
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
