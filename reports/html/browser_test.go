package html

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "write screenshots of the pages to this folder")

// browser is one headless Chromium for all tests, each of which has a tab of its own.
var browser struct {
	sync.Once
	context.Context
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.Context != nil {
		chromedp.Cancel(browser.Context) // waits for its end
	}
	os.Exit(code)
}

// chromium starts it. Without one the test is skipped.
func chromium(t *testing.T) context.Context {
	t.Helper()
	browser.Do(func() {
		var path string
		for _, name := range []string{"chromium", "chromium-headless-shell", "google-chrome"} {
			if path, browser.err = exec.LookPath(name); browser.err == nil {
				break
			}
		}
		if browser.err != nil {
			return
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1400, 1000))
		if os.Getuid() == 0 {
			options = append(options, chromedp.NoSandbox) // it refuses root else
		}
		alloc, _ := chromedp.NewExecAllocator(context.Background(), options...)
		browser.Context, _ = chromedp.NewContext(alloc)
		browser.err = chromedp.Do(browser.Context)
	})
	if browser.Context == nil {
		t.Skip("needs Chromium (apt-get install chromium): ", browser.err)
	}
	if browser.err != nil {
		t.Fatal(browser.err)
	}
	return browser.Context
}

// tab is a page. Whatever it says on its console, every error in it, and every request beyond the page itself
// fails the test.
type tab struct {
	context.Context
	t        *testing.T
	mu       sync.Mutex
	said     []string
	requests []string
}

// browse opens an address and waits until the page's script is done.
func browse(t *testing.T, address string) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(chromium(t))
	b := &tab{Context: ctx, t: t}
	t.Cleanup(func() {
		closeTab()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, s := range b.said {
			t.Errorf("the page says: %s", s)
		}
		for _, r := range b.requests {
			if r != address {
				t.Errorf("the page asks for %.200s", r)
			}
		}
	})
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	if err == nil {
		_, err = chromedp.Call(ctx, log.Enable, struct{}{})
	}
	if err != nil {
		t.Fatal(err)
	}
	b.media("", "light")
	b.do(chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS(`html[data-ready="1"]`)))
	return b
}

func (b *tab) hear(e any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, fmt.Sprint(e.Type))
	case *runtime.EventExceptionThrown:
		b.said = append(b.said, fmt.Sprint(e.ExceptionDetails.Text, e.ExceptionDetails.LineNumber))
	case *log.EventEntryAdded:
		b.said = append(b.said, e.Entry.Text)
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b, time.Minute)
	defer stop()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func run[T any](b *tab, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b, time.Minute)
	defer stop()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// eval gives what an expression of the page's language comes to, as text.
func (b *tab) eval(expression string) string {
	b.t.Helper()
	return run(b, chromedp.Evaluate[string]("(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
}

func (b *tab) expect(expression, want string) {
	b.t.Helper()
	if got := b.eval(expression); got != want {
		b.t.Errorf("%s is %q, want %q", expression, got, want)
	}
}

// keys types them where the focus is.
func (b *tab) keys(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.do(chromedp.KeyEvent(k))
	}
}

func (b *tab) media(kind, scheme string) {
	b.t.Helper()
	p := emulation.SetEmulatedMediaParams{Media: kind, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(b, emulation.SetEmulatedMedia, p); err != nil {
		b.t.Fatal(err)
	}
}

// shot keeps a screenshot, when they are asked for.
func (b *tab) shot(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	b.eval("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), run(b, chromedp.CaptureScreenshot()), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// written writes a page to a file and gives its address.
func written(t *testing.T, runs []*Run, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, runs, o); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

// TestShots draws runs, for looking at them.
func TestShots(t *testing.T) {
	if *shots == "" || flag.NArg() == 0 {
		t.Skip("for looking: go test ./reports/html -run Shots -shots FOLDER -args RUN...")
	}
	runs, unread := LoadAll(flag.Args())
	b := browse(t, written(t, runs, Options{Unread: unread}))
	for _, scheme := range []string{"light", "dark"} {
		b.media("", scheme)
		for _, id := range []string{"glance", "matrix", "benchmarks", "history", "answers", "lsb", "fuzzing", "evidence"} {
			if b.eval("!!document.getElementById('"+id+"')") == "true" {
				b.eval("document.getElementById('" + id + "').scrollIntoView()")
				b.shot(scheme + "-" + id)
			}
		}
		b.keys("n", "\r")
		b.eval("document.getElementById('matrix').scrollIntoView()")
		b.shot(scheme + "-detail")
		b.keys("\x1b")
	}
	b.do(chromedp.EmulateViewport(420, 900))
	b.eval("scrollTo(0,0)")
	b.shot("narrow")
	b.do(chromedp.EmulateViewport(800, 1120))
	b.media("print", "light")
	b.eval("dispatchEvent(new Event('beforeprint'))")
	b.eval("scrollTo(0,0)")
	b.shot("print-1")
	b.eval("document.getElementById('print').scrollIntoView()")
	b.shot("print-2")
	if pdf := run(b, chromedp.PrintToPDF()); !strings.HasPrefix(string(pdf), "%PDF") {
		t.Error("it cannot be printed")
	}
}
