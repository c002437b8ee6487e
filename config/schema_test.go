package config

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// TestSchema makes the schema of the types.
func TestSchema(t *testing.T) {
	s := schemaOf(t, reflect.TypeFor[file]())
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = Name
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "schema.json", string(text)+"\n")
}

func schemaOf(t *testing.T, typ reflect.Type) map[string]any {
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
		return map[string]any{"type": "array", "items": schemaOf(t, typ.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t, typ.Elem())}
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

func addFields(t *testing.T, typ reflect.Type, properties map[string]any, required *[]string) {
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
		s := schemaOf(t, f.Type)
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
