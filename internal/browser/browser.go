// Package browser drives a headless Chromium for the tests of pages. Nothing but tests may import it: what it
// needs is not to be part of xtest.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"xtest/internal/required"
)

// chromium is one for all tests of a package, each of which has a tab of its own.
var chromium struct {
	sync.Once
	context.Context
	err error
}

// Main runs a package's tests, and ends the browser that they have started.
func Main(m *testing.M) {
	code := m.Run()
	if chromium.Context != nil {
		chromedp.Cancel(chromium.Context) // waits for its end
	}
	os.Exit(code)
}

// start starts it. Without one the test is skipped.
func start(t *testing.T) context.Context {
	t.Helper()
	chromium.Do(func() {
		var path string
		for _, name := range []string{"chromium", "chromium-headless-shell", "google-chrome"} {
			if path, chromium.err = exec.LookPath(name); chromium.err == nil {
				break
			}
		}
		if chromium.err != nil {
			return
		}
		// Its sandbox works neither for root nor in most containers, and the pages are the tests' own.
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1400, 1000), chromedp.NoSandbox)
		alloc, _ := chromedp.NewExecAllocator(context.Background(), options...)
		chromium.Context, _ = chromedp.NewContext(alloc)
		chromium.err = chromedp.Do(chromium.Context)
	})
	if chromium.Context == nil {
		required.Missing(t, "needs Chromium (apt-get install chromium): ", chromium.err)
	}
	if chromium.err != nil {
		t.Fatal(chromium.err)
	}
	return chromium.Context
}

// Page is a page in a tab. Whatever it says on its console, every error in it, and every request beyond the page itself
// fails the test.
type Page struct {
	context.Context
	t        *testing.T
	mu       sync.Mutex
	said     []string
	requests []string
	allowed  []string
}

// Open opens an address and waits until the page's script is done.
func Open(t *testing.T, address string) *Page {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(start(t))
	b := &Page{Context: ctx, t: t, allowed: []string{address}}
	t.Cleanup(func() {
		closeTab()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, s := range b.said {
			t.Errorf("the page says: %s", s)
		}
		for _, r := range b.requests {
			if !slices.Contains(b.allowed, r) {
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
	b.Media("", "light")
	b.Do(chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS(`html[data-ready="1"]`)))
	return b
}

func (b *Page) hear(e any) {
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

// Do carries actions out.
func (b *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b, time.Minute)
	defer stop()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// Run carries an action out that gives something.
func Run[T any](b *Page, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b, time.Minute)
	defer stop()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// Eval gives what an expression of the page's language comes to, as text.
func (b *Page) Eval(expression string) string {
	b.t.Helper()
	return Run(b, chromedp.Evaluate[string]("(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
}

// Expect fails the test unless an expression comes to what is wanted, as text.
func (b *Page) Expect(expression, want string) {
	b.t.Helper()
	if got := b.Eval(expression); got != want {
		b.t.Errorf("%s is %q, want %q", expression, got, want)
	}
}

// Keys types them where the focus is.
func (b *Page) Keys(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.Do(chromedp.KeyEvent(k))
	}
}

// Media has the page drawn for a kind of medium (print, or empty: a screen) and a scheme of colours.
func (b *Page) Media(kind, scheme string) {
	b.t.Helper()
	p := emulation.SetEmulatedMediaParams{Media: kind, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(b, emulation.SetEmulatedMedia, p); err != nil {
		b.t.Fatal(err)
	}
}

// Shot keeps a screenshot.
func (b *Page) Shot(path string) {
	b.t.Helper()
	b.Eval("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
	if err := os.WriteFile(path, Run(b, chromedp.CaptureScreenshot()), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// Allow lets the page ask for more addresses than its own.
func (b *Page) Allow(addresses ...string) { b.allowed = append(b.allowed, addresses...) }

// Wait waits for what a selector finds.
func (b *Page) Wait(selector string) {
	b.t.Helper()
	b.Do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// Click clicks on what a selector finds.
func (b *Page) Click(selector string) {
	b.t.Helper()
	b.Do(chromedp.Click(chromedp.CSS(selector)))
}
