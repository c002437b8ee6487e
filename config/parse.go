package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"xtest/internal/late"
)

// Parse reads the text of a file. Errors are [*Problem] and call the file name.
func Parse(name string, text []byte, w World) (c *Config, err error) {
	p := &reader{name: name, text: text, world: w}
	if tooLarge(text) {
		return nil, p.at(nil, "%v", errTooLarge)
	}
	// The YAML library is not ours: whatever text makes it panic is a bad file.
	defer func() {
		if r := recover(); r != nil {
			c, err = nil, p.at(nil, "this is no YAML that can be read (%v)", r)
		}
	}()
	doc, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, p.explain(err)
	}
	for i, d := range doc.Docs {
		switch {
		case d.Body == nil:
		case i > 0:
			return nil, p.at(d.Start, "a second document; the file holds one")
		default:
			p.root = d.Body
		}
	}
	var f file
	if p.root != nil {
		var r references
		if ast.Walk(&r, p.root); r.first != nil {
			return nil, p.at(r.first.GetToken(), "anchors (&), aliases (*) and merge keys (<<) are not taken here; `extends` does what they are for")
		}
		if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).DecodeFromNode(p.root, &f); err != nil {
			return nil, p.explain(err)
		}
	}
	return p.resolve(&f)
}

// reader is a file on its way.
type reader struct {
	name  string
	text  []byte
	world World
	root  ast.Node // nil when the file is empty
}

// at makes a problem at a token.
func (p *reader) at(t *token.Token, format string, args ...any) *Problem {
	return newProblem(p.name, p.text, t, fmt.Sprintf(format, args...))
}

// value makes a problem at a value, key at the last key of the path.
func (p *reader) value(path []any, format string, args ...any) *Problem {
	return p.at(find(p.root, false, path...).GetToken(), format, args...)
}

func (p *reader) key(path []any, format string, args ...any) *Problem {
	return p.at(find(p.root, true, path...).GetToken(), format, args...)
}

// explain puts the library's errors in the file's own words.
func (p *reader) explain(err error) *Problem {
	var unknown *yaml.UnknownFieldError
	var kind *yaml.UnexpectedNodeTypeError
	var wrong *yaml.TypeError
	var any yaml.Error
	switch {
	case errors.As(err, &unknown):
		return p.at(unknown.Token, "%s", p.unknownKey(unknown.Token.Value))
	case errors.As(err, &kind):
		return p.at(kind.Token, "this has to be %s and is %s", kindName(kind.Expected), kindName(kind.Actual))
	case errors.As(err, &wrong):
		want := "a text"
		switch wrong.DstType.Kind() {
		case reflect.Float64:
			want = "a number"
		case reflect.Int:
			want = "a whole number"
		case reflect.Bool:
			want = "true or false"
		}
		return p.at(wrong.Token, "this has to be %s", want)
	case errors.As(err, &any):
		return p.at(any.GetToken(), "%s", twice().ReplaceAllString(any.GetMessage(), "the key $1 stands here twice; the other one is on line $2"))
	}
	return p.at(nil, "%v", err)
}

// twice is the library's message on a key that it met before.
var twice = late.Regexp(`(?s)^mapping key (".*") already defined at \[(\d+):\d+\]$`)

func (p *reader) unknownKey(typed string) string {
	known := allKeys(reflect.TypeFor[file]())
	if slices.Contains(known, typed) {
		return fmt.Sprintf("the key %q has no place here", typed)
	}
	near := p.didYouMean(typed, known)
	if near == "" {
		near = "; `xtest config schema` lists all"
	}
	return fmt.Sprintf("there is no key %q%s", typed, near)
}

func kindName(t ast.NodeType) string {
	switch t {
	case ast.MappingType, ast.MappingValueType:
		return "a mapping (key: value)"
	case ast.SequenceType:
		return "a list ([a, b])"
	case ast.StringType, ast.LiteralType:
		return "a text"
	case ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	case ast.BoolType:
		return "true or false"
	case ast.NullType:
		return "empty"
	}
	return "something else"
}

// allKeys are the keys that a type knows, those of the types in it included.
func allKeys(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Map, reflect.Slice:
		return allKeys(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" {
			names = append(names, name)
		}
		names = append(names, allKeys(f.Type)...)
	}
	return names
}

func (p *reader) didYouMean(typed string, known []string) string {
	seen := map[string]bool{}
	var near []string
	for _, n := range p.world.Nearest(typed, known) {
		if !seen[n] {
			seen[n] = true
			near = append(near, n)
		}
	}
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}
