package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var gitlabLinter = flag.String("gitlab-ci-local", "", "check GitLab's template against GitLab's own schema with this command, as 'npx --yes gitlab-ci-local@4.61.1'")

// gitlabJob is a job of a pipeline, with the keywords that the template uses: GitLab's CI/CD YAML reference,
// https://docs.gitlab.com/ci/yaml/. Any other is refused.
type gitlabJob struct {
	Image        string            // #image
	Timeout      string            // #timeout
	Rules        []gitlabRule      // #rules
	Variables    map[string]string // #variables
	Cache        []gitlabCache     // #cache: up to four
	BeforeScript []string          `yaml:"before_script"` // #before_script
	Script       []string          // #script
	Artifacts    struct {
		When    string   // #artifactswhen
		Paths   []string // #artifactspaths
		Reports struct {
			JUnit string `yaml:"junit"` // ci/yaml/artifacts_reports/#artifactsreportsjunit
		}
	}
}

type gitlabRule struct {
	If        string            // #rulesif
	Variables map[string]string // #rulesvariables
}

type gitlabCache struct {
	Key       string   // #cachekey
	Paths     []string // #cachepaths
	Policy    string   // #cachepolicy
	When      string   // #cachewhen
	Unprotect bool     // #cacheunprotect
}

// gitlabGlobal are the keywords that stand beside jobs: https://docs.gitlab.com/ci/yaml/#global-keywords and the
// deprecated ones. The template is included into pipelines of others, and sets nothing for their jobs.
var gitlabGlobal = []string{"default", "include", "spec", "stages", "variables", "workflow", "image", "services", "cache", "before_script", "after_script", "types", "pages"}

var (
	gitlabVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	gitlabImage    = regexp.MustCompile(`^[a-z0-9]+([._/-][a-z0-9]+)*:[A-Za-z0-9._-]+$`)
	gitlabTime     = regexp.MustCompile(`^([0-9]+ ?(s|m|h|d|seconds?|minutes?|hours?|days?) ?)+$`)
	gitlabTerm     = regexp.MustCompile(`^\$[A-Z_]+ *((==|!=) *(\$[A-Z_]+|"[^"]*"|null)|(=~|!~) */.+/i?)?$`)
	gitlabPolicy   = regexp.MustCompile(`^(pull|push|pull-push|\$[A-Z_]+)$`)
)

// checkGitLab says what is wrong with a pipeline.
func checkGitLab(text []byte) error {
	var jobs map[string]yaml.Node
	if err := yaml.Unmarshal(text, &jobs); err != nil {
		return err
	}
	var wrong []error
	for name, node := range jobs {
		if slices.Contains(gitlabGlobal, name) || strings.HasPrefix(name, ".") {
			wrong = append(wrong, fmt.Errorf("%s is no job that runs", name))
			continue
		}
		body, err := yaml.Marshal(&node)
		if err != nil {
			return err
		}
		d := yaml.NewDecoder(bytes.NewReader(body))
		d.KnownFields(true)
		var j gitlabJob
		if err := d.Decode(&j); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			continue
		}
		wrong = append(wrong, j.check()...)
	}
	if len(jobs) == 0 {
		wrong = append(wrong, errors.New("there is no job"))
	}
	return errors.Join(wrong...)
}

