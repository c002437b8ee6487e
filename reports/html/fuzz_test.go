package html

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xtest/internal/browser"
)

// campaign writes what fuzzing leaves, and gives the folder.
func campaign(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What fuzzing left is drawn: the curve, and the findings, the gravest first; what is torn is told of.
func TestCampaign(t *testing.T) {
	curve := "seconds\tcalls\tblocks\tcorpus\tmachines\n"
	for i := range 600 {
		curve += fmt.Sprintf("%d.0\t%d\t%d\t%d\t1\n", i, i*1000, 12000+i*i/200, i/3)
	}
	finding := func(class, signature string) string {
		return fmt.Sprintf(`{"class":%q,"signature":%q,"story":"It dies of one call. <script>alert(1)</script>","tried":5,"again":5,"seen":2,"after":27021158939}`, class, signature)
	}
	dir := campaign(t, map[string]string{
		"fuzz.json": `{"Target":"xen:debian-12","Space":"xen","Seed":7,"Calls":600000,"New":"of tomorrow"}`, "curve.tsv": curve + "601.0\t12",
		"findings/a/finding.json": finding("caller", "domain_crash"), "findings/b/finding.json": finding("hypervisor", "hang in <b>grant_table_op/9"),
		"findings/c/finding.json": `{"class`,
	})
	c, err := LoadCampaign(dir)
	if err != nil || !c.Found() {
		t.Fatal(err)
	}
	runs := loaded(t, recorded(t, events("r", "uml:a")...))
	page := drawn(t, runs, Options{Campaigns: []*Campaign{c}})
	for _, want := range []string{"xen:debian-12", "600\u202f000 calls", "hang in &lt;b&gt;grant_table_op/9", "5 of 5", "first after 27.0 s", "xtest repro ", "line 602: it is torn", "a finding: unexpected end", "Blocks of code reached on xen:debian-12: from 12\u202f000 to 13\u202f"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Index(page, "grant_table_op/9") > strings.Index(page, "domain_crash") {
		t.Error("the caller's death comes before the hypervisor's")
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("what was found is a script")
	}
	alone := drawn(t, nil, Options{Campaigns: []*Campaign{c}})
	if !strings.Contains(alone, "2 findings in 1 campaign") || strings.Contains(alone, `id="evidence"`) {
		t.Error("a campaign alone is not what the page is of")
	}
	if *shots != "" && flag.NArg() == 0 {
		b := browser.Open(t, written(t, nil, Options{Campaigns: []*Campaign{c}}))
		keep(b, "fuzzing")
	}
	if _, err := LoadCampaign(t.TempDir()); err == nil {
		t.Error("an empty folder is a campaign")
	}
	quiet, err := LoadCampaign(campaign(t, map[string]string{"fuzz.json": "{}", "curve.tsv": "<html>", "findings/a/finding.json": finding("caller", "x")}))
	if err != nil || quiet.Found() || len(quiet.unread) != 1 {
		t.Errorf("%v, %+v", err, quiet)
	}
}
