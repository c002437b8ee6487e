package headers_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xtest/internal/required"
	"xtest/internal/xen"
	"xtest/internal/xen/headers"
)

// TestTableIsTheHeaders derives the table from the installed headers again. What other releases have
// beside may stand in the table; what the headers have must.
func TestTableIsTheHeaders(t *testing.T) {
	if _, err := os.Stat(filepath.Join(headers.Installed, "sysctl.h")); err != nil {
		required.Missing(t, "libxen-dev: ", err)
	}
	calls, err := headers.Calls(headers.Installed)
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]uint64{}
	for _, c := range calls {
		name := strings.TrimPrefix(c.Name, "__HYPERVISOR_")
		numbers[name] = c.Number
		if strings.HasPrefix(name, "arch_") {
			continue // x86 has given two of them names of their own
		}
		if h, ok := xen.Lookup(c.Number); !ok || h.Name != name {
			t.Errorf("hypercall %d is %s in xen.h and %q in the table", c.Number, name, h.Name)
		}
	}
	total := 0
	for _, f := range headers.Families {
		ops, err := f.Ops(headers.Installed)
		if err != nil {
			t.Error(err)
			continue
		}
		h, _ := xen.Lookup(numbers[f.Call])
		for _, o := range ops {
			total++
			if got, ok := h.Op(o.Number); !ok || got.Name != o.Name {
				t.Errorf("%s: %s is number %d in %s; the table has %q (go generate ./internal/xen)", f.Call, o.Name, o.Number, f.Header, got.Name)
			}
		}
	}
	t.Logf("%d sub-operations of %d hypercalls in %s", total, len(headers.Families), headers.Installed)
	if total < 350 {
		t.Errorf("%d sub-operations were found, expected more than 350", total)
	}
}

// A number is there when one release declares it, by its first name; a release may lack the header.
func TestUnion(t *testing.T) {
	var releases []headers.Release
	for version, text := range []string{
		"#define HVMOP_old 3\n#define HVMOP_gone 4\n", "", "#define HVMOP_renamed 3\n#define HVMOP_new 1\n",
	} {
		dir := t.TempDir()
		if text != "" {
			os.Mkdir(filepath.Join(dir, "hvm"), 0o700)
			os.WriteFile(filepath.Join(dir, "hvm/hvm_op.h"), []byte(text), 0o600)
		}
		releases = append(releases, headers.Release{Version: string(rune('a' + version)), Dir: dir})
	}
	f := headers.Families[slices.IndexFunc(headers.Families, func(f headers.Family) bool { return f.Call == "hvm_op" })]
	got, err := f.Union(releases)
	want := []headers.Declared{
		{Define: headers.Define{Number: 1, Name: "HVMOP_new"}, Since: "c"},
		{Define: headers.Define{Number: 3, Name: "HVMOP_old"}, Since: "a"}, {Define: headers.Define{Number: 4, Name: "HVMOP_gone"}, Since: "a"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; expected %v", got, err, want)
	}
	if got, err := f.Union(releases[1:2]); err == nil {
		t.Errorf("no header at all: %v", got)
	}
}

func TestReadingLines(t *testing.T) {
	dir := t.TempDir()
	text := `
#define XENMEM_paging_op                    20
#define XENMEM_paging_op_nominate           0
#define XENMEM_claim_pages	24 /* a comment */
/*#define XENMEM_translate_gpfn_list  8*/
#define XENMEM_add_to_physmap_range XENMEM_add_to_physmap_batch
#define XENMEM_FORK_RESET 7
#define XENMEM_hex 0x10
#define XENMEM_exchange 11
#define XENMEM_endless 99999999999999999999999
`
	if err := os.WriteFile(filepath.Join(dir, "memory.h"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(headers.Families, func(f headers.Family) bool { return f.Call == "memory_op" })
	got, err := headers.Families[i].Ops(dir)
	want := []headers.Define{{11, "XENMEM_exchange"}, {20, "XENMEM_paging_op"}, {24, "XENMEM_claim_pages"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; expected %v", got, err, want)
	}
	os.WriteFile(filepath.Join(dir, "sysctl.h"), []byte("#define XEN_SYSCTL_x 1\n"), 0o600)
	i = slices.IndexFunc(headers.Families, func(f headers.Family) bool { return f.Call == "sysctl" })
	if _, err := headers.Families[i].Ops(dir); err == nil || !strings.Contains(err.Error(), "no sub-operations") {
		t.Errorf("a header without the structure: %v", err)
	}
	if _, err := headers.Calls(dir); err == nil || !strings.Contains(err.Error(), "libxen-dev") {
		t.Errorf("no header: %v", err)
	}
}