func (j *gitlabJob) check() (wrong []error) {
	must := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	known := []string{"CI_"} // predefined, by their beginning
	names := func(variables map[string]string) {
		for name := range variables {
			must(gitlabVariable.MatchString(name), "%q cannot be a variable's name", name)
			known = append(known, name)
		}
	}
	must(gitlabImage.MatchString(j.Image), "%q is no image with a tag", j.Image)
	must(j.Timeout == "" || gitlabTime.MatchString(j.Timeout), "%q is no time", j.Timeout)
	must(len(j.Script) > 0, "a job needs a script")
	names(j.Variables)
	for _, r := range j.Rules {
		for term := range strings.SplitSeq(strings.ReplaceAll(r.If, "||", "&&"), "&&") {
			must(gitlabTerm.MatchString(strings.TrimSpace(term)), "%q is no condition", term)
		}
		names(r.Variables)
	}
	inside := func(list []string) {
		must(len(list) > 0, "no path is named")
		for _, p := range list {
			must(filepath.IsLocal(path.Clean(p)), "%s is not within the project's folder", p)
		}
	}
	must(len(j.Cache) <= 4, "%d caches, of at most four", len(j.Cache))
	var keys []string
	for _, c := range j.Cache {
		must(c.Key != "" && !strings.ContainsAny(c.Key, "/.") && !slices.Contains(keys, c.Key), "%q cannot be a cache's key here", c.Key)
		keys = append(keys, c.Key)
		must(c.Policy == "" || gitlabPolicy.MatchString(c.Policy), "%q is no policy", c.Policy)
		if name, ok := strings.CutPrefix(c.Policy, "$"); ok {
			must(slices.Contains(known, name), "the policy is $%s, which is never set", name)
			for _, r := range j.Rules {
				must(gitlabPolicy.MatchString(r.Variables[name]), "by %q the policy is %q", r.If, r.Variables[name])
			}
		}
		must(slices.Contains([]string{"", "on_success", "on_failure", "always"}, c.When), "%q is no time to keep a cache", c.When)
		inside(c.Paths)
	}
	must(slices.Contains([]string{"", "on_success", "on_failure", "always"}, j.Artifacts.When), "%q is no time to keep artifacts", j.Artifacts.When)
	inside(append(slices.Clone(j.Artifacts.Paths), j.Artifacts.Reports.JUnit))
	must(j.Artifacts.Reports.JUnit != "", "the report has no name")
	shell := exec.Command("sh", "-n", "-c", strings.Join(append(slices.Clone(j.BeforeScript), j.Script...), "\n"))
	if out, err := shell.CombinedOutput(); err != nil {
		must(false, "the script: %v: %s", err, out)
	}
	return wrong
}

// breakings are mistakes in the template, each of which must be found.
var breakings = [][2]string{
	{"before_script:", "before_scripts:"}, {"  script:", "  scripts:"}, {"  image: debian:13", "  image: [debian]"}, {"timeout: 1h", "timeout: an hour"}, {"- if: $CI_COMMIT", "- iff: $CI_COMMIT"},
	{"== $CI_DEFAULT", "= $CI_DEFAULT"}, {"  rules:", "  rule:"}, {"when: always\n    paths: [new", "when: ever\n    paths: [new"}, {"    paths: [new", "    path: [new"}, {"junit:", "junitt:"},
	{"paths: [base]", "path: [base]"}, {"paths: [base]", "paths: base"}, {"policy: $XTEST_BASE", "policy: $XTEST_BAES"}, {"XTEST_BASE: push", "XTEST_BASE: write"}, {"paths: [.cache/xtest]", "paths: [/root/.cache/xtest]"},
	{"unprotect: true", "unprotect: maybe"}, {"key: xtest-base", "key: xtest"}, {"      fi\n", "\n"}, {"- status=0", "- status: 0"}, {"xtest:\n  image", "variables:\n  image"},
}

// TestGitLab has GitLab's template read strictly: each keyword is one of its reference, in its place and with a value that
// it may have. GitLab's own check needs a server of theirs; the command of -gitlab-ci-local has its schema.
func TestGitLab(t *testing.T) {
	text, err := os.ReadFile("../docs/ci/gitlab.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := checkGitLab(text); err != nil {
		t.Error(err)
	}
	for _, b := range breakings {
		broken := strings.Replace(string(text), b[0], b[1], 1)
		if broken == string(text) {
			t.Errorf("the template has no %q to break", b[0])
		} else if checkGitLab([]byte(broken)) == nil {
			t.Errorf("nothing is found when %q is %q", b[0], b[1])
		}
	}
	if *gitlabLinter == "" {
		return
	}
	if out, err := gitlabSchema(t, text); err != nil {
		t.Errorf("GitLab's schema: %v\n%s", err, out)
	}
	if out, err := gitlabSchema(t, bytes.Replace(text, []byte("junit:"), []byte("junitt:"), 1)); err == nil {
		t.Errorf("GitLab's schema finds nothing in a broken template\n%s", out)
	}
}

// gitlabSchema holds a pipeline against GitLab's schema, in a repository of its own.
func gitlabSchema(t *testing.T, text []byte) (string, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".gitlab-ci.yml"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"remote", "add", "origin", "https://gitlab.invalid/group/project.git"}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	words := append(strings.Fields(*gitlabLinter), "--list")
	c := exec.Command(words[0], words[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "HOME="+dir)
	out, err := c.CombinedOutput()
	return string(out), err
}
