package call

import (
	"slices"
	"strings"
	"testing"

	"xtest/internal/xen"
)

// TestSpaces: what programs name is there once, and what layouts say fits.
func TestSpaces(t *testing.T) {
	for _, s := range []*Space{Xen(), KVM(), HyperV(), KVMXen(), Linux()} {
		if found, ok := Find(s.Name); !ok || found != s {
			t.Errorf("%s is not found", s.Name)
		}
		seen := map[string]bool{}
		for _, o := range s.Ops {
			if seen[o.Name] {
				t.Errorf("%s: %s is there twice", s.Name, o.Name)
			}
			seen[o.Name] = true
			if len(o.Args) > 6 {
				t.Errorf("%s has %d arguments", o.Name, len(o.Args))
			}
			for _, a := range o.Args {
				if a.Struct == nil {
					continue
				}
				for _, f := range a.Struct.Fields {
					if f.Offset+f.Size > a.Struct.Size || !slices.Contains([]int{1, 2, 4, 8}, f.Size) {
						t.Errorf("%s: field %s is %d bytes at %d of %d", o.Name, f.Name, f.Size, f.Offset, a.Struct.Size)
					}
				}
			}
		}
	}
	if len(Xen().Ops) < 250 {
		t.Errorf("Xen has %d operations", len(Xen().Ops))
	}
}

// TestShapesAreUsed: a name that no header has would be a structure that nobody gets.
func TestShapesAreUsed(t *testing.T) {
	names := map[string]bool{}
	for _, h := range xen.Table() {
		for _, o := range h.Ops {
			names[o.Name] = true
		}
	}
	for n := range shapes() {
		if !names[n] {
			t.Errorf("there is a structure of %s, which no header has", n)
		}
	}
	for n := range makers() {
		if shapes()[n] == nil {
			t.Errorf("%s makes something, and has no structure", n)
		}
	}
}

// TestListsNameOperations: so would a grade.
func TestListsNameOperations(t *testing.T) {
	for _, list := range [][]string{ends, valued, privileged, own} {
		for _, n := range list {
			if !slices.ContainsFunc(Xen().Ops, func(o Op) bool { return o.Name == n || strings.HasPrefix(o.Name, n+"/") }) {
				t.Errorf("%s is graded, and is no operation", n)
			}
		}
	}
}

func TestChoose(t *testing.T) {
	s := Xen()
	for _, c := range []struct {
		grade         Grade
		only, exclude []string
		has, hasNot   string
		err           string
	}{
		{Harmless, nil, nil, "xen_version/version", "event_channel_op/alloc_unbound", ""},
		{Allocates, nil, nil, "event_channel_op/alloc_unbound", "sched_op/shutdown", ""},
		{Destructive, nil, nil, "domctl/createdomain", "stack_switch", ""},
		{Ends, nil, nil, "stack_switch", "", ""},
		{Allocates, []string{"sysctl"}, []string{"sysctl/phys*"}, "sysctl/sched_id", "sysctl/physinfo", ""},
		{Harmless, []string{"domctl/get*"}, nil, "domctl/getdomaininfo", "xen_version/version", ""},
		{Harmless, []string{"nothing"}, nil, "", "", "no operation matches"},
		{Harmless, []string{"stack_switch"}, nil, "", "", "no operation is left of grade harmless"},
	} {
		list, err := s.Choose(c.grade, c.only, c.exclude)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		is := func(name string) bool { return slices.ContainsFunc(list, func(o *Op) bool { return o.Name == name }) }
		if err != nil || !is(c.has) || is(c.hasNot) {
			t.Errorf("%+v: %v, %s: %v, %s: %v", c, err, c.has, is(c.has), c.hasNot, is(c.hasNot))
		}
	}
}

func TestErrnos(t *testing.T) {
	for _, c := range []struct {
		s      *Space
		result int64
		name   string
		ok     bool
	}{
		{Xen(), 0, "", true}, {Xen(), -38, "ENOSYS", true}, {Xen(), -2000, "", false}, {Xen(), -512, "", false}, {Xen(), -61456, "", true},
		{Xen(), -1 << 40, "", false}, {KVM(), -1000, "ENOSYS", true}, {KVM(), -38, "", false}, {HyperV(), 1<<32 | 5, "INVALID_PARAMETER", true},
		{HyperV(), 0x5eed, "", true}, {HyperV(), 99, "", false}, {Linux(), -22, "EINVAL", true}, {Linux(), -512, "", false},
	} {
		if name, ok := c.s.Errno(c.result); name != c.name && c.ok || ok != c.ok {
			t.Errorf("%s %d: %q, %v", c.s.Name, c.result, name, ok)
		}
	}
}
