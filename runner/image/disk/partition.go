package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"unicode/utf16"
)

// Partition is a part of a disk.
type Partition struct {
	Number      int    // as in /dev/vdaN
	Start, Size int64  // bytes
	Type        string // a GUID in upper case, or the hex byte of a partition table of the old kind
	Name        string // GPT alone
}

// Types of partitions that hold a Linux root file system: the Discoverable Partitions Specification
// of the UAPI group, by Go's name of the architecture.
var RootTypes = map[string]string{
	"amd64": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
	"arm64": "B921B045-1DF0-41C3-AF44-4C6F280D3FAE",
}

const (
	maxPartitions = 1024
	mbrTable      = 446
	mbrSignature  = 0xaa55
	mbrGPT        = 0xee // the whole disk is a GPT's
	gptMagic      = "EFI PART"
	maxExtended   = 128 // logical partitions
)

var errGPT = errors.New("its GPT is damaged: `sgdisk --verify IMAGE` tells more")

// Partitions lists the disk's partitions, and which kind of table has them: "GPT" or "MBR"; "" and none where
// there is no table.
func Partitions(r io.ReaderAt, size int64) (list []Partition, table string, err error) {
	var sector [512]byte
	if size < 1024 {
		return nil, "", nil
	}
	if _, err := r.ReadAt(sector[:], 0); err != nil {
		return nil, "", err
	}
	if binary.LittleEndian.Uint16(sector[510:]) != mbrSignature {
		return nil, "", nil
	}
	for i := range 4 {
		if sector[mbrTable+16*i+4] == mbrGPT {
			list, err := gpt(r, size)
			return list, "GPT", err
		}
	}
	if list, err = mbr(r, size, sector[:]); err != nil || len(list) == 0 {
		return nil, "", err
	}
	return list, "MBR", nil
}

// gpt reads the table of the UEFI specification, section 5.3, on disks with sectors of 512 or of 4096 bytes.
func gpt(r io.ReaderAt, size int64) ([]Partition, error) {
	le := binary.LittleEndian
	for _, sector := range []int64{512, 4096} {
		head := make([]byte, 92)
		if _, err := r.ReadAt(head, sector); err != nil || string(head[:8]) != gptMagic {
			continue
		}
		sum := le.Uint32(head[16:])
		le.PutUint32(head[16:], 0)
		first, count, each := le.Uint64(head[72:]), int64(le.Uint32(head[80:])), int64(le.Uint32(head[84:]))
		if le.Uint32(head[12:]) != 92 || crc32.ChecksumIEEE(head) != sum || first > uint64(size/sector) ||
			count > maxPartitions || each < 128 || each > 4096 {
			return nil, errGPT
		}
		entries := make([]byte, count*each)
		if _, err := r.ReadAt(entries, int64(first)*sector); err != nil || crc32.ChecksumIEEE(entries) != le.Uint32(head[88:]) {
			return nil, errGPT
		}
		var list []Partition
		for i := range count {
			e := entries[i*each:]
			kind := guid(e[:16])
			if strings.Trim(kind, "0-") == "" {
				continue
			}
			from, to := le.Uint64(e[32:]), le.Uint64(e[40:])
			if from > to || to >= uint64(size/sector) {
				return nil, fmt.Errorf("its partition %d is not on the disk: the image is cut off", i+1)
			}
			name := make([]uint16, 36)
			for j := range name {
				name[j] = le.Uint16(e[56+2*j:])
			}
			list = append(list, Partition{
				Number: int(i + 1), Start: int64(from) * sector, Size: int64(to-from+1) * sector, Type: kind,
				Name: strings.TrimRight(string(utf16.Decode(name)), "\x00"),
			})
		}
		return list, nil
	}
	return nil, errGPT
}

// guid writes one in text: its first three groups are little-endian.
func guid(b []byte) string {
	le := binary.LittleEndian
	return fmt.Sprintf("%08X-%04X-%04X-%X-%X", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])
}

// mbr reads the table of the first sector, and the chain of logical partitions. What it tells that is
// not on the disk is no table: boot code of a file system ends with the same signature.
func mbr(r io.ReaderAt, size int64, sector []byte) ([]Partition, error) {
	var list []Partition
	var extended int64
	for i := range 4 {
		p, kind, ok := mbrEntry(sector[mbrTable+16*i:], 0, size)
		switch {
		case !ok:
			return nil, nil
		case p.Size == 0:
		case kind == 5 || kind == 0xf || kind == 0x85:
			extended = p.Start
		default:
			p.Number = i + 1
			list = append(list, p)
		}
	}
	next := extended
	for n := 5; extended != 0 && n < 5+maxExtended; n++ {
		var record [512]byte
		if _, err := r.ReadAt(record[:], next); err != nil || binary.LittleEndian.Uint16(record[510:]) != mbrSignature {
			return nil, errors.New("its chain of logical partitions is damaged: `sfdisk --verify IMAGE` tells more")
		}
		if p, _, ok := mbrEntry(record[mbrTable:], next, size); ok && p.Size > 0 {
			p.Number = n
			list = append(list, p)
		}
		link, _, ok := mbrEntry(record[mbrTable+16:], extended, size)
		if !ok || link.Size == 0 {
			break
		}
		next = link.Start
	}
	return list, nil
}

// mbrEntry reads an entry whose place counts from base.
func mbrEntry(e []byte, base, size int64) (p Partition, kind byte, ok bool) {
	kind = e[4]
	start, sectors := int64(binary.LittleEndian.Uint32(e[8:])), int64(binary.LittleEndian.Uint32(e[12:]))
	if kind == 0 || sectors == 0 {
		return Partition{}, 0, e[0]&0x7f == 0
	}
	p = Partition{Start: base + start*512, Size: sectors * 512, Type: fmt.Sprintf("%02x", kind)}
	return p, kind, e[0]&0x7f == 0 && start > 0 && p.Start <= size-p.Size
}
