package call

import (
	"reflect"
	"strings"

	"xtest/internal/xen"
)

// layoutOf derives a layout from a Go type of the interface.
func layoutOf(value any) *Layout {
	t := reflect.TypeOf(value)
	l := &Layout{Size: int(t.Size())}
	l.add(t, "", 0)
	return l
}

func (l *Layout) add(t reflect.Type, name string, at int) {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			n := strings.ToLower(f.Name)
			if name != "" && n != "_" {
				n = name + "." + n
			}
			l.add(f.Type, n, at+int(f.Offset))
		}
	case reflect.Array:
		for i := range t.Len() {
			l.add(t.Elem(), name, at+i*int(t.Elem().Size()))
		}
	default:
		l.Fields = append(l.Fields, Field{Name: name, Offset: at, Size: int(t.Size()), Kind: kindOf(name, t)})
	}
}

// kindOf tells what a field means from its type and its name, which is the header's in other letters.
func kindOf(name string, t reflect.Type) Kind {
	switch t {
	case reflect.TypeFor[xen.DomID]():
		return Domain
	case reflect.TypeFor[xen.GrantStatus]():
		return Out
	}
	base := name[strings.LastIndexByte(name, '.')+1:]
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(base, w) {
				return true
			}
		}
		return false
	}
	wide := t.Size() == 8
	switch {
	case base == "_" || base == "pad":
		return Pad
	case wide && has("buffer", "list", "leaves", "msrs", "features", "info", "start", "bits", "times", "params", "map", "distance", "vcputovnode", "memoryranges", "idletime", "ports"):
		return Buffer
	case has("port"):
		return Port
	case strings.HasPrefix(base, "ref"):
		return Ref
	case has("handle"):
		return Handle
	case has("vcpu"):
		return VCPU
	case has("irq", "gsi"):
		return IRQ
	case has("frame", "mfn", "pfn") && !has("nr"):
		return Frame
	case has("addr", "address", "ptr"):
		return Address
	case has("nr", "num", "max", "count", "len", "size", "width"):
		return Count
	case has("flags", "op", "cmd", "type", "space", "index", "version", "node", "access", "pool", "sched"):
		return Index
	case has("timeout", "time", "now"):
		return Time
	}
	return Any
}
