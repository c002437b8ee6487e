package debian

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Source is one archive that apt is set to fetch binary packages from (sources.list(5)).
type Source struct {
	URI        string // without a trailing slash; may hold a password
	Suites     []string
	Components []string
	SignedBy   []string // key ring files, or key blocks that start with "-----BEGIN"
	File       string   // where it is set
}

// Host is what the host's package manager is set to.
type Host struct {
	Sources []Source // enabled ones, in apt's order
	Proxy   Proxy
	root    string
}

// HostSources reads apt's settings below root ("/" or "" for this machine). A machine without apt
// has no sources, which is no error; a file that cannot be read or parsed is.
func HostSources(root string) (*Host, error) {
	h := &Host{root: root}
	list := filepath.Join(root, "/etc/apt/sources.list")
	if err := h.read(list, h.oneLine); err != nil {
		return nil, err
	}
	parts, err := os.ReadDir(list + ".d")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading apt's sources: %w", err)
	}
	for _, d := range parts { // sorted, and apt reads them in that order
		parse := map[string]func(string, []byte) error{".list": h.oneLine, ".sources": h.deb822}[filepath.Ext(d.Name())]
		if parse == nil {
			continue
		}
		if err := h.read(filepath.Join(list+".d", d.Name()), parse); err != nil {
			return nil, err
		}
	}
	h.Proxy, err = hostProxy(root)
	return h, err
}

func (h *Host) read(file string, parse func(file string, text []byte) error) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = parse(file, text)
	}
	if err != nil {
		return fmt.Errorf("reading apt's sources from %s: %w; name a mirror with --mirror URL", file, err)
	}
	return nil
}

// oneLine parses "deb [option=value,value ...] uri suite component ...".
func (h *Host) oneLine(file string, text []byte) error {
	in := bufio.NewScanner(strings.NewReader(string(text)))
	for n := 1; in.Scan(); n++ {
		line, _, _ := strings.Cut(in.Text(), "#")
		options := ""
		if before, rest, ok := strings.Cut(line, "["); ok {
			inside, after, ok := strings.Cut(rest, "]")
			if !ok {
				return fmt.Errorf("line %d: \"[\" is not closed", n)
			}
			options, line = inside, before+" "+after
		}
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "deb" {
			continue
		}
		if len(words) < 3 {
			return fmt.Errorf("line %d: an archive without a suite", n)
		}
		s := Source{Suites: words[2:3], Components: words[3:], File: file}
		for _, o := range strings.Fields(options) {
			if k, v, _ := strings.Cut(o, "="); strings.EqualFold(k, "signed-by") {
				s.SignedBy = strings.Split(v, ",")
			}
		}
		if err := h.add(s, words[1]); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return in.Err()
}

func (h *Host) deb822(file string, text []byte) error {
	return readStanzas(strings.NewReader(string(text)), func(f Stanza) error {
		if no := strings.ToLower(f["Enabled"]); no == "no" || no == "false" || no == "0" {
			return nil
		}
		binary := false
		for _, t := range strings.Fields(f["Types"]) {
			binary = binary || t == "deb"
		}
		if !binary {
			return nil
		}
		signed := []string{strings.TrimSpace(f["Signed-By"])}
		if !strings.HasPrefix(signed[0], "-----BEGIN") {
			signed = strings.FieldsFunc(signed[0], func(r rune) bool { return strings.ContainsRune(" \t\n,", r) })
		}
		for _, uri := range strings.Fields(f["Uris"]) {
			s := Source{Suites: strings.Fields(f["Suites"]), Components: strings.Fields(f["Components"]), SignedBy: signed, File: file}
			if err := h.add(s, uri); err != nil {
				return err
			}
		}
		return nil
	})
}

// add takes s at uri. Debian's cloud images use "mirror+file:", a local file that lists mirrors
// (apt-transport-mirror(1)): its first line counts.
func (h *Host) add(s Source, uri string) error {
	if list, ok := strings.CutPrefix(uri, "mirror+file:"); ok {
		text, err := os.ReadFile(filepath.Join(h.root, "/"+strings.TrimLeft(list, "/")))
		if err != nil {
			return fmt.Errorf("the mirror list: %w", err)
		}
		uri = ""
		for _, line := range strings.Split(string(text), "\n") {
			line, _, _ = strings.Cut(line, "#")
			if f := strings.Fields(line); len(f) > 0 {
				uri = f[0]
				break
			}
		}
	}
	var signed []string // a new slice: a paragraph's URIs share theirs
	for _, k := range s.SignedBy {
		if filepath.IsAbs(k) {
			k = filepath.Join(h.root, k)
		}
		if k != "" {
			signed = append(signed, k)
		}
	}
	s.SignedBy = signed
	if s.URI = strings.TrimRight(uri, "/"); usable(s.URI) {
		h.Sources = append(h.Sources, s)
	}
	return nil
}

func usable(uri string) bool {
	for _, scheme := range []string{"http://", "https://", "file:/"} {
		if strings.HasPrefix(uri, scheme) {
			return true
		}
	}
	return false
}
