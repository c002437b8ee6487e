package xen

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"unsafe"
)

// Where there is no Xen, that is what is said.
func TestNoIOServer(t *testing.T) {
	if _, err := os.Stat(PrivcmdPath); err == nil {
		t.Skip("this is a Xen domain")
	}
	s, err := NewIOServer(1, nil)
	if s != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v", s, err)
	}
}

// TestIOServerStructures: sizes are those of the C compiler.
func TestIOServerStructures(t *testing.T) {
	if got := unsafe.Sizeof(dmOp[ioRange]{}); got != 32 {
		t.Errorf("struct xen_dm_op with a range has %d bytes", got)
	}
	if got := unsafe.Sizeof(privcmdResource{}); got != ioctlMmapResource>>16 {
		t.Errorf("struct privcmd_mmap_resource has %d bytes, the request says %d", got, ioctlMmapResource>>16)
	}
}
