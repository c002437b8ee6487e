package ns

// struct file_handle with a struct nsfs_file_handle in it (linux/fcntl.h, linux/nsfs.h), since Linux
// 6.18: size of the whole, size and type of the part.
const (
	HandleSize          = 8 + NamespaceHandle
	NamespaceHandle     = 16
	NamespaceHandleType = 0xf1
)

// NS_MNT_GET_NEXT and NS_MNT_GET_PREV of linux/nsfs.h, since Linux 6.12: both fill a struct
// mnt_ns_info.
const (
	MountGetNext     = 0x8010B70B
	MountGetPrevious = 0x8010B70C
)
