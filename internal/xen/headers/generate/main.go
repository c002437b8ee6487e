// Command generate writes internal/xen/ops_table.go from the public headers of the libxen-dev of each release that
// targets can name, fetched and verified as all packages are. It is run by `go generate ./internal/xen`.
package main

import (
	"bytes"
	"context"
	"fmt"
	"go/format"
	"log"
	"os"
	"path/filepath"
	"strings"

	"xtest/internal/xen/headers"
	"xtest/runner/cache"
	"xtest/runner/depot"
)

func main() {
	releases, err := fetch(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	text, err := table(releases)
	if err == nil {
		err = os.WriteFile("ops_table.go", text, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// fetch gives the headers of each release, oldest first.
func fetch(ctx context.Context) ([]headers.Release, error) {
	c, err := cache.Open("")
	if err != nil {
		return nil, err
	}
	d := &depot.Depot{Cache: c}
	const folder = "usr/include/xen"
	var list []headers.Release
	for _, r := range depot.Releases {
		p, err := d.Unpacked(ctx, depot.Wanted{
			Role: "public headers", Codename: r.Codename, Name: "libxen-dev", Find: depot.Named("libxen-dev"),
			Part: "headers", Keep: func(name string) bool { return strings.HasPrefix(name, folder+"/") },
		})
		if err != nil {
			return nil, err
		}
		list = append(list, headers.Release{Version: p.Artefact.Version, Dir: filepath.Join(p.Dir, folder)})
	}
	return list, nil
}

// table is the source file.
func table(releases []headers.Release) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Code generated from Xen's public headers by xtest/internal/xen/headers/generate; DO NOT EDIT.\n\n"+
		"package xen\n\nimport \"sync\"\n\n// HeaderVersions are the versions of libxen-dev that the table was generated from, oldest first.\n"+
		"var HeaderVersions = []string{\n")
	for _, r := range releases {
		fmt.Fprintf(&b, "%q,\n", r.Version)
	}
	fmt.Fprint(&b, "}\n\n// callNumbers are xen.h's __HYPERVISOR_*.\nvar callNumbers = map[string]uint64{\n")
	known := map[string]bool{}
	for _, r := range releases {
		calls, err := headers.Calls(r.Dir)
		if err != nil {
			return nil, err
		}
		for _, c := range calls {
			if !known[c.Name] {
				fmt.Fprintf(&b, "%q: %d,\n", strings.TrimPrefix(c.Name, "__HYPERVISOR_"), c.Number)
			}
			known[c.Name] = true
		}
	}
	fmt.Fprint(&b, "}\n\n// headerOps are the sub-operations that the headers declare, by hypercall.\n"+
		"var headerOps = sync.OnceValue(func() map[string][]Op {\nreturn map[string][]Op{\n")
	for _, f := range headers.Families {
		ops, err := f.Union(releases)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "// %s\n%q: {\n", f.Header, f.Call)
		for _, o := range ops {
			since := ""
			if o.Since != releases[0].Version {
				since = " // since " + o.Since
			}
			fmt.Fprintf(&b, "{Number: %d, Name: %q},%s\n", o.Number, o.Name, since)
		}
		fmt.Fprint(&b, "},\n")
	}
	fmt.Fprint(&b, "}\n})\n")
	return format.Source(b.Bytes())
}
