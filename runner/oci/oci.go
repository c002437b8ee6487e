// Package oci brings up containers: the agent runs inside one, under an OCI runtime of the user's
// choice, so that what is judged is what a container sees: the runtime, and the kernel that it shows.
//
// Beware: with most runtimes that kernel is the host's. No container counts as a machine that xtest
// booted, so only specs graded safe are judged, and an image's programs get no more rights than
// container engines give by default.
package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/image"
	"xtest/runner/machine"
)

// Backend is the container backend. The part behind the colon of a target is IMAGE@RUNTIME.
type Backend struct {
	// Agent is the path of a static xtest; "" means this program.
	Agent string
}

// Name is "oci".
func (Backend) Name() string { return "oci" }

// empty is the image that has nothing in it but the agent.
const empty = "empty"

// Targets are the runtimes with no userland, and with each release's.
func (Backend) Targets() []machine.Offer {
	var list []machine.Offer
	for _, k := range kinds {
		list = append(list, machine.Offer{What: empty + "@" + k.name, Title: "the agent alone in a container of " + k.title})
	}
	for _, r := range depot.Releases {
		for _, k := range kinds {
			list = append(list, machine.Offer{What: r.Name + "@" + k.name, Title: r.Title + " in a container of " + k.title})
		}
	}
	return list
}

// Takes any image, with or without a runtime.
func (Backend) Takes(what string) bool {
	image, runtime := split(what)
	return image != "" && runtime != ""
}

// split separates IMAGE@RUNTIME. An image's own @, before its hash, is none of that.
func split(what string) (image, runtime string) {
	i := strings.LastIndexByte(what, '@')
	if i < 0 || strings.HasPrefix(what[i+1:], "sha256:") || strings.HasPrefix(what[i+1:], "sha512:") {
		return what, kinds[0].name
	}
	return what[:i], what[i+1:]
}

// Suites are those with safe specs about kernels and distributions.
func (Backend) Suites() []string { return []string{"namespaces", "lsb"} }

// Check starts a container with each known runtime that is installed.
func (b Backend) Check(ctx context.Context) []machine.Capability {
	var list []machine.Capability
	for _, k := range kinds {
		c := machine.Capability{What: "oci@" + k.name}
		r, err := find(ctx, k.name)
		if err == nil {
			err = b.try(ctx, r)
		}
		var u *machine.Unavailable
		switch {
		case err == nil:
			c.Can, c.Reason = true, r.String()
		case errors.As(err, &u):
			c.Reason, c.Fix = u.Reason, u.Fix
		default:
			c.Reason = err.Error()
		}
		list = append(list, c)
	}
	return list
}

// bootLimit is how long a container may take until its agent says hello.
const bootLimit = 30 * time.Second

// Prepare finds the runtime, proves that it works here, and unpacks the image.
func (b Backend) Prepare(ctx context.Context, what string, s *machine.Supplies) (*machine.Image, error) {
	ref, name := split(what)
	r, err := find(ctx, name)
	if err != nil {
		return nil, err
	}
	c := container{runtime: r, memory: s.Memory}
	if c.agent, err = b.agent(); err != nil {
		return nil, err
	}
	if err := b.proved(ctx, r, s.Depot.Cache); err != nil {
		return nil, err
	}
	part := event.Artefact{Role: "rootfs", Package: ref}
	if c.root, err = rootOf(ctx, ref, s, &part, &c); err != nil {
		return nil, err
	}
	img := &machine.Image{
		Plan: event.Plan{
			Backend: "oci", Why: "a container: only specs graded safe are judged",
			Parts: []event.Artefact{r.artefact, part},
		},
		Scale: r.scale, BootLimit: bootLimit, Launch: c.launch,
	}
	img.Plan.Command = c.runtime.run("ID", "SCRATCH")
	return img, nil
}

// rootOf gives the folder that is to be the container's root.
func rootOf(ctx context.Context, ref string, s *machine.Supplies, part *event.Artefact, c *container) (string, error) {
	release, isRelease := depot.FindRelease(ref)
	if ref == empty || isRelease && s.Root == nil {
		part.Package = empty
		return emptyRoot(ctx, s)
	}
	file := ref
	if isRelease {
		part.Package = release.Title
		var err error
		if file, err = s.Root(ctx, release, nil); err != nil {
			return "", err
		}
	}
	img, err := image.Open(ctx, file, image.Options{Cache: s.Depot.Cache, Folders: mountPoints})
	if err != nil {
		return "", err
	}
	part.SHA256, c.env = img.Digest, img.Env
	if !isRelease {
		part.Version = img.Found
	}
	return img.Dir(ctx)
}

// emptyRoot is a folder with nothing in it but what something is mounted on.
func emptyRoot(ctx context.Context, s *machine.Supplies) (string, error) {
	key := sha256.Sum256([]byte("oci empty 1\n" + strings.Join(mountPoints, "\n")))
	return s.Depot.Cache.Tree(ctx, hex.EncodeToString(key[:]), "empty root of containers", func(_ context.Context, dir string) error {
		return makeFolders(dir)
	})
}

func makeFolders(dir string) error {
	for _, name := range mountPoints {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return fmt.Errorf("making the root of a container: %w", err)
		}
	}
	return nil
}
