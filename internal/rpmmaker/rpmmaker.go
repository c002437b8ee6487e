// Package rpmmaker writes packages in the format of LSB 5.0 Core 24.2, byte by byte, with the tags of its tables alone: what
// installs packages is tried with them where nothing is that builds one.
//
// Beware: nothing is checked against sense, and no package is signed.
package rpmmaker

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
)

// Package is one to be made. Its summary is its name.
type Package struct {
	Name, Version, Release string
	Arch                   string // as noarch, x86_64
	// Files are in order: a folder before what is in it.
	Files []File
	// Requires are conditions of the form name >= version.
	Requires []Requirement
	// What /bin/sh runs before and behind the files are written, and before and behind they are removed.
	PreIn, PostIn, PreUn, PostUn string
}

// Requirement is a package that must be there, of this version at least.
type Requirement struct{ Name, Version string }

// File is one of a package. Its mode has the bits of the type too: S_IFREG, S_IFDIR or S_IFLNK. Content is a link's target.
type File struct {
	Path, Content string
	Mode          uint16
	User, Group   string
}

const (
	typeMask, folder, link = 0xf000, 0x4000, 0xa000

	made = 1430000000 // seconds since 1970 at which all files were changed: any will do
)

// Bytes lays the package out: lead, signature, header and payload.
func (p Package) Bytes() []byte {
	payload, size := p.payload()
	head := p.header().bytes(regionHeader)
	sum := sha1.Sum(head)
	both := append(slices.Clip(head), payload...)
	digest := md5.Sum(both)
	var s section
	s.text(269, hex.EncodeToString(sum[:])) // SHA1HEADER
	s.ints(1000, uint32(len(both)))         // SIGSIZE
	s.add(1004, bin, 16, 1, digest[:])      // MD5
	s.ints(1007, uint32(size))              // PAYLOADSIZE, which may stand here or as ARCHIVESIZE in the header, not in both
	signature := s.bytes(regionSignature)
	signature = append(signature, make([]byte, -len(signature)&7)...) // the header begins at a multiple of 8
	return slices.Concat(p.lead(), signature, both)
}

// lead is 24.2.1: nothing but its magic number and kind is used today.
func (p Package) lead() []byte {
	b := append([]byte{0xed, 0xab, 0xee, 0xdb, 3, 0}, 0, 0, 0, 1) // version 3.0, a binary package, x86
	name := make([]byte, 66)
	copy(name[:65], p.Name+"-"+p.Version+"-"+p.Release)
	b = append(b, name...)
	b = append(b, 0, 1, 0, 5) // Linux, a signature in a header
	return append(b, make([]byte, 16)...)
}

// Bits of a dependency's kind: 24.2.4.4.3.
const (
	atMost, atLeast = 2 | 8, 4 | 8
	ofRPM           = 1 << 24 // a feature of the installer
)

func (p Package) header() *section {
	s := &section{}
	s.list(100, "C") // HEADERI18NTABLE
	s.text(1000, p.Name)
	s.text(1001, p.Version)
	s.text(1002, p.Release)
	s.translated(1004, p.Name)
	s.translated(1005, p.Name)
	var total uint32
	for _, f := range p.Files {
		total += f.size()
	}
	s.ints(1009, total)
	s.text(1014, "MIT")
	s.translated(1016, "Applications/System")
	s.text(1021, "linux")
	s.text(1022, p.Arch)
	for i, script := range []string{p.PreIn, p.PostIn, p.PreUn, p.PostUn} {
		if script != "" {
			s.text(1023+i, script)
			s.text(1085+i, "/bin/sh")
		}
	}
	requires := []string{"rpmlib(PayloadFilesHavePrefix)", "rpmlib(CompressedFileNames)"}
	flags, versions := []uint32{ofRPM | atMost, ofRPM | atMost}, []string{"4.0-1", "3.0.4-1"}
	for _, r := range p.Requires {
		requires, flags, versions = append(requires, r.Name), append(flags, atLeast), append(versions, r.Version)
	}
	s.ints(1048, flags...)
	s.list(1049, requires...)
	s.list(1050, versions...)
	s.text(1064, "4.0") // RPMVERSION
	s.ints(1112, 8)     // it provides itself, in this version
	s.list(1047, p.Name)
	s.list(1113, p.Version+"-"+p.Release)
	s.text(1044, p.Name+"-"+p.Version+"-"+p.Release+".src.rpm")
	s.text(1124, "cpio")
	s.text(1125, "gzip")
	s.text(1126, "9")
	p.files(s)
	return s
}

// files adds the lists that have one entry for each file.
func (p Package) files(s *section) {
	var sizes, times, zeros, indexes, inodes, devices, verify []uint32
	var modes, rdevs []uint16
	var sums, links, users, groups, langs, names, dirs []string
	for i, f := range p.Files {
		sum, target := "", ""
		switch f.Mode & typeMask {
		case link:
			target = f.Content
		case folder:
		default:
			digest := md5.Sum([]byte(f.Content))
			sum = hex.EncodeToString(digest[:])
		}
		dir := path.Dir(f.Path) + "/"
		at := slices.Index(dirs, dir)
		if at < 0 {
			at, dirs = len(dirs), append(dirs, dir)
		}
		sizes, times, zeros = append(sizes, f.size()), append(times, made), append(zeros, 0)
		modes, rdevs = append(modes, f.Mode), append(rdevs, 0)
		sums, links = append(sums, sum), append(links, target)
		users, groups, langs = append(users, f.User), append(groups, f.Group), append(langs, "")
		inodes, devices, verify = append(inodes, uint32(i+1)), append(devices, 1), append(verify, ^uint32(0))
		names, indexes = append(names, path.Base(f.Path)), append(indexes, uint32(at))
	}
	s.ints(1028, sizes...)
	s.shorts(1030, modes)
	s.shorts(1033, rdevs)
	s.ints(1034, times...)
	s.list(1035, sums...)
	s.list(1036, links...)
	s.ints(1037, zeros...)
	s.list(1039, users...)
	s.list(1040, groups...)
	s.ints(1045, verify...)
	s.ints(1095, devices...)
	s.ints(1096, inodes...)
	s.list(1097, langs...)
	s.ints(1116, indexes...)
	s.list(1117, names...)
	s.list(1118, dirs...)
}

func (f File) size() uint32 {
	if f.Mode&typeMask == folder {
		return 0
	}
	return uint32(len(f.Content))
}

// payload is 24.2.5: a cpio archive with ASCII headers, compressed; size is that of the archive.
func (p Package) payload() (compressed []byte, size int) {
	var plain, b bytes.Buffer
	entry := func(name, content string, mode uint16, inode int) {
		fmt.Fprintf(&plain, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
			inode, mode, 0, 0, 1, made, len(content), 0, 1, 0, 0, len(name)+1, 0, name)
		plain.Write(make([]byte, -plain.Len()&3))
		plain.WriteString(content)
		plain.Write(make([]byte, -plain.Len()&3))
	}
	for i, f := range p.Files {
		entry("."+f.Path, f.Content[:f.size()], f.Mode, i+1)
	}
	entry("TRAILER!!!", "", 0, 0)
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails for other levels alone
	z.Write(plain.Bytes())                                // nothing fails in memory
	z.Close()
	return b.Bytes(), plain.Len()
}
