package xen

// GrantStatus is a grant operation's own result (public/grant_table.h GNTST_*).
type GrantStatus int16

// Grant results.
const (
	GrantOkay         GrantStatus = 0
	GrantGeneralError GrantStatus = -1
	GrantBadDomain    GrantStatus = -2
	GrantBadRef       GrantStatus = -3
	GrantBadHandle    GrantStatus = -4
	GrantBadCopyArg   GrantStatus = -10
)

// GrantQuerySize is struct gnttab_query_size (public/grant_table.h).
type GrantQuerySize struct {
	Dom                   DomID
	_                     uint16
	NrFrames, MaxNrFrames uint32
	Status                GrantStatus
	_                     uint16
}

// GrantGetVersion is struct gnttab_get_version.
type GrantGetVersion struct {
	Dom     DomID
	_       uint16
	Version uint32
}

// GrantStatusFrames is struct gnttab_get_status_frames.
type GrantStatusFrames struct {
	NrFrames  uint32
	Dom       DomID
	Status    GrantStatus
	FrameList uint64
}

// GrantMap is struct gnttab_map_grant_ref.
type GrantMap struct {
	HostAddr   uint64
	Flags, Ref uint32
	Dom        DomID
	Status     GrantStatus
	Handle     uint32
	DevBusAddr uint64
}

// GrantMapHost in Flags asks for a mapping at a host virtual address.
const GrantMapHost = 1 << 1

// GrantUnmap is struct gnttab_unmap_grant_ref.
type GrantUnmap struct {
	HostAddr, DevBusAddr uint64
	Handle               uint32
	Status               GrantStatus
	_                    uint16
}

// GrantCopyPtr is struct gnttab_copy_ptr. Ref is a grant reference or a frame number.
type GrantCopyPtr struct {
	Ref    uint64
	Dom    DomID
	Offset uint16
	_      uint32
}

// GrantCopy is struct gnttab_copy.
type GrantCopy struct {
	Source, Dest GrantCopyPtr
	Len, Flags   uint16
	Status       GrantStatus
	_            uint16
}

// Flags of [GrantCopy].
const (
	CopySourceRef = 1 << 0
	CopyDestRef   = 1 << 1
)

// GrantSwap is struct gnttab_swap_grant_ref.
type GrantSwap struct {
	RefA, RefB uint32
	Status     GrantStatus
	_          uint16
}

// GrantSetup is struct gnttab_setup_table.
type GrantSetup struct {
	Dom       DomID
	_         uint16
	NrFrames  uint32
	Status    GrantStatus
	_         [3]uint16
	FrameList uint64
}

// GrantDump is struct gnttab_dump_table.
type GrantDump struct {
	Dom    DomID
	Status GrantStatus
}

// GrantTransfer is struct gnttab_transfer.
type GrantTransfer struct {
	Frame  uint64
	Dom    DomID
	_      uint16
	Ref    uint32
	Status GrantStatus
	_      [3]uint16
}

// GrantReplace is struct gnttab_unmap_and_replace.
type GrantReplace struct {
	HostAddr, NewAddr uint64
	Handle            uint32
	Status            GrantStatus
	_                 uint16
}

// GrantSetVersion is struct gnttab_set_version.
type GrantSetVersion struct{ Version uint32 }

// GrantCacheFlush is struct gnttab_cache_flush.
type GrantCacheFlush struct {
	Address        uint64 // or a grant reference
	Offset, Length uint16
	Flags          uint32
}
