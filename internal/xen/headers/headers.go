// Package headers reads the numbers and names of hypercalls and their sub-operations out of Xen's
// public headers, as Debian's libxen-dev installs them. [xtest/internal/xen] has them as a generated
// table; a test derives them again and compares.
//
// Beware: a header is read by its lines, not by a C compiler. A family says which names are its
// sub-operations, and which look like them and are something else.
package headers

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Installed is where libxen-dev puts the headers.
const Installed = "/usr/include/xen"

// Define is a number that a header gives a name.
type Define struct {
	Number uint64
	Name   string
}

// Family is a hypercall whose sub-operations a header declares.
type Family struct {
	Call   string // the hypercall, as in __HYPERVISOR_*
	Header string // below xen/include/public
	Prefix string // of the sub-operations' names
	Not    string // names that match this, behind the prefix, are something else; "" for none
}

// Families lists the multiplexed calls of x86. Names in capitals behind the prefix are constants that
// a sub-operation uses, but where the header writes sub-operations so.
var Families = []Family{
	{"platform_op", "platform.h", "XENPF_", ""},
	{"memory_op", "memory.h", "XENMEM_", "^(paging|access|sharing)_op_|^resource_"},
	{"xen_version", "version.h", "XENVER_", ""},
	{"console_io", "xen.h", "CONSOLEIO_", ""},
	{"grant_table_op", "grant_table.h", "GNTTABOP_", ""},
	{"vm_assist", "xen.h", "VMASST_CMD_", ""},
	{"vcpu_op", "vcpu.h", "VCPUOP_", ""},
	{"mmuext_op", "xen.h", "MMUEXT_", ""},
	{"xsm_op", "xsm/flask_op.h", "FLASK_", ""},
	{"nmi_op", "nmi.h", "XENNMI_", ""},
	{"sched_op", "sched.h", "SCHEDOP_", ""},
	{"callback_op", "callback.h", "CALLBACKOP_", ""},
	{"xenoprof_op", "xenoprof.h", "XENOPROF_", "^last_op"},
	{"event_channel_op", "event_channel.h", "EVTCHNOP_", ""},
	{"physdev_op", "physdev.h", "PHYSDEVOP_", ""},
	{"hvm_op", "hvm/hvm_op.h", "HVMOP_", "^altp2m_"},
	{"sysctl", "sysctl.h", "XEN_SYSCTL_", "^pm_op_|^cpu_featureset_|^cpu_policy_"},
	{"domctl", "domctl.h", "XEN_DOMCTL_", ""},
	{"kexec_op", "kexec.h", "KEXEC_CMD_", ""},
	{"argo_op", "argo.h", "XEN_ARGO_OP_", ""},
	{"xenpmu_op", "pmu.h", "XENPMU_", ""},
	{"dm_op", "hvm/dm_op.h", "XEN_DMOP_", ""},
	{"hypfs_op", "hypfs.h", "XEN_HYPFS_OP_", ""},
	{"arch_0", "arch-x86/xen-mca.h", "XEN_MC_", ""},
}

// capitals are the families whose sub-operations are written in capitals.
var capitals = map[string]bool{"MMUEXT_": true, "FLASK_": true}

// Calls reads the numbers of hypercalls (xen.h __HYPERVISOR_*).
func Calls(dir string) ([]Define, error) {
	return defines(filepath.Join(dir, "xen.h"), "__HYPERVISOR_", regexp.MustCompile(`^[a-z]`), nil)
}

// Ops reads the sub-operations of a family, in order of their numbers.
func (f Family) Ops(dir string) ([]Define, error) {
	name := regexp.MustCompile(`^[a-z]`)
	if capitals[f.Prefix] {
		name = regexp.MustCompile(`^[A-Z]`)
	}
	var not *regexp.Regexp
	if f.Not != "" {
		not = regexp.MustCompile(f.Not)
	}
	file, prefix := filepath.Join(dir, f.Header), f.Prefix
	all, err := defines(file, prefix, name, not)
	// sysctl and domctl have constants in the style of commands all over their headers; the commands
	// themselves stand in the structure that carries one.
	if f.Call == "sysctl" || f.Call == "domctl" {
		all, err = within(file, "struct xen_"+f.Call+" {", prefix)
	}
	if err == nil && len(all) == 0 {
		err = errors.New("no sub-operations")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the sub-operations of %s: %w", f.Call, err)
	}
	return all, nil
}

// Release is an unpacked libxen-dev.
type Release struct {
	Version string // the package's
	Dir     string // as [Installed]
}

// Union reads the sub-operations of a family out of all the releases' headers, oldest first: each number that one of
// them declares, by the name that it had first, which is what specs are called by. Releases may lack the header.
func (f Family) Union(releases []Release) ([]Declared, error) {
	var all []Declared
	for _, r := range releases {
		ops, err := f.Ops(r.Dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, o := range ops {
			if !slices.ContainsFunc(all, func(d Declared) bool { return d.Number == o.Number }) {
				all = append(all, Declared{o, r.Version})
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no release declares sub-operations of %s", f.Call)
	}
	slices.SortStableFunc(all, func(a, b Declared) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}

// Declared is a define and the version of the package that was the first of some to have it.
type Declared struct {
	Define
	Since string
}

func defines(file, prefix string, name, not *regexp.Regexp) ([]Define, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w (libxen-dev installs it)", err)
	}
	return scan(text, prefix, name, not), nil
}

func within(file, start, prefix string) ([]Define, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w (libxen-dev installs it)", err)
	}
	block := regexp.MustCompile(`(?ms)^` + regexp.QuoteMeta(start) + `.*?^\};?`).Find(text)
	return scan(block, prefix, regexp.MustCompile(`^[a-z]`), nil), nil
}

// scan takes lines of the form "#define PREFIXname 7", with a decimal number and perhaps a comment.
func scan(text []byte, prefix string, name, not *regexp.Regexp) []Define {
	line := regexp.MustCompile(`(?m)^#define[ \t]+` + prefix + `(\w+)[ \t]+([0-9]+)[ \t]*(?:/\*.*)?$`)
	var list []Define
	for _, m := range line.FindAllSubmatch(text, -1) {
		if !name.Match(m[1]) || not != nil && not.Match(m[1]) {
			continue
		}
		n, err := strconv.ParseUint(string(m[2]), 10, 32)
		if err != nil {
			continue // too long for a hypercall's number
		}
		list = append(list, Define{n, prefix + string(m[1])})
	}
	slices.SortStableFunc(list, func(a, b Define) int { return cmp.Compare(a.Number, b.Number) })
	return list
}
