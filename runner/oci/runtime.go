package oci

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xtest/runner/event"
	"xtest/runner/machine"
)

// kind is a runtime that xtest knows, and how it is spoken to.
type kind struct {
	name, title string
	fix         string // the command that installs it
	scale       float64
	global      []string // in front of its commands
	optional    []string // the same, for versions that know the flag
	rootless    []string // the same, for users who are not root
	run         []string // behind "run"
	noCgroup    bool     // it is told to make none
}

// channel passes the event channel, descriptor 3, into the container.
var channel = []string{"--preserve-fds", "1"}

// kinds, the default first.
var kinds = []kind{
	{
		name: "runc", title: "runc: the host's kernel", fix: "apt-get install runc", scale: 1, run: channel,
	},
	{
		name: "crun", title: "crun: the host's kernel", fix: "apt-get install crun", scale: 1, run: channel,
	},
	{
		name: "runsc", title: "gVisor: a kernel of its own, in user space", scale: 2,
		fix: "CGO_ENABLED=0 go install gvisor.dev/gvisor/runsc@v0.0.0-20260905035102-160fafc42237",
		// The root is read-only, which is all that an overlay would be for.
		global: []string{"--platform=systrap", "--network=none", "--ignore-cgroups", "--overlay2=none"},
		// Without it a network namespace stays mounted on a file of the state folder.
		optional: []string{"--gofer-network-namespace=new"},
		rootless: []string{"--rootless"},
		run:      []string{"--pass-fd=3:3"},
		noCgroup: true,
	},
}

// runtime is one that was found.
type runtime struct {
	kind
	path     string
	artefact event.Artefact
}

func (r runtime) String() string { return r.name + " " + r.artefact.Version }

// find finds a runtime by name or path. The error is a [machine.Unavailable] when it is not there.
func find(ctx context.Context, name string) (runtime, error) {
	k := kind{name: filepath.Base(name), title: name, scale: 1, run: channel}
	for _, known := range kinds {
		if known.name == name {
			k = known
		}
	}
	path, err := locate(name)
	if err != nil {
		return runtime{}, &machine.Unavailable{Reason: name + ": not installed", Fix: k.fix}
	}
	r := runtime{kind: k, path: path}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	told, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return runtime{}, &machine.Unavailable{Reason: fmt.Sprintf("%s does not tell its version, as an OCI runtime does: %v", path, err)}
	}
	// One that is named by its path is known by what it says of itself: "runsc version …".
	first, _, _ := bytes.Cut(told, []byte("\n"))
	words := strings.Fields(string(first))
	for _, known := range kinds {
		if len(words) > 0 && words[0] == known.name {
			r.kind = known
		}
	}
	r.global = append(slices.Clip(r.global), r.known(ctx)...)
	hash, err := machine.FileHash(path)
	if err != nil {
		return runtime{}, fmt.Errorf("reading the runtime: %w", err)
	}
	r.artefact = event.Artefact{Role: "runtime", Package: r.name, Version: version(path, words), SHA256: hash}
	return r, nil
}

// known gives the optional flags that this version of the runtime lists.
func (r runtime) known(ctx context.Context) []string {
	if len(r.optional) == 0 {
		return nil
	}
	list, err := exec.CommandContext(ctx, r.path, "flags").CombinedOutput()
	if err != nil {
		return nil
	}
	var known []string
	for _, flag := range r.optional {
		name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		if bytes.Contains(list, []byte("\n  -"+name+" ")) {
			known = append(known, flag)
		}
	}
	return known
}

// locate looks where commands are, and where `go install` puts them.
func locate(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return filepath.Abs(path)
	}
	if strings.Contains(name, "/") {
		return "", err
	}
	folders := []string{os.Getenv("GOBIN")}
	for _, dir := range filepath.SplitList(os.Getenv("GOPATH")) {
		folders = append(folders, filepath.Join(dir, "bin"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		folders = append(folders, filepath.Join(home, "go/bin"))
	}
	for _, dir := range folders {
		if path, err := exec.LookPath(filepath.Join(dir, name)); dir != "" && err == nil {
			return path, nil
		}
	}
	return "", err
}

// version takes the last word of what the runtime told, or what Go's linker knows: a program that
// `go install` built has no version of its own.
func version(path string, words []string) string {
	if len(words) > 1 && words[len(words)-1] != "VERSION_MISSING" {
		return words[len(words)-1]
	}
	if info, err := buildinfo.ReadFile(path); err == nil {
		return info.Main.Version
	}
	return "of unknown version"
}

// command gives the arguments of one of the runtime's commands for a container with this scratch
// folder.
func (r runtime) command(scratch string, words ...string) []string {
	args := append([]string{r.path, "--root", filepath.Join(scratch, stateFolder)}, r.global...)
	if os.Geteuid() != 0 {
		args = append(args, r.rootless...)
	}
	return append(args, words...)
}

func (r runtime) run(id, scratch string) []string {
	args := append(r.command(scratch, "run"), r.kind.run...)
	return append(args, "--bundle", filepath.Join(scratch, bundleFolder), id)
}
