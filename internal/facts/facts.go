// Package facts is what a root file system offers to programs, for being compared: libraries and
// their symbols, commands, packages, users. It is data alone; package inspection gathers it.
//
// Beware: all strings are the root's own. Escape them before they are shown.
package facts

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"xtest/runner/event"
)

// Facts are those of one root.
type Facts struct {
	Distro    string            `json:"distro,omitempty"` // PRETTY_NAME of os-release
	ABI       string            `json:"abi,omitempty"`    // of the shell
	Libraries []Library         `json:"libraries,omitempty"`
	Commands  map[string]string `json:"commands,omitempty"` // on the search path: name to path without links
	Packages  map[string]string `json:"packages,omitempty"` // name to version
	Users     map[string]string `json:"users,omitempty"`    // name to ID
	Groups    map[string]string `json:"groups,omitempty"`   // name to ID
}

// Library is a shared library that the dynamic linker finds.
type Library struct {
	SOName string `json:"soname"`
	Path   string `json:"path"`
	// Symbols are those it defines, one string each, sorted: see [Symbol]. Nil: they were not read.
	Symbols []string `json:"symbols,omitempty"`
}

// Symbol is one that a library defines.
type Symbol struct {
	Name string // with its version behind @, if it has one
	Kind byte   // F: function, O: object, T: thread-local object, N: of no type
	Weak bool
	Size uint64 // bytes of an object, else 0
}

// String writes it as it is kept: "environ@GLIBC_2.2.5 OW8".
func (s Symbol) String() string {
	text := s.Name + " " + string(s.Kind)
	if s.Weak {
		text += "W"
	}
	if s.Size > 0 {
		text += fmt.Sprint(s.Size)
	}
	return text
}

// Split takes a kept symbol apart: its name with version, and what it is.
func Split(symbol string) (name, what string) {
	i := strings.LastIndexByte(symbol, ' ')
	if i < 0 {
		return symbol, ""
	}
	return symbol[:i], symbol[i+1:]
}

// maxFile bounds what is read of a file of facts, in bytes when unpacked.
const maxFile = 256 << 20

// file is the name of a target's facts in its run's folder.
func file(dir, target string) string {
	return filepath.Join(dir, "facts-"+event.FileName(target)+".json.gz")
}

// Write keeps a target's facts in its run's folder, compressed.
func (f *Facts) Write(dir, target string) error {
	out, err := os.Create(file(dir, target))
	if err != nil {
		return fmt.Errorf("keeping the facts of %s: %w", target, err)
	}
	z := gzip.NewWriter(out)
	if err := errors.Join(json.NewEncoder(z).Encode(f), z.Close(), out.Close()); err != nil {
		return fmt.Errorf("keeping the facts of %s: %w", target, err)
	}
	return nil
}

// Read gives a target's facts out of its run's folder. The error wraps fs.ErrNotExist where none were
// kept.
func Read(dir, target string) (*Facts, error) {
	in, err := os.Open(file(dir, target))
	if err != nil {
		return nil, fmt.Errorf("the facts of %s: %w", target, err)
	}
	defer in.Close() // only read
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("the facts of %s: %w", target, err)
	}
	f := &Facts{}
	if err := json.NewDecoder(io.LimitReader(z, maxFile)).Decode(f); err != nil {
		return nil, fmt.Errorf("the facts of %s: %w", target, err)
	}
	return f, nil
}
