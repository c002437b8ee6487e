package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// release is what is made, and from what.
type release struct {
	source  string    // the project's root
	out     string    // the folder that receives it all
	version string    // as Semantic Versioning 2.0.0 has it, without a leading v
	date    time.Time // of everything that bears one
}

func main() {
	var r release
	flag.StringVar(&r.source, "source", "..", "the project's `folder`")
	flag.StringVar(&r.out, "out", "../dist", "the `folder` to write to")
	flag.StringVar(&r.version, "version", "", "the `version` (default: from git's last tag)")
	flag.Parse()
	if err := r.make(); err != nil {
		fmt.Fprintf(os.Stderr, "packaging: %v\n", err)
		os.Exit(1)
	}
}

// make writes everything, and its checksums last.
func (r *release) make() error {
	if err := r.fromGit(); err != nil {
		return err
	}
	if err := os.RemoveAll(r.out); err != nil {
		return fmt.Errorf("emptying the folder of an earlier release: %w", err)
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"building the binary", r.binary},
		{"writing manual pages and completions", r.pages},
		{"writing the bill of materials", r.materials},
		{"packing the .deb and the .rpm", r.packages},
		{"making the container image", r.image},
		{"rendering the documentation", r.site},
		{"adding up", r.checksums},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	fmt.Printf("xtest %s is in %s\n", r.version, r.out)
	return nil
}

// fromGit fills in the version and the date. A commit after a tag is a prerelease of the next patch, so
// that package managers order it behind the tag; a clone without tags counts as 0.0.0.
func (r *release) fromGit() error {
	date, err := r.git("log", "-1", "--format=%ct")
	if err != nil {
		return fmt.Errorf("reading the commit's date: %w; make a release in a clone of the project", err)
	}
	seconds, err := strconv.ParseInt(date, 10, 64)
	if err != nil {
		return fmt.Errorf("the commit's date %q: %w", date, err)
	}
	r.date = time.Unix(seconds, 0).UTC()
	if r.version != "" {
		return nil
	}
	if tag, err := r.git("describe", "--tags", "--exact-match", "--match", "v[0-9]*"); err == nil {
		r.version = strings.TrimPrefix(tag, "v")
		return nil
	}
	commit, err := r.git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return fmt.Errorf("reading the commit: %w", err)
	}
	r.version = fmt.Sprintf("0.0.0-dev.%s.g%s", r.date.Format("20060102150405"), commit)
	return nil
}

func (r *release) git(args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", r.source}, args...)...).Output()
	return strings.TrimSpace(string(out)), err
}

// path is a file's in the release.
func (r *release) path(parts ...string) string {
	return filepath.Join(append([]string{r.out}, parts...)...)
}
