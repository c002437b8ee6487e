package lsb

import (
	"context"
	"fmt"
	"os"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

var _ = suite.Describe("hierarchy", func() {
	inspect("hierarchy")
	for _, d := range inspection.Devices {
		it(spec.Meta{
			ID: "hierarchy/dev-" + d.Name, Clause: "LSB 5.0 Core 18.1 and FHS 3.0 6.1.3: /dev/" + d.Name + " is " + d.Clause,
			Level: spec.Must, Sources: []string{"FHS-020"},
		}, checkDevice(d))
	}
})

// reads is what a read of 4 bytes of a device gives; those that are not here are left alone.
var reads = map[string]string{"null": "", "zero": "\x00\x00\x00\x00"}

func checkDevice(d inspection.Device) check {
	return func(_ context.Context, m *machine) (finding, error) {
		name := "/dev/" + d.Name
		want, read := reads[d.Name]
		if f := m.JudgeDevice(d); !f.Holds() || !read {
			return f, nil
		}
		f, err := os.OpenFile(m.host(name), os.O_RDWR, 0)
		if err != nil {
			return inspection.Bad("open() of "+name, spec.ErrnoName(err), "success"), nil
		}
		defer f.Close()
		buf := []byte("....")
		n, _ := f.Read(buf)
		if string(buf[:n]) != want {
			return inspection.Bad("read() of "+name, fmt.Sprintf("%q", buf[:n]), fmt.Sprintf("%q", want)), nil
		}
		if n, err := f.Write(buf); n != len(buf) {
			return inspection.Bad("write() of 4 bytes to "+name, fmt.Sprintf("%d, %s", n, spec.ErrnoName(err)), "4"), nil
		}
		return inspection.Good(4), nil
	}
}
