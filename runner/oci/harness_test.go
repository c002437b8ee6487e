package oci_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xtest/internal/required"
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
	return prepareWith(t, what, supplies(t))
}

func prepareWith(t testing.TB, what string, s *machine.Supplies) *machine.Image {
	t.Helper()
	if testing.Short() {
		t.Skip("starts containers")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: some hosts allow containers to root alone")
	}
	img, err := oci.Backend{Agent: xtest(t)}.Prepare(t.Context(), what, s)
	var u *machine.Unavailable
	if errors.As(err, &u) {
		if required.All() && strings.Contains(u.Reason, "not installed") {
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

// nothingLeft waits until nothing is left: a janitor ends a moment after its machine.
func nothingLeft(t testing.TB, dir string, ids []string) {
	t.Helper()
	defer func() {
		if left := leftovers(dir, ids); left != nil {
			t.Errorf("left behind: %q", left)
		}
	}()
	await(t, "everything is gone", func() bool { return leftovers(dir, ids) == nil })
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
