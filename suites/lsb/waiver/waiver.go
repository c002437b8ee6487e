// Package waiver holds the published waivers and errata of LSB 5.0: what the text asks for and a
// program that was built to it does without, or what is wrong in the text itself. With them the
// strict verdict becomes the effective one.
//
// Beware: a waiver excuses what it names and nothing else. A clause is excused when each of its
// deviations is; one that tells no deviations is excused only by its own name.
package waiver

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"xtest/runner/event"
)

//go:embed data/waivers.yaml
var text []byte

// Waiver excuses deviations.
type Waiver struct {
	ID string `yaml:"id"`
	// Kind is "waiver": the text asks for it and programs do without, or "erratum": the text is wrong.
	Kind string `yaml:"kind"`
	// Spec is the pattern of the specs' IDs, as of path.Match.
	Spec string `yaml:"spec"`
	// Deviations and Items say which: kinds of deviations, and patterns of their items; none means all.
	Deviations []string `yaml:"deviations"`
	Items      []string `yaml:"items"`
	// Reason says why programs do without it, Source where that can be read.
	Reason string `yaml:"reason"`
	Source string `yaml:"source"`
}

// All gives the published ones.
var All = sync.OnceValue(func() []Waiver {
	list, err := Parse(text)
	if err != nil {
		panic(err) // the embedded file's mistake is the programmer's
	}
	return list
})

// Parse reads a list of waivers.
func Parse(text []byte) ([]Waiver, error) {
	var list []Waiver
	if err := yaml.UnmarshalWithOptions(text, &list, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("reading the waivers: %w", err)
	}
	seen := map[string]bool{}
	for _, w := range list {
		switch {
		case w.ID == "" || seen[w.ID]:
			return nil, fmt.Errorf("reading the waivers: the ID %q is missing or stands twice", w.ID)
		case w.Kind != "waiver" && w.Kind != "erratum":
			return nil, fmt.Errorf("waiver %s: the kind %q is neither waiver nor erratum", w.ID, w.Kind)
		case w.Reason == "" || w.Source == "" || w.Spec == "":
			return nil, fmt.Errorf("waiver %s: it needs a spec, a reason and a source", w.ID)
		}
		for _, p := range append([]string{w.Spec}, w.Items...) {
			if _, err := path.Match(p, ""); err != nil {
				return nil, fmt.Errorf("waiver %s: pattern %q: %w", w.ID, p, err)
			}
		}
		seen[w.ID] = true
	}
	return list, nil
}

func match(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return ok && err == nil
}

// covers says whether the waiver excuses the deviation of a spec.
func (w Waiver) covers(spec string, d event.Deviation) bool {
	return match(w.Spec, spec) &&
		(len(w.Deviations) == 0 || slices.Contains(w.Deviations, d.Kind)) &&
		(len(w.Items) == 0 || slices.ContainsFunc(w.Items, func(p string) bool { return match(p, d.Item) }))
}

// Excuse says why a failure does not count, or gives nil when it does.
func Excuse(list []Waiver, spec string, r *event.Result) *event.Known {
	var used []Waiver
	use := func(w Waiver) {
		if !slices.ContainsFunc(used, func(u Waiver) bool { return u.ID == w.ID }) {
			used = append(used, w)
		}
	}
	for _, d := range r.Deviations {
		i := slices.IndexFunc(list, func(w Waiver) bool { return w.covers(spec, d) })
		if i < 0 {
			return nil
		}
		use(list[i])
	}
	if len(r.Deviations) == 0 {
		i := slices.IndexFunc(list, func(w Waiver) bool { return w.Spec == spec && len(w.Deviations)+len(w.Items) == 0 })
		if i < 0 {
			return nil
		}
		use(list[i])
	}
	var ids, reasons []string
	for _, w := range used {
		ids = append(ids, w.ID)
		reasons = append(reasons, w.Reason+" ("+w.Source+")")
	}
	return &event.Known{Entry: "LSB " + used[0].Kind + " " + strings.Join(ids, ", "), Reason: strings.Join(reasons, "; ")}
}
