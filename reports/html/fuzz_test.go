package html

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

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

// What a campaign leaves at its end is a page in its folder, with all that it came to; drawn again it has the same.
func TestKeepCampaign(t *testing.T) {
	dir := campaign(t, map[string]string{
		"fuzz.json": `{"Target":"xen:debian-12","Seed":7,"Calls":1000,"Dir":"/elsewhere"}`, "curve.tsv": "seconds\tcalls\tblocks\tcorpus\tmachines\n5.0\t0\t140\t0\t1\n9.0\t9\t160\t1\t1\n",
		"findings/hang #1/finding.json": `{"class":"hypervisor","signature":"hang","story":"It hangs."}`,
	})
	f := Figures{Took: 90 * time.Second, Machines: 3, Booted: 120, Answers: []CampaignAnswer{{"sysctl/readconsole -EFAULT<b>", 41234}, {"vcpu_op/up 0", 7}},
		Functions: []CampaignFunction{{"do_sysctl<i>", 17, "sysctl/readconsole"}}}
	if err := KeepCampaign(dir, f); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	told := []string{"<title>xtest · fuzzing xen:debian-12</title>", "3 machines", "1 min 30 s", "2 different answers", "120 of them were reached by booting alone", "reached on xen:debian-12: from 120 to 160 in 9.0 s", "sysctl/readconsole -EFAULT&lt;b&gt;", "41\u202f234",
		"do_sysctl&lt;i&gt;", "<td>17</td>", "xtest repro &#39;" + dir}
	for _, want := range append([]string{`href="findings/hang%20%231/"`}, told...) {
		if !strings.Contains(string(text), want) {
			t.Errorf("the folder's page lacks %q", want)
		}
	}
	c, err := LoadCampaign(dir)
	if err != nil {
		t.Fatal(err)
	}
	page := drawn(t, nil, Options{Campaigns: []*Campaign{c}})
	for _, want := range told {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, `href="findings/`) {
		t.Error("a page that lies elsewhere links to what lies in the folder")
	}
	for name, bad := range map[string]string{"curve.tsv": "seconds\tcalls\tblocks\n0\tNaN\t1\n", "figures.json": "{"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if c, err = LoadCampaign(dir); err != nil || len(c.unread) != 2 || c.figures != nil || len(c.points) > 0 {
		t.Errorf("%v, %+v", err, c)
	}
	b := browser.Open(t, written(t, nil, Options{Campaigns: []*Campaign{{Target: "xen:a", Dir: dir, figures: &f}}}))
	b.Eval("document.querySelectorAll('details').forEach(d => d.open = true)")
	b.Do(chromedp.SendKeys(chromedp.CSS(`[data-filter="campaign-0-answers"]`), "readconsole"))
	b.Expect("[...document.querySelectorAll('#campaign-0-answers tbody tr')].filter(r => !r.hidden).length", "1")
	b.Expect("[...document.querySelectorAll('#campaign-0-functions tbody tr')].filter(r => !r.hidden).length", "1")
}
