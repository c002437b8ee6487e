package main

import (
	"strings"
	"testing"

	"xtest/reports"
	"xtest/runner/event"
)

// The specs on system calls must not believe a kernel that lies: at least nine lies in ten are caught.
func TestLies(t *testing.T) {
	for _, of := range []struct {
		what string
		args []string
	}{
		{"namespaces", []string{"run", "qemu:debian-12", "--suite", "lies", "--exclude", "lies/posix-*", "--no-rootfs", "--memory", "512M"}},
		{"posix", []string{"run", "uml:debian-12", "--suite", "lies", "--spec", "lies/posix-*", "--no-rootfs"}},
	} {
		t.Run(of.what, func(t *testing.T) {
			t.Parallel()
			needBoots(t)
			areCaught(t, of.args)
		})
	}
}

func areCaught(t *testing.T, args []string) {
	t.Helper()
	dir := t.TempDir()
	ran := call{dir: dir, args: args}.run(t)
	m, err := reports.Load(runDir(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Targets) != 1 || m.Counts.Broken+m.Counts.NotApplicable+m.Counts.NotJudged > 0 {
		t.Fatalf("not every lie was told: %s", ran)
	}
	var believed []string
	for _, s := range m.Targets[0].Specs {
		if s.Verdict() == event.Fail {
			believed = append(believed, s.ID)
		}
		t.Logf("%s: %s", s.ID, strings.Join(s.Result.Notes, " "))
	}
	if all := m.Counts.Judged(); all < 50 || len(believed)*10 > all {
		t.Errorf("%d of %d lies were believed: %v", len(believed), all, believed)
	}
}
