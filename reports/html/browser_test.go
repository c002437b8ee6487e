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

// TestShots draws runs and campaigns, for looking at them: on a desktop and a phone, in both schemes, and on paper.
func TestShots(t *testing.T) {
	if *shots == "" || flag.NArg() == 0 {
		t.Skip("for looking: go test ./reports/html -run Shots -shots FOLDER -args RUN...")
	}
	var dirs []string
	var o Options
	for _, dir := range flag.Args() {
		if c, err := LoadCampaign(dir); err == nil {
			o.Campaigns = append(o.Campaigns, c)
		} else {
			dirs = append(dirs, dir)
		}
	}
	runs, unread := LoadAll(dirs)
	o.Unread = unread
	b := browser.Open(t, written(t, runs, o))
	for _, screen := range []struct {
		name       string
		wide, tall int64
	}{{"desktop", 1440, 900}, {"phone", 390, 844}} {
		b.Do(chromedp.EmulateViewport(screen.wide, screen.tall))
		for _, scheme := range []string{"light", "dark"} {
			b.Media("", scheme)
			name := screen.name + "-" + scheme + "-"
			for _, id := range []string{"glance", "matrix", "benchmarks", "history", "answers", "lsb", "fuzzing", "evidence"} {
				if b.Eval("!!document.getElementById('"+id+"')") == "true" {
					b.Eval("document.getElementById('" + id + "').scrollIntoView()")
					keep(b, name+id)
				}
			}
			if b.Eval("!!document.getElementById('grid')") == "true" {
				b.Keys("n", "\r")
				b.Eval("document.getElementById('matrix').scrollIntoView()")
				keep(b, name+"detail")
				b.Keys("\x1b")
			}
			if over := b.Eval("document.documentElement.scrollWidth - innerWidth"); over != "0" {
				t.Errorf("%s: the page is %s pixels wider than the screen", name, over)
			}
		}
	}
	b.Do(chromedp.EmulateViewport(800, 1120))
	b.Media("print", "light")
	b.Eval("dispatchEvent(new Event('beforeprint'))")
	b.Eval("scrollTo(0,0)")
	keep(b, "print-1")
	b.Eval("document.getElementById('print')?.scrollIntoView()")
	keep(b, "print-2")
	if pdf := browser.Run(b, chromedp.PrintToPDF()); !strings.HasPrefix(string(pdf), "%PDF") {
		t.Error("it cannot be printed")
	}
}
