package config

import (
	"reflect"
	"testing"

	"xtest/internal/schema"
)

// TestSchema makes the schema of the types.
func TestSchema(t *testing.T) {
	golden(t, "schema.json", schema.Of(t, reflect.TypeFor[file](), Name))
}
