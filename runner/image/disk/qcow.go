package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The format is QEMU's docs/interop/qcow2.rst. All numbers are big-endian.
const (
	qcowMagic = "QFI\xfb"
	// maxL1 bounds the table of tables, in bytes, as QEMU does.
	maxL1 = 32 << 20
	// tables is how many second-level tables are kept.
	tables = 8

	offsetMask = 1<<56 - 1<<9 // of an entry: where the cluster or table is
	compressed = 1 << 62
	readsZero  = 1 // of an entry, in version 3

	formatExtension = 0xe2792aca
)

// Incompatible features, by bit.
const (
	featureDirty = 1 << iota
	featureCorrupt
	featureExternal
	featureCompression
	featureExtendedL2
)

// qcow is a qcow2 image.
type qcow struct {
	file     io.ReaderAt
	fileSize int64
	size     int64 // the disk's
	bits     uint  // a cluster is 1<<bits bytes
	version  uint32
	zstd     bool
	l1       []uint64
	behind   io.ReaderAt // nil where there is nothing
	behindTo int64

	mu      sync.Mutex
	kept    map[int64][]uint64 // second-level tables, by their place
	order   []int64
	packed  uint64 // the entry of the cluster that was decompressed last
	cluster []byte
}

var errDamaged = errors.New("the qcow2 image is damaged: `qemu-img check` tells more")

const convert = "`qemu-img convert -O qcow2 IMAGE IMAGE2` makes one that xtest reads"

func newQcow(r io.ReaderAt, size int64, back Backing) (*qcow, error) {
	head := make([]byte, 112)
	if n, err := r.ReadAt(head, 0); err != nil && (err != io.EOF || n < 72) {
		return nil, errDamaged
	}
	be := binary.BigEndian
	q := &qcow{
		file: r, fileSize: size, version: be.Uint32(head[4:]), bits: uint(be.Uint32(head[20:])),
		size: int64(be.Uint64(head[24:])), kept: map[int64][]uint64{},
	}
	if q.version != 2 && q.version != 3 {
		return nil, fmt.Errorf("it is a qcow image of version %d; xtest reads 2 and 3: %s", q.version, convert)
	}
	if q.bits < 9 || q.bits > 21 || q.size < 0 {
		return nil, errDamaged
	}
	headerLength := uint32(72)
	if q.version == 3 {
		headerLength = be.Uint32(head[100:])
		if err := q.features(be.Uint64(head[72:]), head[104], headerLength); err != nil {
			return nil, err
		}
	}
	switch method := be.Uint32(head[32:]); method {
	case 0:
	case 1, 2:
		name := map[uint32]string{1: "AES", 2: "LUKS"}[method]
		return nil, fmt.Errorf("the qcow2 image is encrypted (%s), and xtest takes no passphrases: `qemu-img convert --image-opts` makes an open one", name)
	default:
		return nil, errDamaged
	}
	if err := q.readL1(int64(be.Uint64(head[40:])), int64(be.Uint32(head[36:]))); err != nil {
		return nil, err
	}
	at, length := int64(be.Uint64(head[8:])), int64(be.Uint32(head[16:]))
	if at == 0 {
		return q, nil
	}
	if length < 1 || length > 1023 || at < 0 || at > size-length {
		return nil, errDamaged
	}
	name := make([]byte, length)
	if _, err := r.ReadAt(name, at); err != nil {
		return nil, errDamaged
	}
	format, err := q.backingFormat(int64(headerLength))
	if err != nil {
		return nil, err
	}
	q.behind, q.behindTo, err = back(string(name), format)
	return q, err
}

// features refuses what is not understood.
func (q *qcow) features(incompatible uint64, compression byte, headerLength uint32) error {
	switch {
	case incompatible&featureCorrupt != 0:
		return errDamaged
	case incompatible&featureExternal != 0:
		return fmt.Errorf("the qcow2 image keeps its data in another file; %s", convert)
	case incompatible&featureExtendedL2 != 0:
		return fmt.Errorf("the qcow2 image has subclusters (extended L2 entries); %s", convert)
	case incompatible&^(featureDirty|featureCompression) != 0:
		return fmt.Errorf("the qcow2 image has features that xtest does not know: %#x; %s", incompatible&^(featureDirty|featureCompression), convert)
	case headerLength < 104 || headerLength > 1<<q.bits:
		return errDamaged
	}
	if headerLength > 104 && compression > 1 {
		return fmt.Errorf("the qcow2 image is compressed in a way that xtest does not know (%d); %s", compression, convert)
	}
	q.zstd = headerLength > 104 && compression == 1
	return nil
}

func (q *qcow) readL1(at, entries int64) error {
	perTable := int64(1) << (q.bits - 3)
	covered := perTable << q.bits // bytes
	need := q.size/covered + min(q.size%covered, 1)
	if need > maxL1/8 {
		return fmt.Errorf("the qcow2 image is a disk of %d bytes, more than xtest reads", q.size)
	}
	if entries < need || at < 0 || at > q.fileSize-need*8 {
		return errDamaged
	}
	raw := make([]byte, need*8)
	if err := q.readFile(raw, at); err != nil {
		return err
	}
	q.l1 = words(raw)
	return nil
}

func words(raw []byte) []uint64 {
	list := make([]uint64, len(raw)/8)
	for i := range list {
		list[i] = binary.BigEndian.Uint64(raw[8*i:])
	}
	return list
}

// backingFormat looks for the header's extension that tells it.
func (q *qcow) backingFormat(at int64) (string, error) {
	var head [8]byte
	for end := int64(1) << q.bits; at+8 <= end; {
		if err := q.readFile(head[:], at); err != nil {
			return "", err
		}
		kind, length := binary.BigEndian.Uint32(head[:]), int64(binary.BigEndian.Uint32(head[4:]))
		switch {
		case kind == 0:
			return "", nil
		case length > end-at:
			return "", errDamaged
		case kind == formatExtension && length < 20:
			name := make([]byte, length)
			err := q.readFile(name, at+8)
			return string(name), err
		}
		at += 8 + (length+7)&^7
	}
	return "", nil
}
