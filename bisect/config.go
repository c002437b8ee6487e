package bisect

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Config is a kernel's configuration: options, without "CONFIG_", and their values as the file has them. One
// that is not set has the value "n", which is what one that the file does not name has, too.
type Config map[string]string

// ReadConfig reads a configuration as the kernel's build keeps it in .config. It is an error when it sets
// nothing.
func ReadConfig(in io.Reader) (Config, error) {
	c := Config{}
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		text := strings.TrimSpace(s.Text())
		if name, ok := strings.CutPrefix(text, "# CONFIG_"); ok {
			if name, ok = strings.CutSuffix(name, " is not set"); ok {
				c[name] = "n"
			}
		} else if text, ok := strings.CutPrefix(text, "CONFIG_"); ok {
			if name, value, ok := strings.Cut(text, "="); ok {
				c[name] = value
			}
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("reading a kernel's configuration: %w", err)
	}
	if len(c) == 0 {
		return nil, fmt.Errorf("it is no kernel's configuration: no line of it is as CONFIG_NAME=value")
	}
	return c, nil
}

func (c Config) value(name string) string {
	if v, ok := c[name]; ok {
		return v
	}
	return "n"
}

// Configs are two configurations and the changes that lead from the good one to the bad one.
type Configs struct {
	good    Config
	changes []string // CONFIG_NAME=value, as the bad one has it
}

// NewConfigs finds the changes, in the options' order.
func NewConfigs(good, bad Config) Configs {
	c := Configs{good: good}
	all := maps.Clone(good)
	maps.Copy(all, bad)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if good.value(name) != bad.value(name) {
			c.changes = append(c.changes, "CONFIG_"+name+"="+bad.value(name))
		}
	}
	return c
}

// Set is the changes as a set. A candidate is the changes that are made, a line each.
func (c Configs) Set() Set {
	return Set{
		Items: c.changes,
		Candidate: func(items []int) string {
			lines := make([]string, len(items))
			for i, item := range items {
				lines[i] = c.changes[item]
			}
			return strings.Join(lines, "\n")
		},
		Known: func(item int, turned []string) bool { return !slices.Contains(turned, c.changes[item]) },
	}
}

// Text is a candidate as a file for the kernel's build.
func (c Configs) Text(candidate string) string {
	all := maps.Clone(c.good)
	for line := range strings.Lines(candidate) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "CONFIG_"), "=")
		all[name] = value
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] == "n" {
			fmt.Fprintf(&b, "# CONFIG_%s is not set\n", name)
		} else {
			fmt.Fprintf(&b, "CONFIG_%s=%s\n", name, all[name])
		}
	}
	return b.String()
}

// TurnedBack are the changes of a candidate that a build did not leave as they were: what they depend on is
// missing, or the tree does not know them.
func TurnedBack(candidate string, built Config) (list []string) {
	for line := range strings.Lines(candidate) {
		line = strings.TrimSuffix(line, "\n")
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "CONFIG_"), "=")
		if built.value(name) != value {
			list = append(list, line)
		}
	}
	return list
}
