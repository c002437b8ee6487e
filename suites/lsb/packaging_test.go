package lsb

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xtest/internal/required"
)

// rpmJudgements are those of packaging/rpm-*.
var rpmJudgements = map[string]func(*installer){
	"install": judgeInstalled("noarch"), "architecture": judgeInstalled("x86_64"), "scripts": judgeScripts,
	"query": judgeQuery, "verify": judgeVerify, "erase": judgeErase, "damaged": judgeDamaged,
}

// The rpm of this machine passes; one that leaves out a part of its work fails where that counts.
func TestRPM(t *testing.T) {
	real := required.Tool(t, "rpm", "rpm")
	needSite(t)
	if err := optional.Check(); err != nil {
		t.Skipf("no /opt here: %v", err)
	}
	before := list(t, "/opt")
	for id, j := range rpmJudgements {
		t.Run(id, func(t *testing.T) { fixture{t, newMachine("/")}.passes(byRPM(j)) })
	}
	for _, c := range []struct {
		what, script string
		fails        []string
	}{
		{"does nothing", "exit 0", []string{"install", "architecture", "scripts", "query", "verify", "erase", "damaged"}},
		{"refuses", "exit 1", []string{"install", "architecture", "scripts", "query", "verify", "erase", "damaged"}},
		{"runs no scripts", `case $3 in -[ie]) exec REAL "$@" --noscripts;; esac; exec REAL "$@"`, []string{"scripts"}},
		{"writes no files", `case $3 in -i) exec REAL "$@" --justdb;; esac; exec REAL "$@"`, []string{"install", "architecture", "scripts", "verify", "erase"}},
		{"keeps files", `case $3 in -e) exec REAL "$@" --justdb;; esac; exec REAL "$@"`, []string{"scripts", "erase"}},
		{"forgets", `REAL "$@"; s=$?; case $3 in -i) REAL "$1" "$2" -e --justdb --noscripts lsb-xtest.example-trial;; esac; exit $s`, []string{"query", "verify", "erase", "scripts"}},
		{"compares no sums", `case $3 in -V) exec REAL "$@" --nofiledigest --nomtime;; esac; exec REAL "$@"`, []string{"verify"}},
		{"takes what is damaged", `case $3 in -i) exec REAL "$@" --nodigest --nosignature;; esac; exec REAL "$@"`, []string{"damaged"}},
		{"changes a mode", `REAL "$@"; s=$?; chmod 600 /opt/xtest.example/data; exit $s`, []string{"install", "architecture", "verify"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := newFixture(t)
			f.put("/usr/bin/rpm", "#!/bin/sh\nPATH=/usr/bin:/bin\n"+strings.ReplaceAll(c.script, "REAL", real)+"\n")
			for _, name := range []string{"sh", "id"} {
				f.put("/bin/"+name, "#!/bin/sh\nPATH=/usr/bin:/bin\nexec "+name+" \"$@\"\n")
			}
			for id, j := range rpmJudgements {
				got, err := byRPM(j)(t.Context(), f.machine)
				if err != nil {
					t.Errorf("%s: %v", id, err)
				}
				if want := slices.Contains(c.fails, id); got.Holds() == want {
					t.Errorf("%s: fails: %v, want %v: %+v", id, !want, want, got)
				}
			}
		})
	}
	if list(t, "/opt") != before {
		t.Errorf("left behind in /opt: %s", list(t, "/opt"))
	}
	if _, err := os.Stat(filepath.Join(trialFolder, "data")); err == nil {
		t.Error("the package is on this machine")
	}
}
