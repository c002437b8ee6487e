package inspection

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/xeipuuv/gojsonschema"

	"xtest/internal/schema"
)

var update = flag.Bool("update", false, "write the schema anew")

// TestProfileSchema makes the schema of the types.
func TestProfileSchema(t *testing.T) {
	const file = "data/profile.schema.json"
	want := schema.Of(t, reflect.TypeFor[asked](), "profile of xtest lsb")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is not what the types say (%v); write it with: go test ./suites/lsb/inspection -update", file, err)
	}
}

// shownProfile is the profile that the page on profiles shows.
func shownProfile(t *testing.T) string {
	page, err := os.ReadFile("../../../docs/lsb.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```yaml\n(name: .*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatal("docs/lsb.md shows no profile")
	}
	return string(m[1])
}

// What the schema takes the reader takes, and the other way round, but for what a schema cannot tell.
func TestSchemaAndReaderAgree(t *testing.T) {
	for text, good := range map[string]bool{
		shownProfile(t):                         true,
		"name: base\ncommands: [ls, /bin/sh]\n": true,
		"name: a-1\nsymbols: {libc.so.6: [memcpy, memcpy@GLIBC_2.14]}\n":       true,
		"name: base\nfiles: [{path: /etc, kind: directory, mode: \"0755\"}]\n": true,
		"name: base\nglibc: \"2.17\"\n":                                        true,
		"commands: [ls]\n":                                                     false,
		"name: Base\ncommands: [ls]\n":                                         false,
		"name: base\ncommand: [ls]\n":                                          false,
		"name: base\ncommands: ls\n":                                           false,
		"name: base\nfiles: [{path: etc}]\n":                                   false,
		"name: base\nfiles: [{kind: file}]\n":                                  false,
		"name: base\nfiles: [{path: /etc, kind: folder}]\n":                    false,
		"name: base\nfiles: [{path: /etc, mode: \"0999\"}]\n":                  false,
		"name: base\nsymbols: [libc.so.6]\n":                                   false,
	} {
		var doc any
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		r, err := gojsonschema.Validate(gojsonschema.NewStringLoader(ProfileSchema), gojsonschema.NewBytesLoader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if r.Valid() != good {
			t.Errorf("the schema says %t of %q: %v", r.Valid(), text, r.Errors())
		}
		if _, err := ParseProfile("own.yaml", []byte(text)); (err == nil) != good {
			t.Errorf("the reader says %v of %q", err, text)
		}
	}
	if !strings.Contains(ProfileSchema, `"title": "profile of xtest lsb"`) {
		t.Error("the schema has no title")
	}
}
