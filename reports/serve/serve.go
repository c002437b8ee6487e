// Package serve shows the runs of a folder to browsers on this machine: the pages of package html, made anew
// from the records with each look. It writes nothing.
//
// Beware: whoever may connect to this machine's loopback can read the runs, other users of it included. Pages
// of other origins cannot: every request has to name this machine as its host, so that a name that was made to
// point here (DNS rebinding) does not help them.
package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"xtest/reports"
	"xtest/reports/html"
)

const (
	maxListed   = 500 // runs in the list
	maxCompared = 50  // runs that a request may name
	stopping    = 5 * time.Second
)

// Folder is a folder of runs that is shown.
type Folder struct {
	dir  string
	busy chan struct{} // pages that are made at once, for their memory

	mu   sync.Mutex
	seen map[string]seen
}

// seen is what is known of a run's record while it does not change.
type seen struct {
	size  int64
	time  time.Time
	entry html.Entry
}

// New shows the runs below dir. It is an error when that is no folder.
func New(dir string) (*Folder, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("showing runs: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("showing runs: %s is no folder", dir)
	}
	return &Folder{dir: dir, busy: make(chan struct{}, 2), seen: map[string]seen{}}, nil
}

// Serve answers on l until ctx ends, and then finishes what was begun, for five seconds at most.
func (f *Folder) Serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{Handler: f.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopping)
		defer cancel()
		stopped <- errors.Join(s.Shutdown(deadline), s.Close())
	})
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("showing runs: %w", err)
	}
	return <-stopped
}

// Handler answers requests.
func (f *Folder) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.index)
	mux.HandleFunc("GET /run/{run}", func(w http.ResponseWriter, r *http.Request) { f.page(w, r, []string{r.PathValue("run")}) })
	mux.HandleFunc("GET /compare", func(w http.ResponseWriter, r *http.Request) { f.page(w, r, r.URL.Query()["run"]) })
	mux.HandleFunc("GET /history", func(w http.ResponseWriter, r *http.Request) { f.page(w, r, f.runs()) })
	mux.HandleFunc("GET /fuzzing", f.fuzzing)
	mux.HandleFunc("GET /console/{run}/{log}", f.console)
	return guard(mux)
}

// guard refuses requests that do not name this machine, and has browsers keep the answers to themselves.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", html.Policy()+"; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "xtest serve answers to this machine's own names alone: localhost, 127.0.0.1", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// runs are the names of the folders that hold a record, the oldest first: they are named after their time.
func (f *Folder) runs() []string { return f.holding(reports.RecordName) }

// holding are the names of the folders that hold a file.
func (f *Folder) holding(name string) []string {
	found, _ := fs.Glob(os.DirFS(f.dir), "*/"+name) // the pattern is constant
	for i, name := range found {
		found[i] = filepath.Dir(name)
	}
	slices.Sort(found)
	return found
}

func (f *Folder) index(w http.ResponseWriter, r *http.Request) {
	names := f.runs()
	slices.Reverse(names)
	left := max(len(names)-maxListed, 0)
	names = names[:len(names)-left]
	var entries []html.Entry
	for _, name := range names {
		if r.Context().Err() != nil {
			return
		}
		entries = append(entries, f.entry(name))
	}
	f.answer(w, func(w io.Writer) error { return html.Index(w, f.dir, entries, left, len(f.holding(html.CampaignFile))) })
}

// entry sums a run up, reading its record if that has changed.
func (f *Folder) entry(name string) html.Entry {
	dir := filepath.Join(f.dir, name)
	info, err := os.Stat(filepath.Join(dir, reports.RecordName))
	if err != nil {
		return html.Entry{Name: name, Broken: err.Error()}
	}
	f.mu.Lock()
	was, ok := f.seen[name]
	f.mu.Unlock()
	if ok && was.size == info.Size() && was.time.Equal(info.ModTime()) {
		return was.entry
	}
	f.busy <- struct{}{}
	m, err := reports.Load(dir)
	<-f.busy
	entry := html.Entry{Name: name}
	if err != nil {
		entry.Broken = err.Error()
	} else {
		entry = html.Summary(name, m)
	}
	f.mu.Lock()
	f.seen[name] = seen{info.Size(), info.ModTime(), entry}
	f.mu.Unlock()
	return entry
}

// page shows runs side by side.
func (f *Folder) page(w http.ResponseWriter, r *http.Request, names []string) {
	known := f.runs()
	var dirs []string
	for _, name := range names {
		if !slices.Contains(known, name) {
			http.Error(w, "there is no such run here", http.StatusNotFound)
			return
		}
		dirs = append(dirs, filepath.Join(f.dir, name))
	}
	switch {
	case len(dirs) == 0:
		http.Error(w, "no run is named: choose some in the list", http.StatusBadRequest)
		return
	case r.URL.Path == "/compare" && len(dirs) > maxCompared:
		http.Error(w, fmt.Sprintf("%d runs are named, and at most %d fit a page", len(dirs), maxCompared), http.StatusBadRequest)
		return
	}
	select {
	case f.busy <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	page, unread := draw(dirs)
	<-f.busy // before it is sent: a browser may take its time
	if page == nil {
		http.Error(w, strings.Join(unread, "\n"), http.StatusUnprocessableEntity)
		return
	}
	f.answer(w, func(w io.Writer) error { _, err := page.WriteTo(w); return err })
}

// draw makes the page of runs; nil when none can be read.
func draw(dirs []string) (page *bytes.Buffer, unread []string) {
	runs, unread := html.LoadAll(dirs)
	for _, run := range runs {
		run.Consoles = html.Consoles(filepath.Base(run.Dir))
	}
	page = &bytes.Buffer{}
	if err := html.Write(page, runs, html.Options{Home: "/", Unread: unread}); err != nil {
		return nil, append(unread, err.Error())
	}
	return page, unread
}

// fuzzing shows what fuzzing left.
func (f *Folder) fuzzing(w http.ResponseWriter, r *http.Request) {
	o := html.Options{Home: "/"}
	for _, name := range f.holding(html.CampaignFile) {
		c, err := html.LoadCampaign(filepath.Join(f.dir, name))
		if err != nil {
			o.Unread = append(o.Unread, reports.Clean(err.Error()))
			continue
		}
		o.Campaigns = append(o.Campaigns, c)
	}
	if len(o.Campaigns) == 0 {
		http.Error(w, "nothing that fuzzing left is here", http.StatusNotFound)
		return
	}
	f.answer(w, func(w io.Writer) error { return html.Write(w, nil, o) })
}

func (f *Folder) answer(w http.ResponseWriter, write func(io.Writer) error) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// An error here is the browser's leaving, and there is nobody to tell.
	_ = write(w)
}

// console shows a machine's console as text, whatever it printed.
func (f *Folder) console(w http.ResponseWriter, r *http.Request) {
	run, log := r.PathValue("run"), r.PathValue("log")
	if !slices.Contains(f.runs(), run) || !strings.HasPrefix(log, "console-") || !strings.HasSuffix(log, ".log") || strings.ContainsAny(log, `/\`) {
		http.Error(w, "there is no such console", http.StatusNotFound)
		return
	}
	root, err := os.OpenRoot(filepath.Join(f.dir, run))
	if err != nil {
		http.Error(w, "there is no such console", http.StatusNotFound)
		return
	}
	defer root.Close()
	file, err := root.Open(log) // which leads out of the run's folder by no link
	if err != nil {
		http.Error(w, "there is no such console", http.StatusNotFound)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.Error(w, "there is no such console", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.Copy(w, file) // as in answer
}
