package session

import (
	"slices"
	"testing"
)

// TestProcessors: what QEMU 7.2 prints of a Xen that waits on one processor and works on the other.
func TestProcessors(t *testing.T) {
	const text = "\r\nCPU#0\r\nRAX=0000000000000000 RBX=ffff82d0405b2e80 RCX=0000000000000000 RDX=0000000000000000\r\n" +
		"R12=0000000000000000 R13=ffff83003fdf7fff R14=0000000000000000 R15=ffff82d0405e9300\r\n" +
		"RIP=ffff82d040320f4c RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\nES =0000 0000000000000000 ffffffff 00c0f300\r\n" +
		"CPU#1\r\nRIP=ffffffff810001aa RFL=00000246 [---Z-P-] CPL=3 II=0 A20=1 SMM=0 HLT=0\r\nRIP=what\r\n"
	want := []processor{{0xffff82d040320f4c, true}, {0xffffffff810001aa, false}}
	if got := processors(text); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := processors("RIP=\r\nunknown command: 'info registers -a'\r\n"); got != nil {
		t.Errorf("got %v of no registers", got)
	}
}
