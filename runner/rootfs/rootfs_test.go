package rootfs

import (
	"archive/tar"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/debian"
	"xtest/runner/event"
	"xtest/runner/guard"
	"xtest/runner/machine"
	"xtest/runner/wire"
)

const roleEnv = "XTEST_TEST_ROLE"

func TestMain(m *testing.M) {
	guard.Main()
	if role := os.Getenv(roleEnv); role != "" {
		play(role)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// play is a guest that makes a root file system, or does not.
func play(role string) {
	channel := os.NewFile(3, "channel")
	fmt.Fprintln(channel, wire.Hello)
	line, _ := bufio.NewReader(channel).ReadBytes('\n')
	var order wire.Order
	if err := json.Unmarshal(line, &order); err != nil || order.Install == nil {
		os.Exit(1)
	}
	out := wire.NewWriter(channel, order.Key)
	out.Send(event.Event{Kind: event.Advanced, Reason: order.Install.Hostname, Step: &event.Step{Done: 1, Total: 2}})
	out.Send(event.Event{Kind: event.Advanced}) // of nothing
	fmt.Println("dpkg: error processing")
	switch role {
	case "works":
		out.Send(event.Event{Kind: event.Finished})
	case "gives-up":
		out.Send(event.Event{Kind: event.Warned, Reason: "making the root: no space"})
	case "hangs":
		for {
			unix.Pause()
		}
	case "closes-and-hangs":
		channel.Close()
		for {
			unix.Pause()
		}
	}
}

func TestInstall(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]string{
		"works":            "",
		"gives-up":         "making the root: no space\n    dpkg: error processing",
		"hangs":            "time is up\n    dpkg: error processing",
		"closes-and-hangs": "the guest gave up",
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			img := &machine.Image{Launch: func(machine.Boot) (machine.Launch, error) {
				return machine.Launch{Args: []string{exe}, Env: []string{roleEnv + "=" + role}}, nil
			}}
			limit := time.Minute
			if strings.Contains(role, "hangs") {
				limit = time.Second
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), limit, errors.New("time is up"))
			defer cancel()
			var steps []string
			m := &Maker{Step: func(of, what string, done, total int) { steps = append(steps, fmt.Sprint(what, done, total)) }}
			err := m.install(ctx, img, wire.Install{Hostname: "host"})
			if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("want %q, got %v", want, err)
			}
			if !slices.Equal(steps, []string{"host1 2"}) {
				t.Errorf("it told of %q", steps)
			}
		})
	}
}

func packages(t *testing.T) (pkgs []*debian.Package, debs []string) {
	t.Helper()
	dir := t.TempDir()
	for i, name := range []string{"base-files", "dpkg", "apt"} {
		deb := filepath.Join(dir, fmt.Sprint(i)) // in the cache they have no names
		if err := os.WriteFile(deb, []byte("the package "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, &debian.Package{Name: name, Size: int64(len("the package " + name)), SHA256: name})
		debs = append(debs, deb)
	}
	return pkgs, debs
}

func TestPack(t *testing.T) {
	pkgs, debs := packages(t)
	device := filepath.Join(t.TempDir(), "archive")
	if err := pack(device, pkgs, map[string]bool{"dpkg": true, "unrelated": true}, debs); err != nil {
		t.Fatal(err)
	}
	// The guest sees a device, which is longer than the archive.
	if err := os.Truncate(device, 1<<20); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := eachDeb(device, func(h *tar.Header, r io.Reader) error {
		text, err := io.ReadAll(r)
		got = append(got, fmt.Sprintf("%s early=%s: %s", h.Name, h.PAXRecords[early], text))
		return err
	})
	want := []string{"base-files.deb early=: the package base-files", "dpkg.deb early=yes: the package dpkg", "apt.deb early=: the package apt"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	stop := errors.New("stop")
	if err := eachDeb(device, func(*tar.Header, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the visitor's error became %v", err)
	}
	if err := os.Truncate(device, 517); err != nil {
		t.Fatal(err)
	}
	if err := eachDeb(device, func(_ *tar.Header, r io.Reader) error { _, err := io.ReadAll(r); return err }); err == nil {
		t.Error("half an archive was read without an error")
	}
	if err := eachDeb("/no/such/device", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a device: %v", err)
	}
}

func TestPackErrors(t *testing.T) {
	pkgs, debs := packages(t)
	device := filepath.Join(t.TempDir(), "archive")
	pkgs[1].Size++ // the file is shorter than the index says
	if err := pack(device, pkgs, nil, debs); err == nil {
		t.Error("a short package was packed")
	}
	pkgs[1].Size -= 2
	if err := pack(device, pkgs, nil, debs); err == nil {
		t.Error("a long package was packed")
	}
	pkgs[1].Size++
	if err := pack(device, pkgs, nil, []string{debs[0], "/no/such/file", debs[2]}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a package: %v", err)
	}
	if err := pack("/dev/full", pkgs, nil, debs); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
}

func TestRecipe(t *testing.T) {
	pkgs, _ := packages(t)
	key := recipe(pkgs)
	if len(key) != 64 || key != recipe(pkgs) {
		t.Errorf("the recipe is %s", key)
	}
	for name, other := range map[string][]*debian.Package{
		"fewer": pkgs[:2], "another order": {pkgs[1], pkgs[0], pkgs[2]}, "another package": {pkgs[0], pkgs[1], {SHA256: "x"}},
	} {
		if recipe(other) == key {
			t.Errorf("%s: the same recipe", name)
		}
	}
}

func TestSparse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "image")
	if err := sparse(path, size); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Size != size || st.Blocks > 100 {
		t.Errorf("%d bytes in %d blocks, %v", st.Size, st.Blocks, err)
	}
	if err := sparse("/no/such/folder/image", 1); err == nil {
		t.Error("an image in no folder")
	}
}

func TestFailedProgramIsQuoted(t *testing.T) {
	cmd := program("", "/bin/sh", "-c", "echo st''art; printf '%5000s' end >&2; exit 3", "x", "y")
	cmd.SysProcAttr = nil // a change of root needs privileges
	err := start(cmd)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.HasSuffix(err.Error(), " end") ||
		strings.Contains(err.Error(), "start") || len(err.Error()) > said+200 {
		t.Errorf("got %v", err)
	}
	cmd = program("", "/bin/sh", "-c", "test \"$DEBIAN_FRONTEND $PWD\" = 'noninteractive /' && test -z \"$XTEST_X\"")
	cmd.SysProcAttr = nil
	t.Setenv("XTEST_X", "the host's")
	if err := start(cmd); err != nil {
		t.Error(err)
	}
}
