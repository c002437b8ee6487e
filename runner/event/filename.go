package event

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// nameMax is how long a target's part of a file's name may be, in bytes; NAME_MAX is 255.
const nameMax = 200

// FileName is a target's name as part of the names of files in its run's folder. No two targets have
// the same: "=" stands for the backend's colon, which no name in xtest.yaml holds, and a name that
// has to be changed further, or shortened, ends with its hash.
func FileName(target string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-@:", r):
			return r
		}
		return '-'
	}, target)
	name = strings.Replace(name, ":", "=", 1)
	if len(name) > nameMax || strings.Contains(name, ":") || name != strings.Replace(target, ":", "=", 1) || strings.Contains(target, "=") {
		sum := sha256.Sum256([]byte(target))
		name = strings.ReplaceAll(name, ":", "-")
		name = name[:min(len(name), nameMax-17)] + "-" + hex.EncodeToString(sum[:8])
	}
	return name
}

// KeptFile is the name of the file, in the run's folder, that keeps what specs of a target's boot gave
// under a name.
func KeptFile(target string, boot int, name string) string {
	return "kept-" + FileName(target) + "-" + strconv.Itoa(boot) + "-" + FileName(name)
}

// ConsoleLog is the name of the file, in the run's folder, that keeps the console of a target's boot.
func ConsoleLog(target string, boot int) string {
	return "console-" + FileName(target) + "-" + strconv.Itoa(boot) + ".log"
}
