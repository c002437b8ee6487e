package config

import (
	"path"
	"reflect"
	"slices"
	"strings"
)

// Over gives o with what it leaves unset taken from base. A list takes the place of base's list; an
// empty one that is set, as in `exclude: []`, too.
func (o Options) Over(base Options) Options {
	fill(reflect.ValueOf(&o).Elem(), reflect.ValueOf(base))
	return o
}

func fill(v, base reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Kind() == reflect.Struct:
			fill(f, base.Field(i))
		case f.IsZero():
			f.Set(base.Field(i))
		}
	}
}

// Soak is the label of specs that take minutes: they are judged only where they are asked for, by
// their ID or by the label.
const Soak = "soak"

// Leaves says whether the options leave a spec to be judged. Suites are not looked at.
func (o Options) Leaves(id string, labels []string) bool {
	matches := func(p string) bool { return Match(p, id) }
	has := func(label string) bool { return slices.Contains(labels, label) }
	if has(Soak) && len(o.Specs) == 0 && !slices.Contains(o.Labels, Soak) {
		return false
	}
	return (len(o.Specs) == 0 || slices.ContainsFunc(o.Specs, matches)) &&
		!slices.ContainsFunc(o.Exclude, matches) &&
		(len(o.Labels) == 0 || slices.ContainsFunc(o.Labels, has)) &&
		!slices.ContainsFunc(o.ExcludeLabels, has)
}

// Match says whether a pattern of [path.Match] fits the whole name, "/" being like any other
// character. A malformed pattern fits nothing.
func Match(pattern, name string) bool {
	ok, _ := path.Match(flat(pattern), flat(name))
	return ok
}

// CheckPattern gives the error of a malformed pattern. path.Match looks at all of a pattern, whatever the
// name.
func CheckPattern(pattern string) error {
	_, err := path.Match(flat(pattern), "")
	return err
}

func flat(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// replaced gives o with r at work on every string in it.
func replaced[T any](o T, r *strings.Replacer) T {
	replace(reflect.ValueOf(&o).Elem(), r)
	return o
}

func replace(v reflect.Value, r *strings.Replacer) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(r.Replace(v.String()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			replace(v.Field(i), r)
		}
	case reflect.Slice:
		if !v.IsNil() {
			v.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v)) // the other combinations share it
		}
		for i := range v.Len() {
			replace(v.Index(i), r)
		}
	}
}
