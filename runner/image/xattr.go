package image

import (
	"archive/tar"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// paxXattr is before the name of an extended attribute in a tar header: star(5), "SCHILY.xattr.".
const paxXattr = "SCHILY.xattr."

// xattrsOf takes the extended attributes that a header tells: those of users, of the kernel's security
// modules (file capabilities among them), of trusted programs, and access control lists.
func xattrsOf(h *tar.Header) map[string]string {
	var all map[string]string
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, paxXattr)
		if _, _, known := xattrIndex(name); !ok || !known || len(name) > maxName {
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = value
	}
	return all
}

// paxOf is the other way round.
func paxOf(xattrs map[string]string) map[string]string {
	if len(xattrs) == 0 {
		return nil
	}
	records := map[string]string{}
	for name, value := range xattrs {
		records[paxXattr+name] = value
	}
	return records
}

// prefixes are what ext4 keeps a number for in place of the name's beginning: fs/ext4/xattr.h,
// EXT4_XATTR_INDEX_*.
var prefixes = []struct {
	index byte
	name  string
	whole bool // it is all of the name
}{
	{1, "user.", false}, {2, "system.posix_acl_access", true}, {3, "system.posix_acl_default", true},
	{4, "trusted.", false}, {6, "security.", false},
}

// xattrIndex splits a name as ext4 does.
func xattrIndex(name string) (index byte, rest string, ok bool) {
	for _, p := range prefixes {
		rest, ok := strings.CutPrefix(name, p.name)
		if ok && p.whole == (rest == "") {
			return p.index, rest, true
		}
	}
	return 0, "", false
}

func xattrName(index byte, rest string) (string, bool) {
	for _, p := range prefixes {
		if p.index == index && p.whole == (rest == "") {
			return p.name + rest, true
		}
	}
	return "", false
}

var errACL = errors.New("its access control list is damaged")

// An access control list is kept by ext4 (fs/ext4/acl.h) without the identifiers of those entries
// that have none; setxattr(2) takes it with them (linux/posix_acl_xattr.h).
const (
	aclDisk, aclXattr = 1, 2
	aclUser, aclGroup = 2, 8
	noID              = 0xffffffff
)

func isACL(name string) bool { return strings.HasPrefix(name, "system.posix_acl_") }

func fromDisk(name string, value []byte) (string, error) {
	if !isACL(name) {
		return string(value), nil
	}
	le := binary.LittleEndian
	if len(value) < 4 || le.Uint32(value) != aclDisk {
		return "", errACL
	}
	out := le.AppendUint32(nil, aclXattr)
	for value = value[4:]; len(value) > 0; {
		if len(value) < 4 {
			return "", errACL
		}
		out, value = append(out, value[:4]...), value[4:]
		id := uint32(noID)
		if tag := le.Uint16(out[len(out)-4:]); tag == aclUser || tag == aclGroup {
			if len(value) < 4 {
				return "", errACL
			}
			id, value = le.Uint32(value), value[4:]
		}
		out = le.AppendUint32(out, id)
	}
	return string(out), nil
}

func toDisk(name, text string) (string, error) {
	if !isACL(name) {
		return text, nil
	}
	le, value := binary.LittleEndian, []byte(text)
	if len(value)%8 != 4 || le.Uint32(value) != aclXattr {
		return "", errACL
	}
	out := le.AppendUint32(nil, aclDisk)
	for entry := range slices.Chunk(value[4:], 8) {
		if tag := le.Uint16(entry); tag == aclUser || tag == aclGroup {
			out = append(out, entry...)
		} else {
			out = append(out, entry[:4]...)
		}
	}
	return string(out), nil
}
