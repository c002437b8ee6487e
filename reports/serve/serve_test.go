package serve

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xtest/runner/event"
	"xtest/runner/record"
)

// folder holds two runs, one that cannot be read, and files that are nobody's business.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i, id := range []string{"aaaa", "bbbb"} {
		w, err := record.Create(dir, id, time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		at := func(e event.Event) { e.Target, e.Boot = "uml:debian-12", 1; w.Add(e) }
		w.Add(event.Event{Kind: event.RunStarted, Run: &event.Run{ID: filepath.Base(w.Dir), Version: "1"}})
		at(event.Event{Kind: event.SpecListed, Spec: "user/limit", Meta: &event.Meta{Suite: "namespaces", Clause: "c"}})
		at(event.Event{Kind: event.SpecStarted, Spec: "user/limit"})
		at(event.Event{Kind: event.SpecEnded, Spec: "user/limit", Result: &event.Result{Verdict: event.Fail, Reason: "<script>alert(1)</script>"}})
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		put(t, w.ConsoleLog("uml:debian-12", 1), "<script>alert(1)</script>\x1b[31m\xff")
		if err := os.Symlink("/etc/passwd", filepath.Join(w.Dir, "console-link.log")); err != nil {
			t.Fatal(err)
		}
	}
	foreign := filepath.Join(dir, "<b>foreign")
	if err := os.Mkdir(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(foreign, record.EventsFile), "no record")
	if err := os.Mkdir(filepath.Join(dir, "fuzz-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "fuzz-1", "fuzz.json"), `{"Target":"xen:debian-12"}`)
	put(t, filepath.Join(dir, "secret"), "secret")
	return dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const first, second = "2026-01-01T00.00.00-aaaa", "2026-01-02T00.00.00-bbbb"

func TestPages(t *testing.T) {
	f, err := New(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	h := f.Handler()
	for _, c := range []struct {
		method, path, host string
		code               int
		want               string
	}{
		{"GET", "/", "localhost:8700", 200, `<a href="/run/` + second + `">`},
		{"GET", "/", "127.0.0.1:8700", 200, "&lt;b&gt;foreign"},
		{"GET", "/", "[::1]:8700", 200, "could not be read"},
		{"HEAD", "/", "localhost", 200, ""},
		{"GET", "/run/" + first, "localhost", 200, "user/limit"},
		{"GET", "/run/" + first, "localhost", 200, `"dir":"/console/` + first + `/"`},
		{"GET", "/compare?run=" + first + "&run=" + second, "localhost", 200, `"mark":"B"`},
		{"GET", "/history", "localhost", 200, "Could not be read"},
		{"GET", "/console/" + first + "/console-uml=debian-12-1.log", "localhost", 200, "<script>alert(1)"},
		{"GET", "/", "localhost", 200, "fuzzing: 1 campaign"},
		{"GET", "/fuzzing", "localhost", 200, "xen:debian-12"},
		{"GET", "/run/%3Cb%3Eforeign", "localhost", 422, "not a run"},
		// DNS rebinding: another name that leads here.
		{"GET", "/", "attacker.example", 421, "own names alone"},
		{"GET", "/run/" + first, "attacker.example:8700", 421, ""},
		{"GET", "/", "127.0.0.1.attacker.example", 421, ""},
		{"GET", "/", "192.0.2.1", 421, ""},
		// Nothing but what is listed, and nothing is changed.
		{"GET", "/run/..%2f" + first, "localhost", 404, ""},
		{"GET", "/run/nowhere", "localhost", 404, ""},
		{"GET", "/secret", "localhost", 404, ""},
		{"GET", "/console/" + first + "/events.jsonl", "localhost", 404, ""},
		{"GET", "/console/" + first + "/console-..%2f..%2fsecret.log", "localhost", 404, ""},
		{"GET", "/console/" + first + "/console-link.log", "localhost", 404, ""},
		{"GET", "/console/..%2f/console-x.log", "localhost", 404, ""},
		{"GET", "/compare", "localhost", 400, "no run is named"},
		{"GET", "/compare?" + strings.Repeat("run="+first+"&", 60), "localhost", 400, "at most"},
		{"POST", "/", "localhost", 405, ""},
		{"DELETE", "/run/" + first, "localhost", 405, ""},
	} {
		r := httptest.NewRequest(c.method, "http://placeholder"+c.path, nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s of %s: %d, want %d with %q: %.300s", c.method, c.path, c.host, w.Code, c.code, c.want, w.Body)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "DENY"} {
			if got := w.Header().Get(name); !strings.Contains(got, want) {
				t.Errorf("%s: %s is %q", c.path, name, got)
			}
		}
		if c.code == 200 && strings.HasPrefix(c.path, "/console") && (w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox")) {
			t.Errorf("a console is served as %q under %q", w.Header().Get("Content-Type"), w.Header().Get("Content-Security-Policy"))
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && strings.Contains(w.Body.String(), "<script>alert") {
			t.Errorf("%s: what a guest sent is a script", c.path)
		}
	}
}

// A record that grows is read again; one that does not is not.
func TestIndexIsFresh(t *testing.T) {
	dir := folder(t)
	f, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, first, record.EventsFile)
	before := f.entry(first)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, strings.Repeat("x", len(text)))
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if again := f.entry(first); again.Broken != before.Broken {
		t.Errorf("it was read again: %+v", again)
	}
	put(t, path, "gone")
	if again := f.entry(first); again.Broken == "" {
		t.Error("it was not read again")
	}
}

// The server ends with its context, and lets what was begun be finished.
func TestStops(t *testing.T) {
	f, err := New(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx, l) }()
	answer, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || !strings.Contains(string(text), second) {
		t.Errorf("%v: %.200s", err, text)
	}
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	if _, err := New(filepath.Join(folder(t), "secret")); err == nil {
		t.Error("a file was taken for a folder")
	}
}

// slow is a browser that takes nothing of an answer until it is let.
type slow struct {
	http.ResponseWriter
	begun chan<- struct{}
	let   <-chan struct{}
}

func (s slow) Write(p []byte) (int, error) {
	s.begun <- struct{}{}
	<-s.let
	return len(p), nil
}

// Browsers that do not read what they asked for keep no other from its page.
func TestSlowBrowsers(t *testing.T) {
	dir := folder(t)
	f, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	runs, err := filepath.Glob(filepath.Join(dir, "*-aaaa"))
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	ask := func(w http.ResponseWriter) {
		r := httptest.NewRequest("GET", "/run/"+filepath.Base(runs[0]), nil)
		r.Host = "localhost"
		f.Handler().ServeHTTP(w, r)
	}
	begun, let, done := make(chan struct{}), make(chan struct{}), make(chan int, 4)
	for range 3 { // more than pages are made at once
		go func() { ask(slow{httptest.NewRecorder(), begun, let}); done <- 0 }()
		select {
		case <-begun:
		case <-time.After(time.Minute):
			t.Fatal("a browser waits for others that do not read")
		}
	}
	go func() {
		w := httptest.NewRecorder()
		ask(w)
		done <- w.Code
	}()
	select {
	case code := <-done:
		if code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	case <-time.After(time.Minute):
		t.Error("a browser waits for others that do not read")
	}
	close(let)
	for range 3 {
		<-done
	}
}
