package ns

import "encoding/binary"

// Commands and flags of System V IPC that x/sys/unix lacks: linux/ipc.h, linux/sem.h, linux/msg.h.
const (
	SemGetVal = 12
	SemSetVal = 16
	SemUndo   = 0x1000
	IPCNoWait = 0o4000
)

// SemOp is one struct sembuf (linux/sem.h) as the kernel reads it.
func SemOp(num uint16, op int16, flags int16) []byte {
	b := binary.NativeEndian.AppendUint16(nil, num)
	b = binary.NativeEndian.AppendUint16(b, uint16(op))
	return binary.NativeEndian.AppendUint16(b, uint16(flags))
}
