// Package schema makes the JSON schemas of files that users write out of the types that they are read into. Tests
// keep what the program prints as it is made here.
//
// Beware: a schema says less than the reader does. What one value says about another it cannot tell.
package schema

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// Of writes the schema (draft 7, which editors know best) of a type under a title. Tags of the fields: yaml is the
// name, doc the description, which both must be there; required, minimum, maximum, pattern, names (a pattern of
// a map's keys) and enum (values with commas between them) are JSON schema's.
func Of(t testing.TB, typ reflect.Type, title string) string {
	s := of(t, typ)
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = title
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func of(t testing.TB, typ reflect.Type) map[string]any {
	switch typ.Kind() {
	case reflect.String:
		// A bare number is taken as text, too.
		return map[string]any{"type": []string{"string", "number"}}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": of(t, typ.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": of(t, typ.Elem())}
	case reflect.Struct:
		properties, required := map[string]any{}, []string{}
		addFields(t, typ, properties, &required)
		s := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
		if len(required) > 0 {
			s["required"] = required
		}
		return s
	}
	t.Fatalf("no schema for %v", typ)
	return nil
}

func addFields(t testing.TB, typ reflect.Type, properties map[string]any, required *[]string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, how, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case how == "inline":
			addFields(t, f.Type, properties, required)
			continue
		case !f.IsExported():
			continue
		case name == "" || f.Tag.Get("doc") == "":
			t.Errorf("%v.%s has no yaml or no doc tag", typ, f.Name)
		}
		s := of(t, f.Type)
		s["description"] = f.Tag.Get("doc")
		for _, key := range []string{"minimum", "maximum"} {
			if v, ok := f.Tag.Lookup(key); ok {
				n, err := strconv.ParseFloat(v, 64)
				if err != nil {
					t.Errorf("%v.%s: %s: %v", typ, f.Name, key, err)
				}
				s[key] = n
			}
		}
		if v, ok := f.Tag.Lookup("enum"); ok {
			s["enum"], s["type"] = strings.Split(v, ","), "string"
		}
		if p, ok := f.Tag.Lookup("pattern"); ok {
			s["pattern"], s["type"] = p, "string"
		}
		if p, ok := f.Tag.Lookup("names"); ok {
			s["propertyNames"] = map[string]any{"pattern": p}
		}
		if f.Tag.Get("required") != "" {
			*required = append(*required, name)
		}
		properties[name] = s
	}
}
