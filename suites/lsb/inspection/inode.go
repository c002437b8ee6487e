package inspection

import (
	"errors"
	"io/fs"
	"syscall"
)

// number identifies a file, whatever its names are.
type number struct{ device, inode uint64 }

var errNoInode = errors.New("the root's store knows no inodes")

func inode(info fs.FileInfo, err error) (number, error) {
	if err != nil {
		return number{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Ino == 0 {
		return number{}, errNoInode
	}
	return number{st.Dev, st.Ino}, nil
}
