package inspection

import (
	"errors"
	"io/fs"
	"syscall"
)

// identity tells a file, whatever its names are.
type identity struct{ device, inode uint64 }

var errNoInode = errors.New("the root's store knows no inodes")

func inode(info fs.FileInfo, err error) (identity, error) {
	if err != nil {
		return identity{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Ino == 0 {
		return identity{}, errNoInode
	}
	return identity{st.Dev, st.Ino}, nil
}
