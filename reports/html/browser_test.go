package html

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"xtest/internal/browser"
)

var shots = flag.String("shots", "", "write screenshots of the pages to this folder")

func TestMain(m *testing.M) { browser.Main(m) }

func keep(b *browser.Page, name string) { b.Shot(filepath.Join(*shots, name+".png")) }

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
	b := browser.Open(t, written(t, runs, Options{Unread: unread}))
	for _, scheme := range []string{"light", "dark"} {
		b.Media("", scheme)
		for _, id := range []string{"glance", "matrix", "benchmarks", "history", "answers", "lsb", "fuzzing", "evidence"} {
			if b.Eval("!!document.getElementById('"+id+"')") == "true" {
				b.Eval("document.getElementById('" + id + "').scrollIntoView()")
				keep(b, scheme+"-"+id)
			}
		}
		b.Keys("n", "\r")
		b.Eval("document.getElementById('matrix').scrollIntoView()")
		keep(b, scheme+"-detail")
		b.Keys("\x1b")
	}
	b.Do(chromedp.EmulateViewport(420, 900))
	b.Eval("scrollTo(0,0)")
	keep(b, "narrow")
	b.Do(chromedp.EmulateViewport(800, 1120))
	b.Media("print", "light")
	b.Eval("dispatchEvent(new Event('beforeprint'))")
	b.Eval("scrollTo(0,0)")
	keep(b, "print-1")
	b.Eval("document.getElementById('print').scrollIntoView()")
	keep(b, "print-2")
	if pdf := browser.Run(b, chromedp.PrintToPDF()); !strings.HasPrefix(string(pdf), "%PDF") {
		t.Error("it cannot be printed")
	}
}
