package debian

import (
	"io"
	"strings"
	"testing"
)

const paragraph = "Package: hello\nSource: hello-src\nVersion: 2.10-3\nArchitecture: amd64\nDepends: libc6 (>= 2.34),\n libx\nDescription: x\n Package: not-this\nFilename: pool/h.deb\nSize: 53132\nSHA256: "

var digest = strings.Repeat("0a", 32)

func TestCondense(t *testing.T) {
	var b strings.Builder
	if err := condense(strings.NewReader("\n"+paragraph+digest+"\n\n\n"+strings.Replace(paragraph, "hello", "bye", 1)+digest), &b); err != nil {
		t.Fatal(err)
	}
	one, two, _ := strings.Cut(b.String(), "\n\n")
	p := parsePackage(one, nil)
	if p.Name != "hello" || p.Version != "2.10-3" || p.Depends != "libc6 (>= 2.34), libx" || p.Size != 53132 || p.SHA256 != digest {
		t.Errorf("%+v", p)
	}
	if p := parsePackage(two, nil); p.Name != "bye" {
		t.Errorf("%+v", p)
	}
	if strings.Contains(b.String(), "Description") || strings.Contains(b.String(), "not-this") {
		t.Errorf("kept too much:\n%s", b.String())
	}
	for words, bad := range map[string]string{
		"Size":     strings.Replace(paragraph, "53132", "-1", 1) + digest,
		"SHA256":   paragraph + "abc",
		"Filename": strings.Replace(paragraph, "Filename", "Filenam", 1) + digest,
		"line 1":   "nonsense\n",
	} {
		wantWords(t, condense(strings.NewReader(bad), io.Discard), words)
	}
}

func FuzzCondense(f *testing.F) {
	whole := paragraph + digest + "\n\n" + paragraph + digest + "\n"
	for n := 0; n <= len(whole); n += 7 {
		f.Add(whole[:n])
	}
	f.Fuzz(func(t *testing.T, text string) {
		var once, twice strings.Builder
		if condense(strings.NewReader(text), &once) != nil {
			return
		}
		if err := condense(strings.NewReader(once.String()), &twice); err != nil || once.String() != twice.String() {
			t.Errorf("condensing again gives something else: %v\n%q\n%q", err, once.String(), twice.String())
		}
		for _, s := range strings.Split(strings.TrimSpace(once.String()), "\n\n") {
			if p := parsePackage(s, nil); s != "" && (p.Name == "" || p.Filename == "") {
				t.Errorf("%q", s)
			}
		}
	})
}

func FuzzRelations(f *testing.F) {
	f.Add("a (>= 1) | b:any, c (<< 2~)")
	f.Add("a (")
	f.Add("(=)")
	f.Fuzz(func(t *testing.T, s string) {
		for _, item := range splitList(s) {
			if r, ok := parseRelation(item); ok && r.name == "" {
				t.Errorf("%q: a relation to nothing", item)
			}
		}
	})
}

func FuzzRelease(f *testing.F) {
	f.Add("Suite: x\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n " + digest + " 12 main/x\n")
	f.Add("SHA256: x\n")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseRelease([]byte(s))
		if err != nil {
			return
		}
		for n, b := range r.files {
			if b.Size < 0 || len(b.SHA256) != 64 {
				t.Errorf("%s: %+v", n, b)
			}
		}
	})
}
