package lsb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

var allBehaviours = slices.Concat(textBehaviours(), fileBehaviours(), systemBehaviours(), shellBehaviours(), shellUtilities(),
	builtInUtilities(), lineUtilities(), editUtilities(), folderUtilities(), archiveUtilities(), processUtilities(), messageUtilities(), accountUtilities())

// Each utility that LSB Core requires has a behaviour that is judged.
func TestEveryUtilityHasBehaviours(t *testing.T) {
	judged := map[string]bool{}
	for _, b := range allBehaviours {
		judged[b.about()] = true
	}
	names := slices.Clone(builtIns)
	for _, g := range inspection.Commands() {
		for _, u := range g.Commands {
			names = append(names, u.Name)
		}
	}
	if len(names) != 154 {
		t.Errorf("LSB 5.0 Core has 154 utilities, the tables %d", len(names))
	}
	for _, name := range names {
		if !judged[name] {
			t.Errorf("nothing judges how %s behaves", name)
		}
		delete(judged, name)
	}
	spec.All() // panics when two specs have one ID
	for name := range judged {
		t.Errorf("%s, which a behaviour is about, is no utility of LSB Core", name)
	}
}

// standIns are what can stand where a utility should: they do nothing, refuse everything, or print
// what nobody asked for.
var standIns = []string{"exit 0", "exit 1", "echo garbage; echo garbage"}

// No behaviour is content with more than one of the stand-ins for the utility it is about, while the
// others are the real ones.
func TestBehavioursFailStandIns(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("behaviours as nobody need root")
	}
	others := realUtilities(t)
	for _, b := range allBehaviours {
		t.Run(b.id, func(t *testing.T) {
			t.Parallel()
			var content []string
			for _, s := range standIns {
				if holdsWith(t, b, s, others) {
					content = append(content, s)
				}
			}
			if len(content) > 1 || slices.Contains(content, standIns[2]) {
				t.Errorf("it holds with %q for %s", content, b.about())
			}
		})
	}
}

// realUtilities makes a folder of scripts that run the utilities of the machine at hand, and its shell.
func realUtilities(t *testing.T) string {
	f := newFixture(t)
	for _, g := range inspection.Commands() {
		for _, u := range g.Commands {
			if real, err := exec.LookPath(u.Name); err == nil {
				f.put(u.Name, "#!/bin/sh\nexec "+real+" \"$@\"\n")
			}
		}
	}
	f.put("sh", text(t, "/bin/sh"))
	return f.root
}

func holdsWith(t *testing.T, b behaviour, standIn, others string) bool {
	f := newFixture(t)
	if err := os.Chmod(f.root, 0o755); err != nil {
		t.Fatal(err)
	}
	steps := slices.Clone(b.steps)
	if err := os.MkdirAll(f.host("/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(others + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if filepath.Base(name) == b.about() {
			continue
		}
		if err := os.Link(name, f.host("/bin/"+filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Contains(builtIns, b.about()) {
		for i := range steps {
			steps[i].argv = slices.Clone(steps[i].argv)
			if at := slices.Index(steps[i].argv, "-c") + 1; at > 0 {
				steps[i].argv[at] = b.about() + "() { " + strings.ReplaceAll(standIn, "exit", "return") + "; }\n" + steps[i].argv[at]
			} else {
				steps[i].stdin = b.about() + "() { " + strings.ReplaceAll(standIn, "exit", "return") + "; }\n" + steps[i].stdin
			}
		}
	} else {
		at, _ := place(b.about())
		if !filepath.IsAbs(at) {
			at = "/bin/" + at
		}
		f.put(at, "#!/bin/sh\n"+standIn+"\n")
		if b.about() == "sh" {
			f.put("/bin/sh", "#!/bin/sh\n"+standIn+"\n")
		}
		if b.about() == "sh" {
			for i := range steps { // scripts' first lines name the real one
				steps[i].files = nil
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	judge := try(steps...)
	if slices.ContainsFunc(accountUtilities(), func(a behaviour) bool { return a.id == b.id }) {
		judge = inView(judge) // never on the machine itself
	}
	got, err := judge(ctx, f.machine)
	return err == nil && got.Holds()
}

// What administrators' utilities change in a throw-away view is gone with it.
func TestThrowaway(t *testing.T) {
	if err := throwawayView.Check(); err != nil {
		t.Skipf("no throw-away view here: %v", err)
	}
	accounts := func() string { return text(t, "/etc/passwd") + text(t, "/etc/group") }
	before := accounts()
	f := fixture{t, newMachine("/")}
	judged := 0
	for _, b := range accountUtilities() {
		switch b.id {
		case "groupadd", "useradd", "userdel": // each makes the group anew
			f.passes(inView(try(b.steps...)))
			judged++
		}
	}
	if judged != 3 {
		t.Fatalf("%d behaviours judged", judged)
	}
	if accounts() != before {
		t.Error("the machine's own files were changed")
	}
	if _, err := os.Stat("/home/xtestu"); err == nil {
		t.Error("a home was left behind")
	}
	first, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	if err := away.do(func() error {
		if now, err := os.Readlink("/proc/self/ns/mnt"); err != nil || now != first {
			return fmt.Errorf("the process stands for %s, %w", now, err)
		}
		if now, err := os.Readlink("/proc/thread-self/ns/mnt"); err != nil || now == first {
			return fmt.Errorf("the thread is in %s, %w", now, err)
		}
		if accounts() != before {
			return errors.New("the view was not put back")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
