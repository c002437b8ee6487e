package debian

import (
	"regexp"
	"strings"
	"testing"
)

func namesOf(ps []*Package) string {
	var n []string
	for _, p := range ps {
		n = append(n, p.Name)
	}
	return strings.Join(n, " ")
}

func TestClosure(t *testing.T) {
	a := newArchive(t)
	deb := []byte("x")
	ix := loaded(t, a, a.offer("app", "1", "Pre-Depends: dpkg:any (>= 1.0)\nDepends: liba (>= 2),\n mta | smail,\n awk\n", deb)+
		a.offer("dpkg", "1.21", "Essential: yes\n", deb)+
		a.offer("liba", "2-1", "Priority: required\nDepends: libb\n", deb)+
		a.offer("libb", "1", "Depends: liba\n", deb)+
		a.offer("smail", "1", "Provides: mta\n", deb)+
		a.offer("exim", "1", "Provides: mta\nPriority: standard\n", deb)+
		a.offer("gawk", "1", "Provides: awk\nPriority: optional\n", deb)+
		a.offer("mawk", "1", "Provides: awk\nPriority: required\n", deb)+
		a.offer("vers", "1", "Provides: api (= 3)\n", deb)+
		a.offer("needs3", "1", "Depends: api (>= 3)\n", deb)+
		a.offer("needs4", "1", "Depends: api (>= 4) | libc:i386\n", deb)+
		a.offer("needsmta2", "1", "Depends: mta (>= 2)\n", deb)+
		a.offer("linux-image-6.1.0-9-amd64", "6.1.99-1", "", deb)+
		a.offer("linux-image-6.1.0-30-amd64", "6.1.170-1", "", deb))
	for _, tc := range []struct{ ask, want string }{
		{"app", "app dpkg exim liba libb mawk"},
		{"app smail", "app dpkg liba libb mawk smail"},
		{"app gawk", "app dpkg exim gawk liba libb"},
		{"needs3", "needs3 vers"},
		{"awk", "mawk"},
	} {
		got, err := ix.Closure(strings.Fields(tc.ask), nil)
		if err != nil || namesOf(got) != tc.want {
			t.Errorf("%s: %q, want %q, %v", tc.ask, namesOf(got), tc.want, err)
		}
	}
	got, err := ix.Closure([]string{"app"}, func(p *Package) bool { return p.Name != "liba" })
	if err != nil || namesOf(got) != "app dpkg exim mawk" {
		t.Errorf("without liba: %q, %v", namesOf(got), err)
	}
	_, err = ix.Closure([]string{"needs4"}, nil)
	wantWords(t, err, "needs4", "api (>= 4) | libc:i386")
	_, err = ix.Closure([]string{"needsmta2"}, nil)
	wantWords(t, err, "mta (>= 2)")
	_, err = ix.Closure([]string{"nope"}, nil)
	wantWords(t, err, "nope", "bookworm", "amd64", "xtest cache update")

	if b := namesOf(ix.Base("required")); b != "dpkg liba mawk" {
		t.Errorf("base: %s", b)
	}
	if p := ix.Latest(regexp.MustCompile(`^linux-image-6\.1\.0-\d+-amd64$`)); p == nil || p.Name != "linux-image-6.1.0-30-amd64" {
		t.Errorf("latest kernel: %+v", p)
	}
	if p := ix.Latest(regexp.MustCompile(`^none$`)); p != nil || ix.Package("none") != nil {
		t.Error("found a package that is not there")
	}
}
