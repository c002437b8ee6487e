// Command generate writes internal/xen/ops_table.go from the public headers of the installed libxen-dev.
// It is run by `go generate ./internal/xen`.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"os"

	"xtest/internal/xen/headers"
)

func main() {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Code generated from Xen's public headers by xtest/internal/xen/headers/generate; DO NOT EDIT.\n\n"+
		"package xen\n\nimport \"sync\"\n\n// callNumbers are xen.h's __HYPERVISOR_*.\nvar callNumbers = map[string]uint64{\n")
	calls, err := headers.Calls(headers.Installed)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range calls {
		fmt.Fprintf(&b, "%q: %d,\n", c.Name[len("__HYPERVISOR_"):], c.Number)
	}
	fmt.Fprint(&b, "}\n\n// headerOps are the sub-operations that the headers declare, by hypercall.\n"+
		"var headerOps = sync.OnceValue(func() map[string][]Op {\nreturn map[string][]Op{\n")
	for _, f := range headers.Families {
		ops, err := f.Ops(headers.Installed)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Fprintf(&b, "// %s\n%q: {\n", f.Header, f.Call)
		for _, o := range ops {
			fmt.Fprintf(&b, "{Number: %d, Name: %q},\n", o.Number, o.Name)
		}
		fmt.Fprint(&b, "},\n")
	}
	fmt.Fprint(&b, "}\n})\n")
	text, err := format.Source(b.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("ops_table.go", text, 0o644); err != nil {
		log.Fatal(err)
	}
}
