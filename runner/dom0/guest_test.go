package dom0

import (
	"strings"
	"testing"
)

// TestConfig: the toolstack is told the type, and where the kernel is; an HVM guest has firmware in its place.
func TestConfig(t *testing.T) {
	for kind, want := range map[string]map[string]bool{
		PV:  {"kernel = \"/guest/vmlinuz\"": true, "xtest.token=T": true, "firmware": false},
		PVH: {"kernel = \"/guest/vmlinuz\"": true, "xtest.token=T": true, "device_model": false},
		HVM: {
			"kernel": false, "firmware_override = \"/guest/firmware\"": true, "device_model_override = \"/guest/xtest-device-model\"": true,
			"vga = \"none\"": true, // or its memory is taken off the guest's
		},
	} {
		g := &guest{host: &host{kind: kind}, name: "caller-1"}
		got := g.config(g.commandLine("T"))
		if !strings.Contains(got, "type = \""+kind+"\"\n") {
			t.Errorf("%s: %s", kind, got)
		}
		for text, there := range want {
			if strings.Contains(got, text) != there {
				t.Errorf("%s: %q is there: %v, in\n%s", kind, text, !there, got)
			}
		}
	}
}
