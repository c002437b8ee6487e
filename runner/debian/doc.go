// Package debian fetches, verifies and unpacks packages of a Debian archive, without root and
// without apt: it reads the host's mirror settings, checks the signed index, resolves dependencies
// and unpacks .deb files.
//
// Beware: nothing here configures a package. Maintainer scripts are read, never run, and Conflicts
// and Breaks are not looked at, so a [Index.Closure] is a set of files that belong together and not
// proof that dpkg would install it.
package debian

// Progress is told how far a transfer is: what is being done, and the bytes done of total (0 when
// it is not known). Calls do not overlap. A nil Progress is never called.
type Progress func(what string, done, total int64)
