package xen

import "sync/atomic"

// Partner is a page that dom0 grants to its guest, and what both do over it: whoever is sent an event counts
// it, and sends one back. Fields are written by one side each.
//
// Beware: the guest may write anything at any time. Dom0 reads each field once and trusts none.
type Partner struct {
	Magic  uint64        // PartnerMagic, by dom0
	Count  atomic.Uint64 // events that dom0 answered
	Ref    atomic.Uint64 // by the guest: its page that dom0 is to map at the next event; 0: none
	Rounds atomic.Uint64 // how often dom0 mapped that page and unmapped it
	Took   atomic.Uint64 // what that took, in nanoseconds
	Seen   atomic.Uint64 // the first 8 bytes of that page, as dom0 saw them
	Failed atomic.Uint64 // 1: dom0 could not map it
}

// PartnerMagic is what a guest finds at the beginning of the page.
const PartnerMagic = 0x72656e7472617078

// PartnerParam is the guest's kernel parameter that names dom0's port and grant, as PORT,REFERENCE.
const PartnerParam = "xtest.partner"
