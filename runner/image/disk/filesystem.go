package disk

import (
	"bytes"
	"io"
)

// kinds are told apart by what stands at a certain place.
var kinds = []struct {
	at    int64
	magic string
	name  string
}{
	{0x438, "\x53\xef", "ext4"},
	{0, "XFSB", "xfs"},
	{0x10040, "_BHRfS_M", "btrfs"},
	{0, "LUKS\xba\xbe", "LUKS (encrypted)"},
	{0x218, "LVM2 001", "LVM"},
	{0x18, "LVM2 001", "LVM"},
	{0, "hsqs", "squashfs"},
	{0x400, "\x10\x20\xf5\xf2", "f2fs"},
	{0x400, "\xe2\xe1\xf5\xe0", "erofs"},
	{0x8001, "CD001", "ISO 9660"},
	{3, "NTFS    ", "NTFS"},
	{0x52, "FAT32", "FAT"},
	{0x36, "FAT", "FAT"},
	{4086, "SWAPSPACE2", "swap"},
}

// FileSystem says what is on a disk or partition: "ext4" also for ext2 and ext3, "" where it is unknown.
func FileSystem(r io.ReaderAt) string {
	var buffer [16]byte
	for _, k := range kinds {
		p := buffer[:len(k.magic)]
		if _, err := r.ReadAt(p, k.at); (err == nil || err == io.EOF) && bytes.Equal(p, []byte(k.magic)) {
			return k.name
		}
	}
	return ""
}
