package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xtest/runner/cache"
)

func TestTree(t *testing.T) {
	dir := t.TempDir()
	key := blobOf("recipe").SHA256
	build := func(_ context.Context, d string) error {
		return os.WriteFile(filepath.Join(d, "init"), []byte("x"), 0o755)
	}
	c := open(t, dir)
	failed := func(ctx context.Context, d string) error {
		return errors.Join(build(ctx, d), errors.New("no init for you"))
	}
	_, err := c.Tree(t.Context(), key, "debian-12", failed)
	wantWords(t, err, "no init for you")
	if l := leftovers(t, dir); len(l) != 0 {
		t.Errorf("left behind: %v", l)
	}
	p, err := c.Tree(t.Context(), key, "debian-12", build)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(p, "init")); err != nil {
		t.Error(err)
	}
	again, err := c.Tree(t.Context(), key, "debian-12", failed)
	if err != nil || again != p {
		t.Errorf("second call: %s, %v", again, err)
	}
}

// TestMain lets the test binary stand in for another xtest process.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CACHE_TEST_BUILDER"); dir != "" {
		builder(dir)
	}
	os.Exit(m.Run())
}

// builder says on its standard output that it is in the middle of a build, and stays there until
// its standard input ends. After that it finishes.
func builder(dir string) {
	pause := func() {
		fmt.Println("building")
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	c, err := cache.Open(dir)
	switch {
	case err != nil:
	case os.Getenv("CACHE_TEST_BLOB") != "":
		_, err = c.Blob(context.Background(), blobOf("content"), func(_ context.Context, w io.Writer) error {
			defer pause()
			return write("cont")(context.Background(), w)
		})
	default:
		_, err = c.Tree(context.Background(), blobOf("recipe").SHA256, "slow", func(_ context.Context, d string) error {
			defer pause()
			return os.WriteFile(filepath.Join(d, "half"), nil, 0o644)
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("built")
	os.Exit(0)
}

func startBuilder(t *testing.T, dir string, env ...string) (finish func() error, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "CACHE_TEST_BUILDER="+dir), env...)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line := make([]byte, len("building\n"))
	if _, err := io.ReadFull(out, line); err != nil {
		t.Fatal(err)
	}
	finish = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	kill = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	return finish, kill
}

func TestOtherProcessBuilds(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	finish, _ := startBuilder(t, dir)
	key := blobOf("recipe").SHA256
	mine := func(context.Context, string) error { return errors.New("built twice") }

	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
	defer cancel()
	if _, err := c.Tree(ctx, key, "slow", mine); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting with a deadline: %v", err)
	}
	if _, n, err := c.Prune(cache.PruneOptions{All: true}); err != nil || n != 0 {
		t.Errorf("pruned %d, %v", n, err)
	}
	if half, _ := filepath.Glob(filepath.Join(dir, "tmp", "*", "half")); len(half) != 1 {
		t.Errorf("the running build's temporary: %v", half)
	}
	done := make(chan error, 1)
	go func() {
		_, err := c.Tree(t.Context(), key, "slow", mine)
		done <- err
	}()
	if err := finish(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestKilledBuildLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	_, kill := startBuilder(t, dir)
	kill()
	if half, _ := filepath.Glob(filepath.Join(dir, "tmp", "*", "half")); len(half) != 1 {
		t.Fatalf("the killed build should have left its temporary: %v", half)
	}
	c := open(t, dir)
	if l := leftovers(t, dir); len(l) != 0 {
		t.Errorf("still there after opening: %v", l)
	}
	if all, err := c.List(); err != nil || len(all) != 0 {
		t.Errorf("listed %v, %v", all, err)
	}
}

func TestPin(t *testing.T) {
	c := open(t, t.TempDir())
	if _, _, err := c.Pin("debian/../x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent pin: %v", err)
	}
	for _, data := range []string{"one", "two"} {
		if err := c.SetPin("debian/../x", []byte(data)); err != nil {
			t.Fatal(err)
		}
		got, when, err := c.Pin("debian/../x")
		if err != nil || string(got) != data || time.Since(when) > time.Minute {
			t.Errorf("got %q of %v, %v", got, when, err)
		}
	}
	for _, bad := range []string{"", "..", strings.Repeat("/", 100)} {
		if err := c.SetPin(bad, nil); err == nil {
			t.Errorf("accepted the name %q", bad)
		}
	}
}

func TestKilledFetchLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir) // open all along: its sweep came too early
	_, kill := startBuilder(t, dir, "CACHE_TEST_BLOB=1")
	kill()
	if l := leftovers(t, dir); len(l) != 1 || !strings.Contains(l[0], "/tmp/blob-") {
		t.Fatalf("the killed fetch should have left one temporary: %v", l)
	}
	p, err := c.Blob(t.Context(), blobOf("content"), write("content"))
	if err != nil {
		t.Fatal(err)
	}
	if l := leftovers(t, dir); len(l) != 2 || l[0] != p || l[1] != p+".json" {
		t.Errorf("in the cache: %v", l)
	}
}

