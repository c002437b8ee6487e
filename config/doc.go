// Package config reads xtest.yaml: targets with names, what a run judges by default, and the
// failures that are known. It knows the file and nothing of backends and suites; what names there
// are, its caller says with a [World].
//
// Beware: an option that is not in [Options] is refused, so that nobody believes in one that does
// nothing. A new one is a field there, and what it does; inheritance, matrices, unknown keys and the
// JSON schema follow from the field. Fields of strings are subject to matrices.
package config

import (
	_ "embed"
	"fmt"
	"io"
	"os"
)

// Name is the file that is read where none is named.
const Name = "xtest.yaml"

// Schema is the JSON schema (draft 7, which editors know best) of the file. It is made from the
// types; a test tells when it is stale.
//
//go:embed schema.json
var Schema string

// World is what the file may speak of.
type World struct {
	Suites, Specs, Labels []string
	// Target checks that backend:what can name a target.
	Target func(name string) error
	// Memory checks an amount of memory as --memory takes it.
	Memory func(text string) error
	// Nearest gives those of the known names that look like the typed one, best first.
	Nearest func(typed string, known []string) []string
}

// Config is what a file says. The zero value is that of no file.
type Config struct {
	Run     Run
	Targets []Target // in the order of the file, matrices expanded, extends followed
	Known   []Known
}

// Load reads a file. The error wraps [os.ErrNotExist] when there is none, and is a [*Problem] when
// something is wrong in it.
func Load(path string, w World) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(path, text, w)
}

// Find gives the target with a name.
func (c *Config) Find(name string) (Target, bool) {
	for _, t := range c.Targets {
		if t.Name == name {
			return t, true
		}
	}
	return Target{}, false
}

// Names are those of the targets that can be run, in the order of the file.
func (c *Config) Names() []string {
	var names []string
	for _, t := range c.Targets {
		if t.What != "" {
			names = append(names, t.Name)
		}
	}
	return names
}
