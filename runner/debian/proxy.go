package debian

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Proxy is apt's proxy setting (apt-transport-http(1)). The zero value leaves it to the usual
// environment variables, http_proxy, https_proxy and no_proxy.
type Proxy struct {
	byKey map[string]string // "http", "https", "http::HOST"; "DIRECT" for none
}

// For is the proxy for a request, nil for none; it fits [http.Transport].Proxy.
func (p Proxy) For(r *http.Request) (*url.URL, error) {
	scheme := r.URL.Scheme
	for _, key := range []string{scheme + "::" + strings.ToLower(r.URL.Hostname()), scheme} {
		v := p.byKey[key]
		if v == "DIRECT" {
			return nil, nil
		}
		if v == "" {
			continue
		}
		u, err := url.Parse(v)
		if err != nil {
			return nil, fmt.Errorf("apt's setting Acquire::%s::Proxy is not a URL", key) // the value may hold a password
		}
		return u, nil
	}
	return http.ProxyFromEnvironment(r)
}

// hostProxy reads apt.conf.d and then apt.conf; a later setting replaces an earlier one
// (apt.conf(5)).
func hostProxy(root string) (Proxy, error) {
	conf := filepath.Join(root, "/etc/apt/apt.conf")
	var files []string
	parts, err := os.ReadDir(conf + ".d")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Proxy{}, fmt.Errorf("reading apt's settings: %w", err)
	}
	for _, d := range parts {
		if ext := filepath.Ext(d.Name()); (ext == "" || ext == ".conf") && !d.IsDir() {
			files = append(files, filepath.Join(conf+".d", d.Name()))
		}
	}
	p := Proxy{byKey: map[string]string{}}
	for _, f := range append(files, conf) {
		text, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // a file with passwords may be closed to users; the environment remains
		}
		if err != nil {
			return Proxy{}, fmt.Errorf("reading apt's settings: %w", err)
		}
		aptConf(string(text), func(name, value string) {
			key, ok := strings.CutPrefix(strings.ToLower(name), "acquire::")
			scheme, rest, _ := strings.Cut(key, "::")
			if !ok || scheme != "http" && scheme != "https" {
				return
			}
			if rest == "proxy" {
				p.byKey[scheme] = value
			} else if host, ok := strings.CutPrefix(rest, "proxy::"); ok {
				p.byKey[scheme+"::"+host] = value
			}
		})
	}
	return p, nil
}

// aptConf calls set for each setting, with its full name: both A::B "v"; and A { B "v"; }; are used.
func aptConf(text string, set func(name, value string)) {
	var scopes []string
	var words []string
	statement := func() {
		if len(words) == 2 {
			set(strings.Join(append(append([]string{}, scopes...), words[0]), "::"), words[1])
		}
		words = nil
	}
	for text != "" {
		switch {
		case strings.HasPrefix(text, "//"), text[0] == '#':
			_, text, _ = strings.Cut(text, "\n")
			continue
		case strings.HasPrefix(text, "/*"):
			_, text, _ = strings.Cut(text, "*/")
			continue
		case text[0] == '"':
			var v string
			v, text, _ = strings.Cut(text[1:], "\"")
			words = append(words, v)
			continue
		case text[0] == ';':
			statement()
		case text[0] == '{':
			scopes = append(scopes, strings.Join(words, "::"))
			words = nil
		case text[0] == '}':
			statement()
			if len(scopes) > 0 {
				scopes = scopes[:len(scopes)-1]
			}
		case !strings.ContainsRune(" \t\r\n", rune(text[0])):
			n := strings.IndexAny(text, " \t\r\n;{}\"")
			if n < 0 {
				n = len(text)
			}
			words = append(words, text[:n])
			text = text[n:]
			continue
		}
		text = text[1:]
	}
}
