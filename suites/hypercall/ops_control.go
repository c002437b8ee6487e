package hypercall

import (
	"encoding/binary"
	"fmt"

	"xtest/internal/xen"
	"xtest/suites/hypercall/expect"
)

// Commands of sysctl, domctl, platform_op, the machine check call and flask stand in their structure,
// beside the version of the interface. A wrong version is refused before anything else is looked at,
// and a domain that does not exist next, so that no command is too dangerous to be asked for.
func init() {
	opFacts = append(opFacts, versionFacts, strangerFacts)
}

// controlSize is room for any control structure, in bytes.
const controlSize = 16 + xen.ControlPad

// command gives a control structure of zeroes but for its command, its version and its domain.
func command(cmd, version uint32, dom xen.DomID) func(g *guest) []uint64 {
	return func(g *guest) []uint64 {
		b := g.Buffer(controlSize)
		binary.LittleEndian.PutUint32(b.Bytes, cmd)
		binary.LittleEndian.PutUint32(b.Bytes[4:], version)
		binary.LittleEndian.PutUint16(b.Bytes[8:], uint16(dom))
		return []uint64{b.Addr()}
	}
}

const (
	mcaVersion   = 0x01ecc003 // arch-x86/xen-mca.h XEN_MCA_INTERFACE_VERSION
	flaskVersion = 1          // xsm/flask_op.h XEN_FLASK_INTERFACE_VERSION
)

// version is the one that this Xen speaks.
func (v versions) of(number uint64) uint32 {
	switch number {
	case xen.SysctlOp:
		return v.sysctl
	case xen.DomctlOp:
		return v.domctl
	case xen.PlatformOp:
		return xen.PlatformVersion
	case xen.MCA:
		return mcaVersion
	}
	return flaskVersion
}

func versionFacts(h xen.Hypercall, o xen.Op) []fact {
	want := expect.Exactly("-EACCES")
	switch h.Number {
	case xen.SysctlOp, xen.DomctlOp, xen.PlatformOp, xen.MCA:
	case xen.XSMOp:
		want = expect.Exactly("-ENOSYS") // flask_op.h gives no other, and without flask there is no other
	default:
		return nil
	}
	var list []fact
	for _, v := range []struct {
		name string
		make func(right uint32) uint32
	}{
		{"0", func(uint32) uint32 { return 0 }},
		{"one older", func(v uint32) uint32 { return v - 1 }},
		{"one newer", func(v uint32) uint32 { return v + 1 }},
		{"~0", func(uint32) uint32 { return ^uint32(0) }},
	} {
		list = append(list, fact{fmt.Sprintf("%s, interface version %s", o.Name, v.name), func(g *guest) []uint64 {
			spoken, err := spoken()
			if h.Number == xen.SysctlOp || h.Number == xen.DomctlOp {
				g.Setup("finding the interface versions", err)
			}
			return command(uint32(o.Number), v.make(spoken.of(h.Number)), 0)(g)
		}, want, nil})
	}
	if h.Number == xen.XSMOp {
		list = append(list, fact{o.Name + ", unmapped", func(g *guest) []uint64 { return []uint64{g.Unmapped()} },
			expect.Refusal("-EFAULT", "-ENOSYS"), nil})
	}
	return list
}

// anyDomain are domctls that are not about a domain that must exist: one makes it, some take none.
var anyDomain = map[opKey]bool{
	"XEN_DOMCTL_createdomain": true, "XEN_DOMCTL_assign_device": true, "XEN_DOMCTL_deassign_device": true,
	"XEN_DOMCTL_test_assign_device": true, "XEN_DOMCTL_vm_event_op": true,
}

// strangerFacts ask for domctls about domains that do not exist.
func strangerFacts(h xen.Hypercall, o xen.Op) []fact {
	if h.Number != xen.DomctlOp || anyDomain[o.Name] {
		return nil
	}
	want := expect.Refusal("-ESRCH")
	if o.Name == "XEN_DOMCTL_getdomaininfo" {
		want = want.Also("-EINVAL", "xen/common/domctl.c looks for the next domain, from a number that none can have")
	}
	var list []fact
	for _, dom := range []xen.DomID{nobody, xen.Invalid, 0xffff} {
		list = append(list, fact{fmt.Sprintf("%s, domain %#x", o.Name, uint16(dom)), func(g *guest) []uint64 {
			v, err := spoken()
			g.Setup("finding the interface versions", err)
			return command(uint32(o.Number), v.domctl, dom)(g)
		}, want, nil})
	}
	return list
}
