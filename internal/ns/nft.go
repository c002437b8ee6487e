package ns

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// What of nfnetlink x/sys/unix lacks: linux/netfilter/nfnetlink.h and nf_tables.h.
const (
	nftSubsystem = 10 // NFNL_SUBSYS_NFTABLES
	batchBegin   = 0x10
	batchEnd     = 0x11
	nftNewTable  = nftSubsystem << 8
	nftGetTable  = nftSubsystem<<8 | 1
	nftTableName = 1 // NFTA_TABLE_NAME
)

// nfHeader is struct nfgenmsg.
type nfHeader struct {
	Family, Version uint8
	Resource        [2]byte // big-endian
}

// NftNewTable asks nf_tables for a table of IPv4's: a batch of three messages, of which one is answered.
func NftNewTable(name string) []byte {
	border := func(kind uint16) []byte {
		b := NewRequest(kind, 0, nfHeader{Resource: [2]byte{0, nftSubsystem}}).Bytes()
		binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST) // no answer
		return b
	}
	table := NewRequest(nftNewTable, unix.NLM_F_CREATE|unix.NLM_F_EXCL, nfHeader{Family: unix.AF_INET}).Attr(nftTableName, append([]byte(name), 0))
	return slices.Concat(border(batchBegin), table.Bytes(), border(batchEnd))
}

// NftGetTable asks whether there is a table of IPv4's of that name: the table, or ENOENT.
func NftGetTable(name string) []byte {
	b := NewRequest(nftGetTable, 0, nfHeader{Family: unix.AF_INET}).Attr(nftTableName, append([]byte(name), 0)).Bytes()
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	return b
}

// NftFound reads the answer to [NftGetTable]: whether the table is there, or a unix.Errno.
func NftFound(answer []byte) (bool, error) {
	if len(answer) >= unix.SizeofNlMsghdr && binary.NativeEndian.Uint16(answer[4:]) == nftNewTable {
		return true, nil
	}
	err := Acknowledged(answer)
	if err == unix.ENOENT {
		return false, nil
	}
	return false, err
}
