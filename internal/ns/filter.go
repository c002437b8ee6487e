package ns

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// FilterTable is a batch of requests to nf_tables (linux/netfilter/nf_tables.h, nfnetlink.h) that makes a
// table of the inet family with a chain that every packet passes which comes in. It is acknowledged once,
// for the chain.
func FilterTable(name string) []byte {
	// struct nfgenmsg: family, version, resource ID in network order.
	header := func(family byte, resource uint16) [4]byte {
		h := [4]byte{family}
		binary.BigEndian.PutUint16(h[2:], resource)
		return h
	}
	const subsystem = unix.NFNL_SUBSYS_NFTABLES
	text := func(s string) []byte { return append([]byte(s), 0) }
	hook := append(attr(unix.NFTA_HOOK_HOOKNUM, binary.BigEndian.AppendUint32(nil, unix.NF_INET_LOCAL_IN)),
		attr(unix.NFTA_HOOK_PRIORITY, make([]byte, 4))...)
	batch := []*Request{
		NewRequest(unix.NFNL_MSG_BATCH_BEGIN, 0, header(unix.AF_UNSPEC, subsystem)),
		NewRequest(subsystem<<8|unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE, header(unix.NFPROTO_INET, 0)).
			Attr(unix.NFTA_TABLE_NAME, text(name)),
		NewRequest(subsystem<<8|unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, header(unix.NFPROTO_INET, 0)).
			Attr(unix.NFTA_CHAIN_TABLE, text(name)).Attr(unix.NFTA_CHAIN_NAME, text("in")).
			Attr(unix.NFTA_CHAIN_HOOK|unix.NLA_F_NESTED, hook).Attr(unix.NFTA_CHAIN_TYPE, text("filter")),
		NewRequest(unix.NFNL_MSG_BATCH_END, 0, header(unix.AF_UNSPEC, subsystem)),
	}
	var b []byte
	for i, r := range batch {
		if i != 2 { // one acknowledgement
			r.flags &^= unix.NLM_F_ACK
		}
		b = append(b, r.Bytes()...)
	}
	return b
}
