package config

import (
	"maps"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// find gives the node at a path of keys (strings) and indices (ints) below n, or the last one on the
// way to it that is there. With key it is the last key's own node.
func find(n ast.Node, key bool, path ...any) ast.Node {
	for i, step := range path {
		next := child(n, step, key && i == len(path)-1)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func child(n ast.Node, step any, key bool) ast.Node {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if text, ok := step.(string); ok && v.Key.GetToken() != nil && v.Key.GetToken().Value == text {
				if key {
					return v.Key
				}
				return v.Value
			}
		}
	case *ast.SequenceNode:
		if i, ok := step.(int); ok && i < len(n.Values) {
			return n.Values[i]
		}
	}
	return nil
}

// order gives the keys of a decoded mapping in the order in which they stand at the path. Those that
// are written otherwise than they are decoded, as numbers can be, follow sorted.
func order[T any](root ast.Node, decoded map[string]T, path ...any) []string {
	n := root
	for _, step := range path {
		if n = child(n, step, false); n == nil {
			break
		}
	}
	var names []string
	if m, ok := n.(*ast.MappingNode); ok {
		for _, v := range m.Values {
			name := v.Key.GetToken().Value
			if _, ok := decoded[name]; ok {
				names = append(names, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(decoded)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// source gives a scalar as it was written: 1.10 is not to become 1.1 on its way through a number.
func source(n ast.Node, decoded string) string {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value
	}
	return decoded
}

// start is where a node begins; a mapping's own token is its first colon.
func start(n ast.Node) *token.Token {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken()
	}
	return n.GetToken()
}

// references finds the first of what makes one part of a document stand for another: chains of them
// grow beyond all bounds when they are followed.
type references struct{ first ast.Node }

// Visit is called by [ast.Walk].
func (r *references) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		if r.first == nil {
			r.first = n
		}
	}
	return r
}
