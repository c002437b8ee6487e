package inspection

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed data/symbols.txt
var symbolsText string

//go:embed data/commands.txt
var commandsText string

// The tables of LSB 5.0 Core, in the order of the text. They are read when they are first asked for:
// this program also starts as many other things.
var (
	Libraries = sync.OnceValue(func() []Library { return must(parseSymbols(symbolsText)) })
	Commands  = sync.OnceValue(func() []CommandGroup { return must(parseCommands(commandsText)) })
)

// must is for the embedded tables: a mistake in them is the programmer's.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Library is a library that LSB Core requires and the interfaces it must provide.
type Library struct {
	Name, SOName, Section     string
	symbolCheck, libraryCheck string // identifiers of the checks it was made from
	Symbols                   []Requirement
}

// Requirement is one interface: a function, or a data object.
type Requirement struct {
	Name, Version string // Version "" asks for none
	Object        bool
	Weak          bool   // a weak alias
	Size          uint64 // bytes of a data object; 0 when the text gives none
}

func (r Requirement) String() string {
	if r.Version == "" {
		return r.Name
	}
	return r.Name + "@" + r.Version
}

func parseSymbols(text string) ([]Library, error) {
	var libs []Library
	version, n := "", 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if inner, ok := heading(line); ok {
			f := strings.Fields(inner)
			if len(f) != 5 {
				return nil, fmt.Errorf("symbol table, line %d: a library needs 5 fields, not %d", n, len(f))
			}
			libs = append(libs, Library{f[0], f[1], strings.ReplaceAll(f[2], "-", " "), f[3], f[4], nil})
			version = ""
			continue
		}
		if len(libs) == 0 {
			return nil, fmt.Errorf("symbol table, line %d: %q stands before the first library", n, line)
		}
		if line[0] == '@' {
			version = line[1:]
			continue
		}
		r := Requirement{Name: line, Version: version}
		if line[0] == '=' || line[0] == '~' {
			name, size, sized := strings.Cut(line[1:], " ")
			r.Name, r.Object, r.Weak = name, true, line[0] == '~'
			if sized {
				var err error
				if r.Size, err = strconv.ParseUint(size, 10, 32); err != nil {
					return nil, fmt.Errorf("symbol table, line %d: size: %w", n, err)
				}
			}
		}
		last := &libs[len(libs)-1]
		last.Symbols = append(last.Symbols, r)
	}
	return libs, nil
}

// heading gives what is between the brackets of "[name]". The utility "[" is none.
func heading(line string) (string, bool) {
	if len(line) < 3 || line[0] != '[' || line[len(line)-1] != ']' {
		return "", false
	}
	return line[1 : len(line)-1], true
}

// CommandGroup is a set of required utilities of one kind.
type CommandGroup struct {
	Name     string
	Commands []Utility
}

// Utility is a required command. Path is where it must be found, "" for anywhere on the search path.
type Utility struct{ Name, Path string }

func parseCommands(text string) ([]CommandGroup, error) {
	var groups []CommandGroup
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := heading(line); ok {
			groups = append(groups, CommandGroup{Name: name})
			continue
		}
		name, path, _ := strings.Cut(line, " ")
		if len(groups) == 0 || (path != "" && path[0] != '/') {
			return nil, fmt.Errorf("command table, line %d: %q", n, line)
		}
		last := &groups[len(groups)-1]
		last.Commands = append(last.Commands, Utility{name, path})
	}
	return groups, nil
}
