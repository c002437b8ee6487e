package machine

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/guard"
	"xtest/runner/wire"
)

const roleEnv = "XTEST_TEST_ROLE"

func TestMain(m *testing.M) {
	guard.Main()
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "silent":
		os.Exit(0)
	case "cries":
		play()
	case "stays":
		for {
			unix.Pause()
		}
	case "limps":
		limp()
	}
	os.Exit(0)
}

// play is a machine that says one thing before it cries and one behind.
func play() {
	channel := os.NewFile(3, "channel")
	channel.WriteString("firmware noise\n" + wire.Hello + "\n")
	line, _ := bufio.NewReader(channel).ReadBytes('\n')
	os.Stdout.Write(append([]byte("order "), line...))
	os.Stdout.WriteString("env " + strings.Join(os.Environ(), ",") + "\n")
	channel.WriteString("before\n")
	os.Stdout.WriteString("Kernel panic - not syncing: on purpose\n")
	os.Stdin.Read(make([]byte, 1)) // at its end already
	os.WriteFile("here", nil, 0o600)
	channel.WriteString("x\n")
}

func guestImage(t *testing.T, role string) *Image {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Image{Modules: []string{"mod"}, Scale: 2, Root: &wire.Root{Device: "/dev/x", Type: "ext4"}, Launch: func(b Boot) (Launch, error) {
		return Launch{Args: []string{exe}, Env: []string{roleEnv + "=" + role, "TOKEN=" + b.Token, "SCRATCH=" + b.Scratch}}, nil
	}}
}

func TestStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console.log")
	m, err := guestImage(t, "cries").Start(wire.Order{Seed: 5, Specs: []string{"a"}}, path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Kill()
	var aliens int
	for in := range m.Events {
		if in.Alien == nil || !errors.Is(in.Alien, wire.ErrAlien) {
			t.Errorf("came: %+v", in)
		}
		if aliens++; aliens == 1 && in.Late {
			t.Error("what was said before the cry is late")
		}
	}
	<-m.Ended
	if m.Err != nil || aliens != 2 {
		t.Errorf("it ended with %v, having said %d lines", m.Err, aliens)
	}
	select {
	case p := <-m.Cry:
		if p.Kind != "panic" {
			t.Errorf("it cried %s", p.Kind)
		}
	default:
		t.Error("it did not cry")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"seed":5,"scale":2,"specs":["a"]`, `"modules":["mod"]`, `"device":"/dev/x"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the log lacks %s:\n%s", want, text)
		}
	}
	_, rest, _ := strings.Cut(string(text), "TOKEN=")
	token, rest, _ := strings.Cut(rest, ",SCRATCH=")
	if len(token) < 20 || !strings.Contains(string(text), `"token":"`+token+`"`) {
		t.Errorf("the token %q is not the order's", token)
	}
	dir, _, _ := strings.Cut(rest, "\n")
	if _, err := os.Stat(dir); dir == "" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the scratch folder %q: %v", dir, err)
	}
}

func TestMachineThatSaysNothing(t *testing.T) {
	m, err := guestImage(t, "silent").Start(wire.Order{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if in, ok := <-m.Events; ok {
		t.Errorf("it said %+v", in)
	}
	<-m.Ended
	m.Kill() // late is not wrong
}

func TestStartErrors(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	img := guestImage(t, "silent")
	if _, err := img.Start(wire.Order{}, "/no/such/folder/log"); err == nil || !strings.Contains(err.Error(), "console's log") {
		t.Errorf("without a log: %v", err)
	}
	img.Launch = func(Boot) (Launch, error) { return Launch{}, errors.New("no disk") }
	if _, err := img.Start(wire.Order{}, ""); err == nil || err.Error() != "no disk" {
		t.Errorf("Start: %v", err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	t.Setenv("TMPDIR", "/no/such/folder")
	if _, err := img.Start(wire.Order{}, ""); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("without a scratch folder: %v", err)
	}
}

func TestTap(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	in, err := newTap(ours)
	if err != nil {
		t.Fatal(err)
	}
	step := func(size int, want string, late bool) {
		t.Helper()
		p := make([]byte, size)
		n, err := in.Read(p)
		if err != nil || string(p[:n]) != want || in.late() != late {
			t.Errorf("read %q, %v, late %v; want %q, %v", p[:n], err, in.late(), want, late)
		}
	}
	theirs.WriteString("0123456789")
	step(4, "0123", false)
	in.seal()
	theirs.WriteString("abcdef")
	step(3, "456", false)
	step(100, "789", false)
	go func() { // a read that waits is woken
		<-time.After(20 * time.Millisecond)
		theirs.WriteString("gh")
		theirs.Close()
	}()
	step(6, "abcdef", true)
	step(100, "gh", true)
	if n, err := in.Read(make([]byte, 5)); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	ours.Close()
	if _, err := in.Read(make([]byte, 5)); err == nil || err == io.EOF {
		t.Errorf("closed: %v", err)
	}
}

func TestUnavailable(t *testing.T) {
	u := &Unavailable{Reason: "no emulator"}
	if got := u.Error(); got != "no emulator" {
		t.Error(got)
	}
	if u.Fix = "apt install one"; u.Error() != "no emulator; to mend it: apt install one" {
		t.Error(u.Error())
	}
}

func TestStatic(t *testing.T) {
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := identify(file); err == nil {
		t.Error("a script is a static program")
	}
	if _, err := identify("/bin/sh"); err == nil || !strings.Contains(err.Error(), "CGO_ENABLED=0") {
		t.Skip("needs a dynamically linked /bin/sh: ", err)
	}
}

// TestIdentify: a program is known by its build ID, and by its content where it has none.
func TestIdentify(t *testing.T) {
	id, err := identify(Self)
	if err != nil || strings.Count(id, "/") != 3 {
		t.Fatalf("this program is %q, %v", id, err)
	}
	text, err := os.ReadFile(Self)
	if err != nil {
		t.Fatal(err)
	}
	nameless := filepath.Join(t.TempDir(), "nameless")
	at := strings.Index(string(text), id)
	if at < 0 {
		t.Fatal("its build ID is not in it")
	}
	copy(text[at:], strings.Repeat("x", len(id)))
	if err := os.WriteFile(nameless, text, 0o700); err != nil {
		t.Fatal(err)
	}
	hash, err := FileHash(nameless)
	if got, also := identify(nameless); err != nil || also != nil || got != hash {
		t.Errorf("without a build ID it is %q, not its hash %q: %v, %v", got, hash, err, also)
	}
}
