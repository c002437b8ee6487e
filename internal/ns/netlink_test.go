package ns

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAttributesArePadded(t *testing.T) {
	b := attr(3, []byte("xtest"))
	if len(b) != 12 || binary.NativeEndian.Uint16(b) != 9 || string(b[4:9]) != "xtest" {
		t.Errorf("got %v: expected a length of 9 and padding to 12", b)
	}
}

func TestRequestLength(t *testing.T) {
	b := Veth("a", "bb").Bytes()
	if int(binary.NativeEndian.Uint32(b)) != len(b) || len(b)%4 != 0 {
		t.Errorf("the header says %d of %d bytes", binary.NativeEndian.Uint32(b), len(b))
	}
}

func TestAcknowledged(t *testing.T) {
	answer := func(kind uint16, no int32) []byte {
		b := make([]byte, unix.SizeofNlMsghdr+4)
		binary.NativeEndian.PutUint16(b[4:], kind)
		binary.NativeEndian.PutUint32(b[unix.SizeofNlMsghdr:], uint32(no))
		return b
	}
	if err := Acknowledged(answer(unix.NLMSG_ERROR, 0)); err != nil {
		t.Errorf("success: got %v", err)
	}
	if err := Acknowledged(answer(unix.NLMSG_ERROR, -int32(unix.EPERM))); !errors.Is(err, unix.EPERM) {
		t.Errorf("refusal: got %v, expected EPERM", err)
	}
	for _, b := range [][]byte{nil, answer(unix.RTM_NEWLINK, 0), answer(unix.NLMSG_ERROR, 0)[:18]} {
		if Acknowledged(b) == nil {
			t.Errorf("%v was taken for an acknowledgement", b)
		}
	}
}

// Offsets are those of struct clone_args in linux/sched.h.
func TestCloneArgsAreWhatTheKernelReads(t *testing.T) {
	if b := (CloneArgs{ExitSignal: 17, Cgroup: 5}).Bytes(); len(b) != CloneArgsSize2 ||
		binary.NativeEndian.Uint64(b[32:]) != 17 || binary.NativeEndian.Uint64(b[80:]) != 5 {
		t.Errorf("got %v", b)
	}
}
