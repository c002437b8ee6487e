package debian

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// host lays out a root folder with these files.
func host(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const ring = "usr/share/keyrings/debian-archive-keyring.gpg"

func TestHostSources(t *testing.T) {
	for name, tc := range map[string]struct {
		files          map[string]string
		main, security string
	}{
		"one line": {map[string]string{"etc/apt/sources.list": `# deb http://comment.example.org/debian bookworm main
deb-src http://src.example.org/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://a.example.org/debian/ bookworm main contrib # here
deb http://s.example.org/debian-security bookworm-security main
`}, "http://a.example.org/debian", "http://s.example.org/debian-security"},
		"deb822": {map[string]string{"etc/apt/sources.list.d/debian.sources": `Types: deb
# a comment
URIs: http://off.example.org/debian
Suites: trixie
Components: main
Enabled: no

Types: deb deb-src
URIs: https://a.example.org/debian
Suites: trixie trixie-updates
Components: main
Signed-By:
 /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://s.example.org/x/debian-security/
Suites: trixie-security
Components: main
`}, "https://a.example.org/debian", "https://s.example.org/x/debian-security"},
		"others' archives": {map[string]string{
			"etc/apt/sources.list.d/a.list":    "deb [signed-by=/k.gpg] https://third.example.org/apt bookworm main\n",
			"etc/apt/sources.list.d/b.list":    "deb https://wine.example.org/wine-builds/debian bookworm stable\n",
			"etc/apt/sources.list.d/z.list":    "deb http://a.example.org/debian bookworm main\ndeb http://b.example.org/debian bookworm-backports main\n",
			"etc/apt/sources.list.d/c.list.no": "deb http://no.example.org/debian bookworm main\n",
		}, "http://a.example.org/debian", "http://a.example.org/debian-security"},
		"mirror list": {map[string]string{
			"etc/apt/sources.list":        "deb mirror+file:/etc/apt/mirrors/d.list bookworm main\n",
			"etc/apt/mirrors/d.list":      "# first\nhttps://m.example.org/debian\tpriority:1\n",
			"etc/apt/sources.list.d/x.sh": "garbage",
		}, "https://m.example.org/debian", "https://m.example.org/debian-security"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.files[ring] = "k"
			root := host(t, tc.files)
			h, err := HostSources(root)
			if err != nil {
				t.Fatal(err)
			}
			m, err := h.Mirror(Override{})
			if err != nil || m.URL != tc.main || m.SecurityURL != tc.security {
				t.Errorf("%+v, %v; want %s and %s", m, err, tc.main, tc.security)
			}
			if len(m.Keyrings) != 1 || m.Keyrings[0] != filepath.Join(root, ring) {
				t.Errorf("key rings: %v", m.Keyrings)
			}
		})
	}
}

func TestNoDebianMirror(t *testing.T) {
	for _, files := range []map[string]string{
		{},
		{"etc/apt/sources.list": "deb http://u.example.org/ubuntu noble main\ndeb http://u.example.org/ubuntu noble-security main\n"},
		{"etc/apt/sources.list": "deb cdrom:[Debian_12]/ bookworm main\n"},
	} {
		h, err := HostSources(host(t, files))
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.Mirror(Override{})
		wantWords(t, err, "--mirror URL")
	}
}

func TestOverrideAndKeyrings(t *testing.T) {
	h, err := HostSources(host(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	o := Override{Mirror: "http://m.example.org/debian/"}
	_, err = h.Mirror(o)
	wantWords(t, err, "debian-archive-keyring", "--keyring FILE")
	o.Keyring = filepath.Join(t.TempDir(), "none.gpg")
	_, err = h.Mirror(o)
	wantWords(t, err, "--keyring", "none.gpg")
	if err := os.WriteFile(o.Keyring, []byte("k"), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := h.Mirror(o)
	if err != nil || m.URL != "http://m.example.org/debian" || m.SecurityURL != m.URL+"-security" || m.Keyrings[0] != o.Keyring {
		t.Errorf("%+v, %v", m, err)
	}
	_, err = h.Mirror(Override{Mirror: "ftp://m.example.org/debian"})
	wantWords(t, err, "ftp://m.example.org/debian", "--mirror URL")

	h, err = HostSources(host(t, map[string]string{"etc/apt/trusted.gpg.d/a.asc": "k", "etc/apt/trusted.gpg.d/b.gpg": "k"}))
	if err != nil {
		t.Fatal(err)
	}
	if m, err = h.Mirror(Override{Mirror: "file:/srv/debian"}); err != nil || len(m.Keyrings) != 2 {
		t.Errorf("%+v, %v", m, err)
	}
	h, err = HostSources(host(t, map[string]string{"etc/apt/sources.list.d/d.sources": "Types: deb\nURIs: http://a.example.org/debian\nSuites: sid\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDM\n"}))
	if err != nil {
		t.Fatal(err)
	}
	if m, err = h.Mirror(Override{}); err != nil || len(m.Keyrings) != 1 || m.Keyrings[0] != "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDM" {
		t.Errorf("%q, %v", m.Keyrings, err)
	}
}

func TestBadSources(t *testing.T) {
	for _, files := range []map[string]string{
		{"etc/apt/sources.list": "deb [arch=amd64 http://a.example.org/debian sid main\n"},
		{"etc/apt/sources.list": "deb http://a.example.org/debian\n"},
		{"etc/apt/sources.list.d/a.sources": " continued\n"},
		{"etc/apt/sources.list.d/a.sources": "no colon\n"},
		{"etc/apt/sources.list": "deb mirror+file:/none sid main\n"},
	} {
		_, err := HostSources(host(t, files))
		wantWords(t, err, "etc/apt/sources.list", "--mirror URL")
	}
}

func TestProxySettings(t *testing.T) {
	t.Setenv("http_proxy", "")
	t.Setenv("HTTP_PROXY", "")
	h, err := HostSources(host(t, map[string]string{
		"etc/apt/apt.conf.d/10a":      "Acquire::http::Proxy \"http://one.example.org:1/\"; // comment\n/* Acquire::http::Proxy \"x\"; */\n",
		"etc/apt/apt.conf.d/20b":      "# Acquire::http::Proxy \"y\";\nAcquire { http { Proxy \"http://two.example.org:2/\"; Proxy::Direct.example.org \"DIRECT\"; }; https::Proxy \"http://three.example.org:3\"; };\n",
		"etc/apt/apt.conf.d/30c.orig": "Acquire::http::Proxy \"http://ignored.example.org/\";\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{
		"http://a.example.org/":       "http://two.example.org:2/",
		"https://a.example.org/":      "http://three.example.org:3",
		"http://direct.example.org/x": "",
	} {
		r, _ := http.NewRequest("GET", addr, nil)
		u, err := h.Proxy.For(r)
		got := ""
		if u != nil {
			got = u.String()
		}
		if err != nil || got != want {
			t.Errorf("%s goes through %q, want %q, %v", addr, got, want, err)
		}
	}
	bad := Proxy{byKey: map[string]string{"http": "http://u:secret@[x"}}
	r, _ := http.NewRequest("GET", "http://a.example.org", nil)
	if _, err := bad.For(r); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func FuzzAptConf(f *testing.F) {
	f.Add("Acquire { http { Proxy \"x\"; }; };")
	f.Add("\"")
	f.Add("}}{/*")
	f.Fuzz(func(t *testing.T, s string) { aptConf(s, func(string, string) {}) })
}
