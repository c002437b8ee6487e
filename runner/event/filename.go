package event

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
)

// nameMax is how long a target's part of a file's name may be, in bytes; NAME_MAX is 255.
const nameMax = 200

// FileName is a target's name as part of the names of files in its run's folder.
func FileName(target string) string {
	name := strings.Map(func(r rune) rune {
		if r == ':' || r == '/' || !unicode.IsPrint(r) {
			return '-'
		}
		return r
	}, target)
	if len(name) > nameMax { // the path of a user's file
		sum := sha256.Sum256([]byte(target))
		name = strings.ToValidUTF8(name[:nameMax-17], "") + "-" + hex.EncodeToString(sum[:8])
	}
	return name
}
