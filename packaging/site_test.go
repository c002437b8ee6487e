package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var link = regexp.MustCompile(`href="([^"#:]*)(?:#([^"]*))?"`)

// TestSite follows every link between the pages, to the heading that it names.
func TestSite(t *testing.T) {
	r := &release{source: "..", out: t.TempDir(), version: "1.2.3", date: time.Unix(0, 0)}
	must(t, r.site())
	pages, err := filepath.Glob(r.path("site", "*.html"))
	must(t, err)
	if len(pages) < 20 {
		t.Fatalf("%d pages", len(pages))
	}
	for _, page := range pages {
		text := read(t, page)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to := page
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(page), m[1])
			}
			if info, err := os.Stat(to); err != nil || info.IsDir() {
				t.Errorf("%s links to %s: %v", filepath.Base(page), m[1], err)
				continue
			}
			if m[2] != "" && !strings.Contains(read(t, to), `id="`+m[2]+`"`) {
				t.Errorf("%s links to %s, which has no heading %s", filepath.Base(page), m[1], m[2])
			}
		}
	}
}