// TestDeletedWhileUsed is a user who empties the cache by hand during a run.
func TestDeletedWhileUsed(t *testing.T) {
	dir := t.TempDir()
	b := blobOf("content")
	user := open(t, dir)
	p, err := user.Blob(t.Context(), b, write("content"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for _, c := range []*cache.Cache{user, open(t, dir)} {
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Blob(ctx, b, write("content")); err != nil {
			t.Error(err)
		}
	}
}

func TestListAndPrune(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	text := strings.Repeat("x", 20_000)
	b := blobOf(text)
	p, err := c.Blob(t.Context(), b, write(text))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := c.Tree(t.Context(), b.SHA256, "debian-12", func(_ context.Context, d string) error {
		sub := filepath.Join(d, "closed")
		return errors.Join(os.Mkdir(sub, 0o755), os.WriteFile(filepath.Join(sub, "f"), bytes.Repeat([]byte("y"), 9000), 0o644), os.Chmod(sub, 0o500))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetPin("index", []byte("i")); err != nil {
		t.Fatal(err)
	}
	all, err := c.List()
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	if e := all[0]; e.Kind != "blob" || e.Name != "hello_1.deb" || e.Key != b.SHA256 || e.Size < 20_000 || e.Size > 100_000 {
		t.Errorf("blob: %+v", e)
	}
	if e := all[2]; e.Kind != "tree" || e.Name != "debian-12" || e.Size < 9000 {
		t.Errorf("tree: %+v", e)
	}

	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(p, old, old); err != nil {
		t.Fatal(err)
	}
	day := cache.PruneOptions{OlderThan: 24 * time.Hour}
	if _, n, err := open(t, dir).Prune(day); err != nil || n != 0 {
		t.Errorf("pruned %d in use, %v", n, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, n, err := c.Prune(cache.PruneOptions{}); err != nil || n != 0 {
		t.Errorf("the zero options pruned %d, %v", n, err)
	}
	freed, n, err := c.Prune(day)
	if err != nil || n != 1 || freed != all[0].Size {
		t.Errorf("pruned %d, %d bytes, %v", n, freed, err)
	}
	if _, n, err := c.Prune(cache.PruneOptions{All: true}); err != nil || n != 2 {
		t.Errorf("pruned %d, %v", n, err)
	}
	if _, err := os.Stat(tree); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("tree: %v", err)
	}
	if l := leftovers(t, dir); len(l) != 0 {
		t.Errorf("left behind: %v", l)
	}
}

func TestPruneByName(t *testing.T) {
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"old", "kept"} {
		key := strings.Repeat(string(rune('a'+i)), 64)
		if _, err := c.Tree(t.Context(), key, name, func(context.Context, string) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	if c, err = cache.Open(c.Dir()); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, n, err := c.Prune(cache.PruneOptions{All: true, Name: "old"}); err != nil || n != 1 {
		t.Errorf("pruned %d (%v), expected the one of that name", n, err)
	}
	left, err := c.List()
	if err != nil || len(left) != 1 || left[0].Name != "kept" {
		t.Errorf("left %v (%v)", left, err)
	}
}
