package debian

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"xtest/runner/cache"
)

// Suite is one suite of an archive.
type Suite struct {
	Name     string // "bookworm-updates": its folder below "dists"
	Security bool   // it is in the security archive
}

// Suites are the suites that make up a release, by its code name ("bookworm"): itself, its updates
// and its security updates; only itself for sid, unstable and experimental.
func Suites(release string) []Suite {
	switch release {
	case "sid", "unstable", "experimental":
		return []Suite{{Name: release}}
	case "stretch", "buster":
		// Until then the security suites were called "buster/updates".
		return []Suite{{Name: release}, {Name: release + "-updates"}, {Name: release + "/updates", Security: true}}
	}
	return []Suite{{Name: release}, {Name: release + "-updates"}, {Name: release + "-security", Security: true}}
}

// release is what a suite's signed index says.
type release struct {
	suite, codename string
	date, until     time.Time // zero when not said
	byHash          bool
	files           map[string]cache.Blob // by name below the suite's folder
}

func parseRelease(text []byte) (*release, error) {
	var f Stanza
	err := readStanzas(bytes.NewReader(text), func(s Stanza) error {
		if f != nil {
			return errors.New("a second paragraph")
		}
		f = s
		return nil
	})
	if err != nil {
		return nil, err
	}
	r := &release{suite: f["Suite"], codename: f["Codename"], byHash: f["Acquire-By-Hash"] == "yes", files: map[string]cache.Blob{}}
	for field, at := range map[string]*time.Time{"Date": &r.date, "Valid-Until": &r.until} {
		if f[field] == "" {
			continue
		}
		// "UTC" is all that is allowed, and the only zone that Go parses with its offset.
		if *at, err = time.Parse(time.RFC1123, f[field]); err != nil {
			return nil, fmt.Errorf("its %s: %w", field, err)
		}
	}
	for _, line := range strings.Split(f["SHA256"], "\n") {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		if len(w) != 3 || len(w[0]) != 64 {
			return nil, fmt.Errorf("a bad line in its SHA256 list: %.80q", line)
		}
		size, err := strconv.ParseInt(w[1], 10, 64)
		if err != nil || size < 0 {
			return nil, fmt.Errorf("a bad size in its SHA256 list: %.80q", line)
		}
		r.files[w[2]] = cache.Blob{SHA256: w[0], Size: size, Name: w[2]}
	}
	return r, nil
}

// is checks that r is the suite that was asked for: a mirror could serve another's index, which
// has a good signature, too.
func (r *release) is(s Suite) error {
	// The old form "buster/updates" has the code name "buster" in its index.
	old, isOld := strings.CutSuffix(s.Name, "/updates")
	if s.Name == r.suite || s.Name == r.codename || isOld && (old == r.codename || old == r.suite) {
		return nil
	}
	return fmt.Errorf("asked for %s, the mirror sent the signed index of %s (code name %s); the mirror is broken or somebody tampers with it", s.Name, r.suite, r.codename)
}

// packages is the list of an architecture's packages, in the smallest form there is.
func (r *release) packages(arch string) (name string, b cache.Blob, err error) {
	for _, ext := range []string{".xz", ".gz", ""} {
		name = "main/binary-" + arch + "/Packages" + ext
		if b, ok := r.files[name]; ok {
			return name, b, nil
		}
	}
	return "", cache.Blob{}, fmt.Errorf("%s has no packages for the architecture %s", r.codename, arch)
}
