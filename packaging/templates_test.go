package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// TestWorkflow has the workflow that users copy read by GitHub Actions' linter.
func TestWorkflow(t *testing.T) {
	workflow, err := os.ReadFile("../docs/ci/github.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range lint(t, string(workflow)) {
		t.Error(err)
	}
	for i, broken := range []string{
		strings.Replace(string(workflow), "runs-on:", "run-on:", 1),
		strings.Replace(string(workflow), "${{ vars.XTEST_PACKAGE }}", "${{ var.XTEST_PACKAGE }}", 1),
		strings.Replace(string(workflow), "path: ~/.cache/xtest", "paths: ~/.cache/xtest", 1),
	} {
		if len(lint(t, broken)) == 0 {
			t.Errorf("the linter finds nothing in the %d. workflow that was broken on purpose", i+1)
		}
	}
}

func lint(t *testing.T, workflow string) []*actionlint.Error {
	t.Helper()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "xtest.yml")
	findings, err := linter.Lint(file, []byte(workflow), nil)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}
