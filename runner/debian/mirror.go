package debian

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Mirror is where Debian's archives are fetched from and what proves that they are Debian's.
type Mirror struct {
	URL         string   // the archive's root, the folder of "dists"; http, https or file
	SecurityURL string   // the security archive's root; "" when none is known
	Keyrings    []string // files of OpenPGP public keys, or armoured key blocks
	Proxy       Proxy
}

// Override is what the user set; empty fields leave it to the host's settings.
type Override struct {
	Mirror   string // --mirror URL
	Security string // the security archive's root; "" with a Mirror: its sibling debian-security
	Keyring  string // --keyring FILE
}

// defaultKeyring is where Debian's package debian-archive-keyring puts the archive's keys.
const defaultKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// codenames are the releases and aliases by which a source is known to be Debian's own: derived
// distributions have the same layout under other names.
var codenames = []string{
	"stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid",
	"oldoldstable", "oldstable", "stable", "testing", "unstable", "experimental",
}

// Mirror picks Debian's own archives among the host's sources, and applies what the user set.
func (h *Host) Mirror(o Override) (Mirror, error) {
	m := Mirror{URL: strings.TrimRight(o.Mirror, "/"), SecurityURL: strings.TrimRight(o.Security, "/"), Proxy: h.Proxy}
	main, security := h.best(false), h.best(true)
	if m.URL == "" && main != nil {
		m.URL = main.URI
	} else if m.URL != "" && m.SecurityURL == "" {
		m.SecurityURL = sibling(m.URL)
	}
	if m.URL == "" {
		return Mirror{}, errors.New("no Debian mirror is known: apt has none set on this machine; name one with --mirror URL, the folder that holds \"dists\"")
	}
	if !usable(m.URL) {
		return Mirror{}, fmt.Errorf("the mirror %q is not an http, https or file URL; set another with --mirror URL", m.URL)
	}
	if m.SecurityURL == "" && security != nil {
		m.SecurityURL = security.URI
	}
	if m.SecurityURL == "" {
		m.SecurityURL = sibling(m.URL)
	}
	var err error
	m.Keyrings, err = h.keyrings(o.Keyring, main, security)
	return m, err
}

// sibling guesses the security archive beside a mirror, as Debian's mirrors have it.
func sibling(url string) string {
	if path.Base(url) != "debian" {
		return ""
	}
	return url + "-security"
}

func (h *Host) keyrings(own string, used ...*Source) ([]string, error) {
	if own != "" {
		if _, err := os.Stat(own); err != nil {
			return nil, fmt.Errorf("the key ring set with --keyring: %w", err)
		}
		return []string{own}, nil
	}
	var rings []string
	for _, s := range used {
		if s == nil {
			continue
		}
		for _, k := range s.SignedBy { // what is neither a file nor a block is a fingerprint in apt's own rings
			_, err := os.Stat(k)
			if (filepath.IsAbs(k) && err == nil || strings.HasPrefix(k, "-----BEGIN")) && !slices.Contains(rings, k) {
				rings = append(rings, k)
			}
		}
	}
	if len(rings) > 0 {
		return rings, nil
	}
	standard := filepath.Join(h.root, defaultKeyring)
	if _, err := os.Stat(standard); err == nil {
		return []string{standard}, nil
	}
	for _, pattern := range []string{"*.gpg", "*.asc"} {
		found, _ := filepath.Glob(filepath.Join(h.root, "/etc/apt/trusted.gpg.d", pattern))
		rings = append(rings, found...)
	}
	if len(rings) == 0 {
		return nil, fmt.Errorf("no key to check Debian's signature with: %s is missing; install the package debian-archive-keyring, or name a file with --keyring FILE", standard)
	}
	return rings, nil
}

// best is the source most likely to be Debian's main (or security) archive. What it picks is a
// guess only as to where; the signature proves what.
func (h *Host) best(security bool) *Source {
	var pick *Source
	most := 0
	for i := range h.Sources {
		if n := score(&h.Sources[i], security); n > most {
			pick, most = &h.Sources[i], n
		}
	}
	return pick
}

func score(s *Source, security bool) int {
	fits := false
	for _, suite := range s.Suites {
		base, rest, _ := strings.Cut(strings.Replace(suite, "/", "-", 1), "-")
		// Until buster the security suites were called "buster/updates".
		isSecurity := rest == "security" || strings.HasSuffix(suite, "/updates")
		fits = fits || slices.Contains(codenames, base) && isSecurity == security && (isSecurity || rest == "" || rest == "updates")
	}
	if !fits || !slices.Contains(s.Components, "main") {
		return 0
	}
	n := 1
	folder := "debian"
	if security {
		folder = "debian-security"
	}
	if slices.Contains(strings.Split(s.URI, "/"), folder) {
		n += 4
	}
	for _, k := range s.SignedBy {
		if strings.HasPrefix(filepath.Base(k), "debian-archive") {
			n += 4
		}
	}
	if f := filepath.Base(s.File); f == "sources.list" || f == "debian.sources" {
		n += 2
	}
	return n
}
