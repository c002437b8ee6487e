// Command packaging makes what users install: the static binary, a Debian and an RPM package, a container
// image, man pages, completions, a bill of materials, and the checksums of them all.
//
// It is a module of its own, so that what it needs does not become a dependency of xtest.
//
// Beware: the same commit gives the same bytes. Nothing here may ask for the time, the user or the host; the
// one date is the commit's.
package main
